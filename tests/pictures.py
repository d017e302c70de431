"""Picture files of every kind for tests, valid and hostile, made of one small pattern."""

import functools
import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 60, 40


def pattern() -> np.ndarray:
    """Four quarters of one colour each, so that every turn of it looks different."""
    image = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    image[:20, :30] = (220, 40, 40)
    image[:20, 30:] = (40, 200, 60)
    image[20:, :30] = (50, 60, 210)
    image[20:, 30:] = (240, 240, 90)
    return image


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Save a picture to bytes."""
    stream = io.BytesIO()
    image.copy().save(stream, kind, **options)  # saving leaves marks on a Pillow image
    return stream.getvalue()


def turned(orientation: int, kind: str = "JPEG") -> bytes:
    """The pattern, stored so that only its EXIF orientation makes it look right."""
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = Image.fromarray(pattern())
    if orientation in undo:
        stored = stored.transpose(undo[orientation])
    return encode(stored, kind, exif=exif(orientation), quality=95)


def exif(orientation: int) -> Image.Exif:
    """A note on which way up a picture is meant to be seen."""
    note = Image.Exif()
    note[0x0112] = orientation
    return note


@functools.cache  # several modules choose their cases from it when they are collected
def in_every_format() -> dict[str, bytes]:
    """The pattern in every format that is read; lossy ones at a high quality."""
    image = Image.fromarray(pattern())
    files = {
        "jpeg": encode(image, "JPEG", quality=95, subsampling=0),
        "jpeg-cmyk": encode(image.convert("CMYK"), "JPEG", quality=95),
        "jpeg-progressive": encode(image, "JPEG", quality=95, subsampling=0, progressive=True),
        "mpo": encode(image, "MPO", quality=95, subsampling=0, **_later()),
        "png": encode(image, "PNG"),
        "png-palette": encode(image.quantize(8), "PNG"),
        "png-16-bit": png(np.asarray(pattern(), dtype=">u2") * 257, bits=16),
        "png-animated": encode(image, "PNG", **_later()),
        "gif": encode(image, "GIF"),
        "gif-animated": encode(image, "GIF", **_later()),
        "bmp": encode(image, "BMP"),
        "ppm": encode(image, "PPM"),
        "tiff": encode(image, "TIFF"),
        "tiff-lzw": encode(image, "TIFF", compression="tiff_lzw"),
        "tiff-cmyk": encode(image.convert("CMYK"), "TIFF"),
        "tiff-pages": encode(image, "TIFF", **_later()),
        "webp": encode(image, "WEBP", lossless=True),
        "webp-animated": encode(image, "WEBP", lossless=True, **_later()),
        "avif": encode(image, "AVIF", quality=95, subsampling="4:4:4"),
    }
    if "JPEG2000" in Image.SAVE:
        files["jpeg2000"] = encode(image, "JPEG2000")
    return files


def _later() -> dict[str, Any]:
    """Options that add a second, black frame; saving leaves marks on it, so it is made afresh."""
    return {"save_all": True, "append_images": [Image.new("RGB", (WIDTH, HEIGHT))]}


def png(levels: np.ndarray, *, bits: int, size: tuple[int, int] | None = None) -> bytes:
    """Write an RGB PNG by hand; `size` is what its header says."""
    height, width = levels.shape[:2]
    rows = b"".join(b"\0" + row.tobytes() for row in levels)
    header = struct.pack(">IIBBBBB", *(size or (width, height)), bits, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(rows))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    check = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)


def tiff(levels: bytes, bits: int, order: str = "<", sample_format: int = 1) -> bytes:
    """Write a grey TIFF of 32 x 32 by hand; sample formats are 1, unsigned, and 3, floating."""
    tags = {256: 32, 257: 32, 258: bits, 259: 1, 262: 1, 273: 8, 277: 1, 278: 32, 279: len(levels)}
    tags[339] = sample_format
    entries = (struct.pack(f"{order}HHIHH", tag, 3, 1, tags[tag], 0) for tag in tags)
    start = struct.pack(f"{order}2sHI", b"II" if order == "<" else b"MM", 42, 8 + len(levels))
    directory = struct.pack(f"{order}H", len(tags)) + b"".join(entries) + bytes(4)
    return start + levels + directory


def text_bomb() -> bytes:
    """A PNG whose comment unpacks to 10 MB."""
    whole = png(pattern(), bits=8)
    comment = _chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * 10_000_000, 9))
    return whole[:33] + comment + whole[33:]


def scan_bomb(kind: str = "JPEG", **options: Any) -> bytes:
    """A picture of 4 million pixels that says 5000 times, in ten bytes, to go over them again."""
    data = encode(Image.new("RGB", (2000, 2000), "gray"), kind, quality=50, **options)
    at, end = data.index(b"\xff\xda"), data.index(b"\xff\xd9")  # no thumbnail comes before
    if options.get("progressive"):
        return data[:end] + bytes.fromhex("ffda0008010100013f10") * 5000 + data[end:]
    return data[:at] + bytes.fromhex("ffda0008010100003f00") * 5000 + data[end:]


@functools.cache
def hostile() -> dict[str, tuple[bytes, str]]:
    """Files that are no pictures, or are spoilt; with a word of the sentence each must get."""
    big = np.random.default_rng(0).integers(0, 256, (120, 120, 3), dtype=np.uint8)
    noise = Image.fromarray(big)
    files = {
        "empty.jpg": (b"", "empty"),
        "text.jpg": (b"Dear all, please find attached the picture.\n" * 9, "text"),
        "page.png": (b"<!DOCTYPE html><html><body>404</body></html>", "web page"),
        "drawing.png": (b'<svg xmlns="http://www.w3.org/2000/svg"></svg>', "SVG"),
        "paper.jpg": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + bytes(64), "PDF"),
        "clip.mp4": (b"\x00\x00\x00\x20ftypisom" + bytes(64), "video"),
        "clip.mkv": (b"\x1aE\xdf\xa3" + bytes(64), "video"),
        "clip.avi": (b"RIFF\x00\x10\x00\x00AVI LIST" + bytes(64), "video"),
        "phone.heic": (b"\x00\x00\x00\x18ftypheic" + bytes(64), ""),
        "noise.png": (big.tobytes(), "no known image"),
        "script.jpg": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "text"),
        "huge.png": (png(pattern(), bits=8, size=(60_000, 60_000)), "too large"),
        "large.png": (png(pattern(), bits=8, size=(12_000, 12_000)), "too large"),
        "flat.png": (png(pattern(), bits=8, size=(0, 40)), ""),
        "text-bomb.png": (text_bomb(), "damaged"),
        "scans.jpg": (scan_bomb(), "more than 100 scans"),
        "progressive.jpg": (scan_bomb(progressive=True), "more than 100 scans"),
        "scans.mpo": (scan_bomb("MPO", progressive=True, **_later()), "more than 100 scans"),
        "comments.jpg": (b"\xff\xd8" + b"\xff\xfe\0\2" * 2_000_000, "10,000 segments"),
        "bits.png": (png(pattern(), bits=8)[:20], ""),
    }
    for kind in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "PPM"):
        data = encode(noise, kind)
        files[f"half.{kind.lower()}"] = (data[: len(data) // 2], "damaged or incomplete")
    return files
