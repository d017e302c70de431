"""Convert decoded pixels, from Pillow or an array, to upright RGB."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from mien.errors import ImageError

TILE_PX: Final = 1024
"""Side of the tiles in which a decoded picture is converted to RGB."""


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Hide Pillow's warnings about a file's metadata from the user."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\b")
        yield


def picture_to_rgb(image: Image.Image, name: str) -> NDArray[np.uint8]:
    """Convert a Pillow image of any mode to (H, W, 3) uint8, upright, on white.

    Works in tiles to save memory.

    Args:
        image: Of any mode; its EXIF orientation is applied.
        name: Display name in messages.

    Raises:
        ImageError: The range of its levels is unknown.
    """
    width, height = image.size
    orientation = _read_orientation(image)
    shape = (width, height, 3) if orientation in {5, 6, 7, 8} else (height, width, 3)
    upright = np.empty(shape, np.uint8)
    stored = _lay_down(upright, orientation)
    image = _settle_depth(image)
    for top in range(0, height, TILE_PX):
        for left in range(0, width, TILE_PX):
            right, bottom = min(left + TILE_PX, width), min(top + TILE_PX, height)
            box = (left, top, right, bottom)
            tile = image if box == (0, 0, width, height) else image.crop(box)
            stored[top:bottom, left:right] = _read_tile(tile, name)
    return upright


def _settle_depth(image: Image.Image) -> Image.Image:
    """Convert levels to 8 or 16 bits if Pillow's mode does not state the depth."""
    if image.mode == "I":
        low, high = cast(tuple[int, int], image.getextrema())
        is_16_bit = high > 255 or image.format in {"PNG", "PPM"}
        if low >= 0 and high <= 65535:
            return image.convert("I;16" if is_16_bit else "L")
    elif getattr(image, "tag_v2", {}).get(ExifTags.Base.BitsPerSample) == (12,):
        return image.point(lambda level: level * 16)
    return image


def _read_orientation(image: Image.Image) -> int:
    """Read the EXIF orientation; damaged metadata does not damage the picture."""
    try:
        with quiet_pillow():
            return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001 - may raise anything on hostile bytes
        return 1


def _lay_down(upright: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Return a view of an upright picture in the layout that an EXIF orientation stores."""
    if orientation in {3, 4, 7, 8}:
        upright = upright[::-1]
    if orientation in {2, 3, 6, 7}:
        upright = upright[:, ::-1]
    return upright.swapaxes(0, 1) if orientation in {5, 6, 7, 8} else upright


def _read_tile(tile: Image.Image, name: str) -> NDArray[np.uint8]:
    """Convert a part of a picture to (H, W, 3) uint8, or (H, W, 1) if it is grey."""
    if tile.mode in {"F", "I"} or tile.mode.startswith("I;16"):
        return _to_uint8(np.asarray(tile), name)[:, :, np.newaxis]
    if tile.has_transparency_data:
        rgba = tile.convert("RGBA")
        tile = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return np.asarray(tile if tile.mode == "RGB" else tile.convert("RGB"))


def array_to_rgb(array: NDArray[np.generic], name: str = "the array") -> NDArray[np.uint8]:
    """Convert an array of levels to (H, W, 3) uint8, on white.

    Args:
        array: (H, W), (H, W, 1), (H, W, 3) or, with transparency, (H, W, 4), of uint8, uint16,
            bool, or floating point in [0, 1].
        name: Display name in messages.

    Raises:
        ImageError: The shape, type or range is not supported.
    """
    shape = array.shape
    if array.ndim == 2:
        array = array[:, :, np.newaxis]
    if array.ndim != 3 or array.shape[2] not in {1, 3, 4}:
        raise ImageError(
            f"{name} has shape {shape}, expected (H, W), (H, W, 1), (H, W, 3) or (H, W, 4); "
            "move the channels last, and pass one picture at a time"
        )
    if array.size == 0:
        raise ImageError(f"{name} has no pixels: its shape is {shape}")
    levels = _to_uint8(array, name)
    if levels.shape[2] == 4:
        alpha = levels[:, :, 3:].astype(np.uint16)
        on_white = levels[:, :, :3] * alpha + 255 * (255 - alpha)  # at most 255 * 255
        levels = ((on_white + np.uint16(127)) // 255).astype(np.uint8)
    if levels.shape[2] == 1:
        levels = np.repeat(levels, 3, axis=2)
    return np.ascontiguousarray(levels)


def _to_uint8(array: NDArray[np.generic], name: str) -> NDArray[np.uint8]:
    """Scale levels of any supported type to 0..255."""
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.dtype == np.uint8:
        return array.astype(np.uint8, copy=False)
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype == np.uint16:
        return ((array.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if np.issubdtype(array.dtype, np.floating):
        low, high = float(array.min()), float(array.max())  # NaN if there is any
        if not (low >= 0 and high <= 1):
            raise ImageError(
                f"{name} is floating point from {low:g} to {high:g}, expected [0, 1]; "
                "scale it, or pass uint8 levels"
            )
        return np.rint(array.astype(np.float64) * 255).astype(np.uint8)
    raise ImageError(
        f"{name} is {array.dtype}, expected uint8, uint16, bool, or floating point in [0, 1]; "
        "convert it, e.g. with .astype('uint8')"
    )
