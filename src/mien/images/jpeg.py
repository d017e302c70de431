"""Check JPEG files before they are decoded, and decode large ones at half their size."""

import io
import re
from dataclasses import dataclass
from typing import Final

from PIL import Image, JpegImagePlugin

from mien.errors import ImageError

MAX_SCANS: Final = 100
"""A JPEG with more is refused: each costs a pass over all pixels, and needs but ten bytes."""
MAX_SEGMENTS: Final = 10_000
"""A JPEG with more is refused too: Pillow goes through them in Python."""

_MARKER = re.compile(rb"\xff[\xc0-\xcf\xd8-\xfe]")  # but for those inside a scan
_END, _SCAN = b"\xff\xd9", b"\xff\xda"
_SEQUENTIAL = {b"\xff\xc0", b"\xff\xc1"}  # the frames whose decoding needs few rows at a time


@dataclass(frozen=True, slots=True)
class JpegScan:
    """What a JPEG's markers say.

    Attributes:
        size: Width and height in pixels, as stored; (0, 0) for a progressive JPEG.
        scans: Passes over the picture.
        has_end: Whether the end marker is there.
    """

    size: tuple[int, int]
    scans: int
    has_end: bool

    @property
    def can_be_halved(self) -> bool:
        """Whether decoding needs memory for a few rows only, not for the whole picture."""
        return self.size != (0, 0) and self.scans == 1


def scan_jpeg(data: bytes, name: str) -> JpegScan:
    """Follow a JPEG's markers as a decoder does, up to its end.

    What looks like a marker inside a segment (a thumbnail's) or after the end (in the video of a
    motion photo) is none.

    Args:
        data: The whole file.
        name: What it is called in messages.

    Raises:
        ImageError: It is short to send and long to decode.
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
                "wanted a few; save it again"
            )
    return JpegScan(size, scans, has_end=marker is not None)


def end_jpeg(data: bytes) -> bytes:
    """Add the end marker that is missing: the decoder then keeps what came before."""
    return data.removesuffix(b"\xff") + _END


def open_half(data: bytes) -> Image.Image:
    """Open a JPEG so that it is decoded at half its width and height, rounded up.

    The plugin is called directly, as `Image.open` would refuse the full size.
    """
    image = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    image.draft(None, (image.width // 2, image.height // 2))
    return image
