"""Crop faces to the model's input format.

Everything here is arithmetic that the web page repeats, to the last grey level; docs/crop.md
gives it in words, and `tests/golden/crops.json` holds examples that both must reproduce.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.errors import InputError
from mien.faces.face import Face

MIN_FACE_PX: Final = 20
"""A face whose box is under this on its shorter side is not read: too few pixels to judge by."""

_ROUNDING = 0.5 + 1e-6  # ties go up, also where summing in another order would miss the tie


def is_too_small(face: Face) -> bool:
    """Return whether a face has too few pixels to be read."""
    return face.box.shorter_side < MIN_FACE_PX


def crop_face(
    image: NDArray[np.uint8],
    face: Face,
    *,
    margin: float,
    shift_y: float = 0.0,
    size: int = 48,
) -> NDArray[np.uint8]:
    """Cut a square around a face, as grey levels.

    The square's side is the box's longer side times (1 + 2 * margin). A face that lies on its
    side or upside down, by its landmarks, is turned upright by quarter turns.

    Args:
        image: The picture the face was found in, (H, W, 3) uint8 RGB.
        face: A face whose box may reach past the picture's edge.
        margin: Extra border on each side, as a fraction of the box's longer side.
        shift_y: How far the square's centre lies below the box's, as a fraction of the box's
            longer side; below is towards the chin.
        size: Side of the crop in pixels.

    Returns:
        The crop, (size, size) uint8; pixels outside the picture repeat its edge.

    Raises:
        InputError: The image or the box has no extent, or the margin leaves nothing.
    """
    box = face.box
    longer = box.longer_side
    side = longer * (1 + 2 * margin)
    centre = box.center
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise InputError(
            f"a picture to crop from is (H, W, 3) uint8, got {image.shape} {image.dtype}; "
            "read it with mien.read_image"
        )
    if not (math.isfinite(side) and side > 0 and all(map(math.isfinite, centre))):
        raise InputError(
            f"a crop needs a box and a margin that leave something, got {box} and {margin}"
        )
    turns = quarter_turns(face)
    down = ((0, 1), (-1, 0), (0, -1), (1, 0))[turns]  # where the chin points in the picture
    left = centre[0] + down[0] * shift_y * longer - side / 2
    top = centre[1] + down[1] * shift_y * longer - side / 2
    across, columns = _area_weights(left, side, size, image.shape[1])  # (size, w)
    upright, rows = _area_weights(top, side, size, image.shape[0])  # (size, h)
    grey = to_grey(image[rows, columns]).astype(np.float64)  # (h, w)
    levels = _average(across, _average(upright, grey).T).T  # (size, size) in [0, 255]
    crop = np.floor(levels + _ROUNDING).astype(np.uint8)
    return np.ascontiguousarray(np.rot90(crop, turns))


def quarter_turns(face: Face) -> int:
    """Count the quarter turns, clockwise, by which a face is turned away from upright: 0 to 3.

    The line from between the eyes to between the mouth's corners decides; a head that leans up
    to 45 degrees counts as upright.
    """
    if len(face.landmarks) != 5:
        return 0
    right_eye, left_eye, _, right_mouth, left_mouth = face.landmarks
    x = right_mouth[0] + left_mouth[0] - right_eye[0] - left_eye[0]
    y = right_mouth[1] + left_mouth[1] - right_eye[1] - left_eye[1]
    if abs(y) >= abs(x):
        return 0 if y >= 0 else 2
    return 1 if x < 0 else 3


def to_grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Convert colour to grey levels: ITU-R 601-2 luma, in integers.

    That is (19595 R + 38470 G + 7471 B + 32768) // 65536, which Pillow computes.

    Args:
        image: (H, W, 3) uint8 RGB.

    Returns:
        (H, W) uint8.
    """
    return np.asarray(Image.fromarray(np.ascontiguousarray(image)).convert("L"))


def _area_weights(
    start: float, extent: float, size: int, length: int
) -> tuple[NDArray[np.float64], slice]:
    """Weigh the pixels of one axis for each pixel of the crop.

    Each pixel of the crop is the mean of the picture over a window. Windows lie side by side
    where the picture is made smaller, so every pixel counts by the area of it that is covered.
    Where it is enlarged they are one pixel wide, which is linear interpolation. What a window
    covers outside the picture counts for the pixel at the edge.

    Args:
        start: Where the crop begins on this axis, in pixels of the picture.
        extent: How much of the picture it covers, in pixels.
        size: Pixels of the crop.
        length: Pixels of the picture.

    Returns:
        Weights (size, n) whose rows sum to 1, and the n pixels of the picture they are for.
    """
    step = extent / size
    width = max(step, 1.0)
    centres = start + (np.arange(size) + 0.5) * step
    low, high = centres - width / 2, centres + width / 2  # (size,)
    first = min(max(math.floor(low[0]), 0), length - 1)
    stop = min(max(math.ceil(high[-1]), first + 1), length)
    edges = np.arange(first, stop + 1, dtype=np.float64)
    edges[0] = -np.inf if first == 0 else edges[0]
    edges[-1] = np.inf if stop == length else edges[-1]
    covered = np.minimum(high[:, np.newaxis], edges[1:]) - np.maximum(
        low[:, np.newaxis], edges[:-1]
    )
    return np.clip(covered, 0, None) / width, slice(first, stop)


def _average(weights: NDArray[np.float64], levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Multiply matrices, (size, n) @ (n, m), where few weights of each row are not 0.

    A general product would do fifty times the work, and wake a thread for every core to do it:
    where many photos are read side by side, those threads take more time than all the rest.
    """
    product = np.empty((len(weights), levels.shape[1]))
    for row, weight in enumerate(weights):
        counted = np.flatnonzero(weight)
        band = slice(counted[0], counted[-1] + 1)
        product[row] = np.einsum("i,ij->j", weight[band], levels[band])
    return product
