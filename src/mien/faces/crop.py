"""Crop faces to the model's input format.

The web page repeats this arithmetic exactly, to the last grey level. docs/crop.md describes it in
words, and `tests/golden/crops.json` contains examples that both must reproduce.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.errors import InputError
from mien.faces.face import Face

MIN_FACE_PX: Final = 20
"""Minimum shorter side of a face's box, in pixels; smaller faces are not read."""

_ROUNDING = 0.5 + 1e-6  # rounds ties up, even if summation order makes them slightly smaller


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

    The square's side is the box's longer side times (1 + 2 * margin). A face that is sideways or
    upside down, according to its landmarks, is rotated upright by quarter turns.

    Args:
        image: The picture the face was found in, (H, W, 3) uint8 RGB.
        face: The face; its box may extend beyond the picture's edge.
        margin: Extra border on each side, as a fraction of the box's longer side.
        shift_y: Offset of the square's centre below the box's, towards the chin, as a fraction of
            the box's longer side.
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
            f"expected a picture to crop from as (H, W, 3) uint8, got {image.shape} {image.dtype}; "
            "read it with mien.read_image"
        )
    if not (math.isfinite(side) and side > 0 and all(map(math.isfinite, centre))):
        raise InputError(
            f"the box and the margin of a crop must leave an area, got {box} and {margin}"
        )
    turns = quarter_turns(face)
    down = ((0, 1), (-1, 0), (0, -1), (1, 0))[turns]  # direction of the chin in the picture
    left = centre[0] + down[0] * shift_y * longer - side / 2
    top = centre[1] + down[1] * shift_y * longer - side / 2
    across, columns = _area_weights(left, side, size, image.shape[1])  # (size, w)
    upright, rows = _area_weights(top, side, size, image.shape[0])  # (size, h)
    grey = to_grey(image[rows, columns]).astype(np.float64)  # (h, w)
    levels = _average(across, _average(upright, grey).T).T  # (size, size) in [0, 255]
    crop = np.floor(levels + _ROUNDING).astype(np.uint8)
    return np.ascontiguousarray(np.rot90(crop, turns))


def quarter_turns(face: Face) -> int:
    """Return the number of clockwise quarter turns from upright to the face's orientation: 0 to 3.

    It depends on the line from between the eyes to between the corners of the mouth; a head tilted
    by up to 45 degrees counts as upright.
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
    """Convert colour to grey levels with the ITU-R 601-2 luma, in integers.

    This is (19595 R + 38470 G + 7471 B + 32768) // 65536, as computed by Pillow.

    Args:
        image: (H, W, 3) uint8 RGB.

    Returns:
        (H, W) uint8.
    """
    return np.asarray(Image.fromarray(np.ascontiguousarray(image)).convert("L"))


def _area_weights(
    start: float, extent: float, size: int, length: int
) -> tuple[NDArray[np.float64], slice]:
    """Compute the weights of one axis' pixels for each pixel of the crop.

    Each pixel of the crop is the mean of the picture over a window. When shrinking, windows are
    adjacent, so every pixel is weighted by the area covered. When enlarging, they are one pixel
    wide, which is linear interpolation. Parts of a window outside the picture use the pixel at the
    edge.

    Args:
        start: Start of the crop on this axis, in pixels of the picture.
        extent: Extent of the crop on this axis, in pixels of the picture.
        size: Number of pixels of the crop.
        length: Number of pixels of the picture.

    Returns:
        Weights (size, n) whose rows sum to 1, and the indices of the n pixels they apply to.
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
    """Multiply matrices, (size, n) @ (n, m), where each row has few non-zero weights.

    A general product would do fifty times the work and start a thread per core. When many photos
    are read in parallel, these threads would take more time than everything else.
    """
    product = np.empty((len(weights), levels.shape[1]))
    for row, weight in enumerate(weights):
        counted = np.flatnonzero(weight)
        band = slice(counted[0], counted[-1] + 1)
        product[row] = np.einsum("i,ij->j", weight[band], levels[band])
    return product
