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
"""Side of the tiles in which a decoded picture is converted."""
_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""Pillow's operations that make an EXIF orientation upright."""


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Hide Pillow's warnings about a file's metadata from the user."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\b")
        yield


def picture_to_rgb(image: Image.Image, name: str) -> Image.Image:
    """Convert a Pillow image of any mode to RGB, upright, on white.

    Args:
        image: Of any mode; its EXIF orientation is applied. An image that needs no change is
            returned itself.
        name: Display name in messages.

    Raises:
        ImageError: The range of its levels is unknown.
    """
    turn = _UPRIGHT.get(_read_orientation(image))
    if image.mode != "RGB" or image.has_transparency_data:
        image = _convert(image, name)
    return image if turn is None else image.transpose(turn)


def picture_to_array(image: Image.Image) -> NDArray[np.uint8]:
    """Convert a Pillow image in mode RGB to a new array, (H, W, 3) uint8, in tiles."""
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    for box in _list_tiles(image.size):
        left, top, right, bottom = box
        pixels[top:bottom, left:right] = np.asarray(_cut(image, box))
    return pixels


def _convert(image: Image.Image, name: str) -> Image.Image:
    """Convert a picture of any mode to RGB, on white, in tiles to save memory."""
    image = _settle_depth(image)
    converted = Image.new("RGB", image.size)
    for box in _list_tiles(image.size):
        converted.paste(_read_tile(_cut(image, box), name), box)
    return converted


def _list_tiles(size: tuple[int, int]) -> Iterator[tuple[int, int, int, int]]:
    """Yield the tiles of a picture: left, top, right, bottom."""
    width, height = size
    for top in range(0, height, TILE_PX):
        for left in range(0, width, TILE_PX):
            yield left, top, min(left + TILE_PX, width), min(top + TILE_PX, height)


def _cut(image: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """Return a tile; a picture of a single tile is not copied."""
    return image if box == (0, 0, *image.size) else image.crop(box)


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


def _read_tile(tile: Image.Image, name: str) -> Image.Image:
    """Convert a part of a picture to RGB."""
    if tile.mode in {"F", "I"} or tile.mode.startswith("I;16"):
        return Image.fromarray(_to_uint8(np.asarray(tile), name)).convert("RGB")
    if tile.has_transparency_data:
        rgba = tile.convert("RGBA")
        tile = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return tile if tile.mode == "RGB" else tile.convert("RGB")


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
