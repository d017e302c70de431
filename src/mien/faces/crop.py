"""Crop faces to the model's input format.

The web page repeats this arithmetic exactly, to the last grey level. docs/crop.md describes it in
words, and `tests/golden/crops.json` contains examples that both must reproduce.
"""

import math
from dataclasses import dataclass
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
    image: NDArray[np.uint8] | Image.Image,
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
        image: The picture the face was found in, (H, W, 3) uint8 RGB, or a Pillow image.
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
    width, height = _measure(image)
    if not (math.isfinite(side) and side > 0 and all(map(math.isfinite, centre))):
        raise InputError(
            f"the box and the margin of a crop must leave an area, got {box} and {margin}"
        )
    turns = quarter_turns(face)
    down = ((0, 1), (-1, 0), (0, -1), (1, 0))[turns]  # direction of the chin in the picture
    left = centre[0] + down[0] * shift_y * longer - side / 2
    top = centre[1] + down[1] * shift_y * longer - side / 2
    columns = _find_windows(left, side, size, width)
    rows = _find_windows(top, side, size, height)
    grey = _cut_grey(image, columns.pixels, rows.pixels)  # (h, w)
    levels = _average_columns(_average_rows(grey, rows), columns)  # (size, size) in [0, 255]
    crop = np.floor(levels + _ROUNDING).astype(np.uint8)
    return np.ascontiguousarray(np.rot90(crop, turns))


def _measure(image: NDArray[np.uint8] | Image.Image) -> tuple[int, int]:
    """Return a picture's width and height in pixels.

    Raises:
        InputError: It is not a picture to crop from.
    """
    if isinstance(image, Image.Image):
        return image.size
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise InputError(
            f"expected a picture to crop from as (H, W, 3) uint8, got {image.shape} {image.dtype}; "
            "read it with mien.read_image"
        )
    return image.shape[1], image.shape[0]


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


def _cut_grey(
    image: NDArray[np.uint8] | Image.Image, columns: slice, rows: slice
) -> NDArray[np.uint8]:
    """Cut a rectangle out of a picture, as grey levels (h, w) uint8."""
    if not isinstance(image, Image.Image):
        return to_grey(image[rows, columns])
    return np.asarray(image.crop((columns.start, rows.start, columns.stop, rows.stop)).convert("L"))


@dataclass(frozen=True, slots=True)
class _Windows:
    """The pixels of one axis that each pixel of the crop is the mean of.

    Attributes:
        pixels: The pixels of the picture that any window covers, M of them.
        first: (size,) each window's first pixel, counted from the start of `pixels`.
        last: (size,) its last pixel.
        first_weight: (size,) weight of the first pixel.
        last_weight: (size,) weight of the last one; 0 where it is also the first.
        middle_weight: (size,) weight of each pixel between them.
    """

    pixels: slice
    first: NDArray[np.intp]
    last: NDArray[np.intp]
    first_weight: NDArray[np.float64]
    last_weight: NDArray[np.float64]
    middle_weight: NDArray[np.float64]


def _find_windows(start: float, extent: float, size: int, length: int) -> _Windows:
    """Find the windows of one axis.

    Each pixel of the crop is the mean of the picture over a window. When shrinking, windows are
    adjacent, so every pixel is weighted by the area covered. When enlarging, they are one pixel
    wide, which is linear interpolation. Parts of a window outside the picture use the pixel at the
    edge.

    Args:
        start: Start of the crop on this axis, in pixels of the picture.
        extent: Extent of the crop on this axis, in pixels of the picture.
        size: Number of pixels of the crop.
        length: Number of pixels of the picture.
    """
    step = extent / size
    width = max(step, 1.0)
    centres = start + (np.arange(size) + 0.5) * step
    low, high = centres - width / 2, centres + width / 2  # (size,)

    first = np.clip(np.floor(low), 0, length - 1)
    last = np.clip(np.ceil(high) - 1, first, length - 1)
    is_one = first == last  # such a window lies in one pixel, or beyond the picture's edge
    begin = int(first[0])
    return _Windows(
        pixels=slice(begin, int(last[-1]) + 1),
        first=first.astype(np.intp) - begin,
        last=last.astype(np.intp) - begin,
        first_weight=np.where(is_one, 1.0, (first + 1 - low) / width),
        last_weight=np.where(is_one, 0.0, (high - last) / width),
        middle_weight=np.where(is_one, 0.0, 1 / width),
    )


def _average_rows(levels: NDArray[np.uint8], windows: _Windows) -> NDArray[np.float64]:
    """Average (M, w) grey levels over windows of rows, to (size, w).

    Sums of whole levels are exact in integers, and need no copy of the picture in another type.
    """
    between = np.zeros((len(windows.first), levels.shape[1]), dtype=np.uint32)
    for row, (first, last) in enumerate(zip(windows.first, windows.last, strict=True)):
        if last - first > 1:
            np.add.reduce(levels[first + 1 : last], axis=0, dtype=np.uint32, out=between[row])
    averages: NDArray[np.float64] = (
        windows.first_weight[:, np.newaxis] * levels[windows.first]
        + windows.last_weight[:, np.newaxis] * levels[windows.last]
        + windows.middle_weight[:, np.newaxis] * between
    )
    return averages


def _average_columns(levels: NDArray[np.float64], windows: _Windows) -> NDArray[np.float64]:
    """Average (n, M) levels over windows of columns, to (n, size), with their running sums."""
    sums = np.cumsum(levels, axis=1)
    between = sums[:, np.maximum(windows.last - 1, 0)] - sums[:, windows.first]
    averages: NDArray[np.float64] = (
        windows.first_weight * levels[:, windows.first]
        + windows.last_weight * levels[:, windows.last]
        + windows.middle_weight * between
    )
    return averages
