"""Detect the kind of a file by its first bytes: a picture, a video, or something else."""

import io
import os
import re
from pathlib import Path
from typing import Final

PICTURE_ENDINGS: Final = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".avif", ".tif", ".tiff", ".gif"}
    | {".bmp", ".dib", ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".j2k", ".jpx", ".heic", ".heif"}
)
VIDEO_ENDINGS: Final = frozenset(
    {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".m2v", ".mts", ".m2ts"}
    | {".ts", ".wmv", ".flv", ".ogv", ".3gp", ".3g2"}
)
MAX_STREAM_BYTES: Final = 256 * 2**20
HEAD_BYTES: Final = 1024
"""Number of bytes needed to detect the kind of a file."""
_HEIC_BRANDS = {b"heic", b"heix", b"hevc", b"heim", b"mif1", b"msf1"}
JPEG_START: Final = b"\xff\xd8\xff"
SIGNATURES = (JPEG_START, b"\x89PNG", b"GIF8", b"II*\0", b"MM\0*", b"BM")
"""Signatures at the start of picture files."""
_VIDEO_STARTS = (
    b"\x1aE\xdf\xa3",  # Matroska, WebM
    b"FLV",
    b"OggS",
    b"\x00\x00\x01\xba",  # MPEG program stream
    b"\x00\x00\x01\xb3",  # MPEG video
    b"0&\xb2u\x8ef\xcf\x11",  # ASF, WMV
    b".RMF",
    b"DKIF",  # IVF
    b"YUV4MPEG2",
    b"\x06\x0e+4\x02\x05\x01\x01",  # MXF
)
_GIF_EXTENSION, _GIF_FRAME = 0x21, 0x2C  # introducers of GIF blocks


def is_video(source: object) -> bool:
    """Return whether a source should be read as a video.

    The content decides: the container of a video, or a GIF, PNG, WebP or AVIF with several frames.
    A file with a video's extension also counts unless it is a picture, so that empty and damaged
    videos are reported as such.

    Args:
        source: Any object; a stream that cannot be rewound is not a video.
    """
    try:
        head = _peek(source)
        if begins_a_picture(head):
            return _is_animation(source, head)
        return _begins_a_video(head) or _is_named_video(source)
    except (OSError, ValueError):
        return False


def _is_named_video(source: object) -> bool:
    """Return whether a path has the extension of a video."""
    if not isinstance(source, str | os.PathLike):
        return False
    return Path(os.fsdecode(source)).suffix.lower() in VIDEO_ENDINGS


def _is_animation(source: object, head: bytes) -> bool:
    """Return whether a GIF, PNG, WebP or AVIF has several frames, by its structure alone."""
    if head.startswith(b"\x89PNG"):  # the chunk acTL, before the pixels, has the number of frames
        at = head.find(b"acTL") + 4
        return at > 4 and int.from_bytes(head[at : at + 4]) > 1
    if head[8:12] == b"avis":  # a sequence, next to its still preview
        return True
    if is_animated_webp(head):
        return _count_webp_frames(_peek(source, MAX_STREAM_BYTES)) > 1
    return head.startswith(b"GIF8") and _has_second_frame(_peek(source, MAX_STREAM_BYTES))


def is_animated_webp(head: bytes) -> bool:
    """Return whether a WebP's header says that it is an animation."""
    return head[8:16] == b"WEBPVP8X" and len(head) > 20 and bool(head[20] & 0x02)


def _count_webp_frames(webp: bytes) -> int:
    """Parse the chunks of a WebP to count its frames."""
    at, frames = 12, 0
    while at + 8 <= len(webp):
        frames += webp[at : at + 4] == b"ANMF"
        size = int.from_bytes(webp[at + 4 : at + 8], "little")
        at += 8 + size + size % 2
    return frames


