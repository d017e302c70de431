"""Read pictures from paths, bytes, streams, arrays and Pillow images into RGB arrays.

This is the only image decoder in mien. A file's content determines its format, never its extension.
Only decoders of raster formats are enabled; Pillow's EPS reader, for example, would start another
program.
"""

import io
import os
import warnings
from dataclasses import dataclass
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from mien.contents import HEAD_BYTES, JPEG_START, MAX_STREAM_BYTES, is_heic
from mien.errors import (
    ImageError,
    MissingExtraError,
    UnknownFormatError,
    describe_error,
    require_extra,
)
from mien.images.jpeg import end_jpeg, open_half, open_jpeg, scan_jpeg
from mien.images.pixels import array_to_rgb, picture_to_array, picture_to_rgb, quiet_pillow
from mien.images.refusal import MAX_PIXELS, damaged, explain_unknown, too_large
from mien.images.source import ImageSource, check_file, name_source

FORMATS: Final = ("JPEG", "PNG", "GIF", "BMP", "DIB", "PPM", "WEBP", "AVIF", "TIFF", "JPEG2000")


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture, and information about its source.

    Attributes:
        image: In mode RGB, upright.
        width: The source's width in pixels, upright.
        height: The source's height in pixels, upright.
        reduction: Number of source pixels per pixel of `image`, along each axis: 2 for a large
            JPEG that was decoded at half its size, else 1.
        damage: What is missing from the source, in one sentence; None if it is complete.
    """

    image: Image.Image
    width: int
    height: int
    reduction: int = 1
    damage: str | None = None

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """The picture as a new array, (H, W, 3) uint8 RGB, upright."""
        return picture_to_array(self.image)


def read_image(source: ImageSource, *, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """Read a picture as it is meant to be seen.

    EXIF orientation is applied, transparency is composited on white, 16-bit and 12-bit levels are
    scaled to 8 bits, and only the first frame or page is read. Pillow's mode "I" does not state its
    depth: 16 bits is assumed for PNG and PGM and where a level exceeds 255, otherwise 8. HEIC
    requires the extra `heic`.

    Args:
        source: A path; an encoded picture as bytes or as a binary stream; a Pillow image; or an
            array of (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA that is uint8, uint16, bool,
            or floating point in [0, 1].
        max_pixels: Maximum number of pixels of an encoded picture, at most `MAX_PIXELS`; larger
            ones are rejected before decoding. A baseline JPEG with up to four times as many is
            decoded at half its width and height.

    Returns:
        (H, W, 3) uint8 RGB. It may share memory with the given array: do not write to it.

    Raises:
        ImageError: The source cannot be read as a picture, or only partly.
    """
    if isinstance(source, np.ndarray):
        return array_to_rgb(source)
    picture = read_picture(source, max_pixels=max_pixels)
    if picture.damage is not None:
        raise ImageError(picture.damage)
    return picture.pixels


def read_picture(
    source: ImageSource, *, name: str | None = None, max_pixels: int = MAX_PIXELS
) -> Picture:
    """Read a picture like `read_image`, but also if its end is missing.

    Args:
        source: Any input of `read_image`.
        name: Display name in messages; None uses `name_source`.
        max_pixels: As for `read_image`.

    Raises:
        ImageError: The source cannot be read as a picture.
    """
    if isinstance(source, np.ndarray):
        pixels = array_to_rgb(source, name or "the array")
        return Picture(Image.fromarray(pixels), pixels.shape[1], pixels.shape[0])

    name = name or name_source(source)
    if isinstance(source, Image.Image):
        return _decode(source, name, max_pixels)
    if isinstance(source, str | os.PathLike):
        path = check_file(source, name)
        try:
            with path.open("rb") as stream:
                return _read_stream(stream, name, max_pixels)
        except OSError as error:
            raise ImageError(f"{name} cannot be opened: {describe_error(error)}") from error
    if isinstance(source, bytes | bytearray | memoryview):
        return _read_stream(io.BytesIO(source), name, max_pixels)
    if hasattr(source, "read"):
        return _read_stream(io.BytesIO(_read_all(source, name)), name, max_pixels)
    raise ImageError(
        f"a picture must be a path, bytes, a binary stream, an array or a Pillow image, "
        f"got {type(source).__name__}; for several, use Analyzer.analyze_many"
    )


def _read_all(stream: BinaryIO, name: str) -> bytes:
    """Read a stream to its end, up to a limit: pipes are not seekable, as decoders require."""
    try:
        data = stream.read(MAX_STREAM_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ImageError(f"{name} cannot be read: {describe_error(error)}") from error
    if not isinstance(data, bytes):
        raise ImageError(
            f"{name} returns {type(data).__name__}, expected bytes; open it in mode 'rb'"
        )
    if len(data) > MAX_STREAM_BYTES:
        raise ImageError(
            f"{name} is longer than {MAX_STREAM_BYTES // 2**20} MiB, too long for a picture"
        )
    return data


def _read_stream(stream: BinaryIO, name: str, max_pixels: int) -> Picture:
    """Decode an encoded picture from a seekable stream."""
    head = stream.read(HEAD_BYTES)
    stream.seek(0)
    if not head:
        raise ImageError(
            f"{name} is empty, expected a picture; check that it was saved or uploaded completely"
        )

    # A JPEG may be truncated or very large, which Pillow alone does not handle.
    if head.startswith(JPEG_START):
        return _read_jpeg(_read_all(stream, name), name, max_pixels)
    try:
        with _open(stream, name, max_pixels) as image:
            return _decode(image, name, max_pixels)
    except UnidentifiedImageError as error:
        if is_heic(head):
            return _read_heic(stream, name, max_pixels)
        raise explain_unknown(stream, head, name) from error


def _open(stream: BinaryIO, name: str, max_pixels: int, *, is_jpeg: bool = False) -> Image.Image:
    """Open a picture without decoding it.

    Raises:
        UnidentifiedImageError: The format is unknown.
        ImageError: The picture is damaged or too large.
    """
    try:
        with quiet_pillow():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return open_jpeg(stream) if is_jpeg else Image.open(stream, formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise too_large(name, max_pixels) from error
    except UnidentifiedImageError:
        raise
    except Exception as error:  # decoders may raise anything on hostile bytes
        raise damaged(name, error) from error


def _read_jpeg(data: bytes, name: str, max_pixels: int) -> Picture:
    """Decode a JPEG: a large one at half its size, a truncated one as far as possible."""
    scan = scan_jpeg(data, name)
    damage = None
    if not scan.has_end and scan.scans:
        data = end_jpeg(data)
        damage = (
            f"{name} is damaged or incomplete (its end is missing, possibly with a part of the "
            "picture); save or upload it again"
        )

    allowed = min(max_pixels, MAX_PIXELS)
    if scan.can_be_halved and allowed < scan.size[0] * scan.size[1] <= 4 * allowed:
        with open_half(data) as image:
            return _decode(image, name, max_pixels, full_size=scan.size, damage=damage)
    try:
        with _open(io.BytesIO(data), name, max_pixels, is_jpeg=True) as image:
            return _decode(image, name, max_pixels, damage=damage)
    except UnidentifiedImageError as error:
        raise damaged(name, ValueError("its header is corrupt")) from error


def _read_heic(stream: BinaryIO, name: str, max_pixels: int) -> Picture:
    """Decode HEIC with the extra `heic`."""
    try:
        import pillow_heif
    except ImportError as error:
        missing: MissingExtraError = require_extra("heic", "HEIC", "pillow-heif")
        raise UnknownFormatError(f"{name} is HEIC: {missing}") from error
    stream.seek(0)
    try:
        image = pillow_heif.open_heif(stream)
        if image.size[0] * image.size[1] <= min(max_pixels, MAX_PIXELS):
            return _decode(image.to_pillow(), name, max_pixels)
    except ImageError:
        raise
    except Exception as error:  # decoders may raise anything on hostile bytes
        raise damaged(name, error) from error
    raise too_large(name, max_pixels)


def _decode(
    image: Image.Image,
    name: str,
    max_pixels: int,
    *,
    full_size: tuple[int, int] | None = None,
    damage: str | None = None,
) -> Picture:
    """Load a Pillow image, rotate it upright and convert it to RGB.

    Args:
        image: The image.
        name: Display name in messages.
        max_pixels: Maximum number of pixels.
        full_size: Width and height of the source, if it is decoded at half its size.
        damage: What is missing, if known.
    """
    width, height = image.size
    if width * height > min(max_pixels, MAX_PIXELS):
        raise too_large(name, max_pixels)
    if not width or not height:
        raise ImageError(f"{name} has no pixels: it is {width} x {height}")
    try:
        image.load()
        upright = picture_to_rgb(image, name)
    except ImageError:
        raise
    except Exception as error:  # decoders may raise anything on hostile bytes
        raise damaged(name, error) from error
    is_turned = upright.size != (width, height)
    width, height = full_size or (width, height)
    if is_turned:
        width, height = height, width
    return Picture(upright, width, height, 1 if full_size is None else 2, damage)
