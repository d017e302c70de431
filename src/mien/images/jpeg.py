"""Check JPEG files before they are decoded, and decode large ones at half their size."""

import io
import re
import struct
from dataclasses import dataclass
from typing import BinaryIO, Final

from PIL import Image, JpegImagePlugin, UnidentifiedImageError

from mien.errors import ImageError

MAX_SCANS: Final = 100
"""Maximum number of scans: each costs a pass over all pixels but only ten bytes."""
MAX_SEGMENTS: Final = 10_000
"""Maximum number of segments: Pillow parses them in Python."""

_MARKER = re.compile(rb"\xff[\xc0-\xcf\xd8-\xfe]")  # except those inside a scan
_END, _SCAN = b"\xff\xd9", b"\xff\xda"
_SEQUENTIAL = {b"\xff\xc0", b"\xff\xc1"}  # frame types decoded a few rows at a time


@dataclass(frozen=True, slots=True)
class JpegScan:
    """Information from a JPEG's markers.

    Attributes:
        size: Width and height in pixels, as stored; (0, 0) for a progressive JPEG.
        scans: Number of scans.
        has_end: Whether there is an end marker.
    """

    size: tuple[int, int]
    scans: int
    has_end: bool

    @property
    def can_be_halved(self) -> bool:
        """Whether decoding needs memory for only a few rows instead of the whole picture."""
        return self.size != (0, 0) and self.scans == 1


def scan_jpeg(data: bytes, name: str) -> JpegScan:
    """Follow a JPEG's markers like a decoder, up to the end.

    Bytes that look like a marker inside a segment (such as a thumbnail's) or after the end (in the
    video of a motion photo) are ignored.

    Args:
        data: Content of the file.
        name: Display name in messages.

    Raises:
        ImageError: The file is small but takes very long to decode.
    """
    at, scans, segments, size = 2, 0, 0, (0, 0)
    while (marker := _MARKER.search(data, at)) and marker[0] != _END:
        place = marker.end()

        if marker[0] in _SEQUENTIAL:
            height, width = (int.from_bytes(data[place + n : place + n + 2]) for n in (3, 5))
            size = width, height

        at = place + int.from_bytes(data[place : place + 2])
        scans += marker[0] == _SCAN
        segments += 1

        if scans > MAX_SCANS or segments > MAX_SEGMENTS:
            raise ImageError(
                f"{name} is a JPEG of more than {MAX_SCANS} scans or {MAX_SEGMENTS:,} segments, "
                "which no camera writes; save it again"
            )
    return JpegScan(size, scans, has_end=marker is not None)


def end_jpeg(data: bytes) -> bytes:
    """Add a missing end marker, so that the decoder keeps everything before it."""
    return data.removesuffix(b"\xff") + _END


def open_jpeg(stream: BinaryIO) -> Image.Image:
    """Open a JPEG without decoding it, and without importing the plugins of other formats.

    Raises:
        UnidentifiedImageError: Its header is corrupt.
    """
    try:
        return JpegImagePlugin.JpegImageFile(stream)
    except (SyntaxError, IndexError, TypeError, struct.error) as error:  # as in Image.open
        raise UnidentifiedImageError("not a JPEG") from error


def open_half(data: bytes) -> Image.Image:
    """Open a JPEG to be decoded at half its width and height, rounded up.

    Calls the plugin directly, since `Image.open` would reject the full size.
    """
    image = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    image.draft(None, (image.width // 2, image.height // 2))
    return image
