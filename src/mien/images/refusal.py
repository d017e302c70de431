"""Explain why a picture is rejected: damaged, too large, or of an unknown format."""

from typing import BinaryIO, Final

from PIL import ExifTags

from mien.contents import SIGNATURES, describe_content
from mien.errors import (
    ImageError,
    ImageTooLargeError,
    UnknownFormatError,
    describe_error,
    is_program_fault,
)
from mien.images.pixels import quiet_pillow

MAX_PIXELS: Final = 89_478_485
"""Maximum number of pixels (Pillow's own limit; a quarter of a GiB as RGB)."""
_SAMPLE_FORMAT = 339  # a TIFF tag that Pillow's list lacks
_READABLE = "JPEG, PNG, WebP, AVIF, HEIC, TIFF, GIF, BMP, JPEG 2000 or PPM"


def explain_unknown(stream: BinaryIO, head: bytes, name: str) -> ImageError:
    """Return the error for a file that no decoder can read."""
    levels = _describe_tiff(stream) if head.startswith((b"II*\0", b"MM\0*")) else None
    if levels is not None:
        return UnknownFormatError(
            f"{name} is a TIFF with {levels}, which is not supported; save it with 8 or 16 bits"
        )
    is_avif = head[4:12] in {b"ftypavif", b"ftypavis"}
    if is_avif or head[8:12] == b"WEBP" or head.startswith(SIGNATURES):
        return damaged(name, ValueError("its header is corrupt"))
    return UnknownFormatError(
        f"{name} is not a supported picture: it {describe_content(head)}; expected {_READABLE}"
    )


def _describe_tiff(stream: BinaryIO) -> str | None:
    """Describe the levels of a TIFF by its tags; None if they cannot be read."""
    try:
        stream.seek(0)
        from PIL import TiffImagePlugin  # slow to import, and few files need it

        with quiet_pillow():
            tags = TiffImagePlugin.ImageFileDirectory_v2(stream.read(8))
            stream.seek(tags.next)
            tags.load(stream)
        bits, kinds = tags[ExifTags.Base.BitsPerSample], tags.get(_SAMPLE_FORMAT, (1,))
        kind = {1: "integer", 2: "signed integer", 3: "floating-point"}[kinds[0]]
        channels = tags.get(ExifTags.Base.SamplesPerPixel, 1)
    except Exception:  # noqa: BLE001 - may raise anything on hostile bytes
        return None
    return f"{bits[0]}-bit {kind} levels in {channels} channel{'s' if channels != 1 else ''}"


def too_large(name: str, max_pixels: int) -> ImageTooLargeError:
    """Return the error for a picture with too many pixels."""
    most = min(max_pixels, MAX_PIXELS)
    return ImageTooLargeError(
        f"{name} is too large: it has more than {most:,} pixels; scale it down first"
    )


def damaged(name: str, error: Exception) -> ImageError:
    """Return the error for a picture that a decoder could not read.

    Raises:
        Exception: The error is a bug instead of a damaged picture, and is raised again.
    """
    if is_program_fault(error):
        raise error
    if isinstance(error, MemoryError):
        return ImageError(f"{name} does not fit into memory; scale it down first")
    return ImageError(
        f"{name} is damaged or incomplete ({describe_error(error)}); save or upload it again"
    )