def _has_second_frame(gif: bytes) -> bool:
    """Parse the blocks of a GIF up to its second frame."""

    def byte(place: int) -> int:
        return gif[place] if place < len(gif) else 0

    def palette_bytes(flags: int) -> int:
        return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0

    at, frames = 13 + palette_bytes(byte(10)), 0
    while byte(at) in {_GIF_EXTENSION, _GIF_FRAME}:
        if byte(at) == _GIF_FRAME:
            frames += 1
            at += 11 + palette_bytes(byte(at + 9))
        else:
            at += 2
        while byte(at):  # each sub-block starts with its length; 0 ends the block
            at += byte(at) + 1
        at += 1
    return frames > 1


def _peek(source: object, size: int = HEAD_BYTES) -> bytes:
    """Return a source's first bytes without consuming them; nothing if that is impossible."""
    head: object = b""
    if isinstance(source, bytes | bytearray | memoryview):
        head = bytes(memoryview(source)[:size])
    elif isinstance(source, str | os.PathLike):
        path = Path(source)
        if path.is_file():  # opening a pipe would wait for its writer
            with path.open("rb") as stream:
                head = stream.read(size)
    elif isinstance(source, io.BufferedReader) and not source.seekable():  # standard input
        head = source.peek(HEAD_BYTES)[:HEAD_BYTES]
    elif isinstance(source, io.IOBase) and source.seekable():
        place = source.tell()
        head = source.read(size)
        source.seek(place)
    return head if isinstance(head, bytes) else b""


def describe_content(head: bytes) -> str:
    """Describe the first bytes of a file, to explain why it is rejected."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    is_picture = head.startswith(SIGNATURES) or head[8:12] in {b"WEBP", b"avif", b"avis"}
    descriptions = (
        (is_heic(head), "is HEIC"),
        (head.startswith(b"\0\0\1\0"), "is an ICO icon; save it as PNG"),
        (_is_tga(head), "is TGA; save it as PNG"),
        (_begins_a_video(head), "is a video; read it with mien.analyze or mien analyze"),
        (is_picture, "is a picture"),
        (head.startswith(b"%PDF"), "is a PDF"),
        (text.startswith((b"<svg", b"<?xml")), "is XML or SVG"),
        (text.startswith((b"<!doctype", b"<html")), "is a web page"),
        (text.startswith((b"#extm3u", b"ffconcat")), "is a playlist, which refers to other files"),
        (head.isascii() and b"\x00" not in head, "is text"),
    )
    return next(
        (words for holds, words in descriptions if holds),
        "matches no known image or video format",
    )


def is_heic(head: bytes) -> bool:
    """Return whether a file is HEIC, by its first bytes."""
    return head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS and b"avif" not in head[8:32]


def _is_tga(head: bytes) -> bool:
    """Return whether a file is TGA, which has no signature, by a plausible header."""
    if len(head) < 18 or head[1] not in {0, 1} or head[16] not in {8, 15, 16, 24, 32}:
        return False
    is_known = head[2] in ({1, 9} if head[1] else {2, 3, 10, 11})
    has_map = any(head[3:8])
    return is_known and has_map == bool(head[1]) and any(head[12:14]) and any(head[14:16])


def begins_a_picture(head: bytes) -> bool:
    """Return whether a file is a supported picture, by its first bytes."""
    is_jpeg2000 = head.startswith((b"\x00\x00\x00\x0cjP  ", b"\xff\x4f\xff\x51"))
    is_ppm = re.match(rb"P[1-6]\s", head) is not None
    is_avif = head[8:12] in {b"avif", b"avis"}
    is_other = head[8:12] == b"WEBP" or is_avif or is_heic(head) or is_jpeg2000 or is_ppm
    return head.startswith(SIGNATURES) or is_other


def _begins_a_video(head: bytes) -> bool:
    """Return whether a file is a video, by the signature of its container."""
    if head[4:8] in {b"ftyp", b"moov", b"mdat", b"wide", b"skip", b"free"}:  # ISO and QuickTime
        return head[8:12] not in _HEIC_BRANDS | {b"avif", b"avis"}
    is_transport = any(
        len(head) > start + 2 * size and {head[start + n * size] for n in range(3)} == {0x47}
        for start, size in (
            (0, 188),
            (4, 192),
        )  # MPEG-TS; as on camcorders and discs
    )
    return is_transport or head[8:12] == b"AVI " or head.startswith(_VIDEO_STARTS)
