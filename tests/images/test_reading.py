"""Pictures of every kind are read right; whatever is no picture gets one sentence."""

import io
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

import mien
import pictures
from mien.images import name_source, read_picture

FILES = pictures.in_every_format()
HOSTILE = pictures.hostile()


def difference(image: np.ndarray) -> int:
    """The largest difference to the pattern in the middle of its quarters."""
    assert image.dtype == np.uint8
    assert image.shape == (40, 60, 3)
    wanted = pictures.pattern().astype(int)
    off = np.abs(image.astype(int) - wanted)
    return max(off[y : y + 8, x : x + 8].max() for y in (6, 26) for x in (11, 41))


@pytest.mark.parametrize("kind", FILES)
def test_every_format_is_read(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "picture.dat"  # content decides, not the extension
    path.write_bytes(FILES[kind])
    lossy = {"jpeg", "jpeg-cmyk", "jpeg-progressive", "mpo", "avif"}
    assert difference(mien.read_image(path)) <= (8 if kind in lossy else 0)
    assert np.array_equal(mien.read_image(FILES[kind]), mien.read_image(path))


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int, kind: str) -> None:
    assert difference(mien.read_image(pictures.turned(orientation, kind))) <= 24


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_of_many_tiles_are_what_pillow_makes_of_them(orientation: int) -> None:
    levels = np.random.default_rng(0).integers(0, 256, (1030, 2055, 4), dtype=np.uint8)
    image = Image.fromarray(levels)
    image.info["exif"] = pictures.exif(orientation).tobytes()
    upright = ImageOps.exif_transpose(image)
    white = Image.new("RGBA", upright.size, "white")
    wanted = np.asarray(Image.alpha_composite(white, upright).convert("RGB"))
    read = mien.read_image(image)
    assert read.flags.c_contiguous
    assert np.array_equal(read, wanted)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the peak of memory")
@pytest.mark.parametrize(
    ("mode", "kind", "options"),
    [
        ("RGB", "JPEG", {"exif": pictures.exif(orientation=6)}),
        ("RGBA", "PNG", {}),
        ("F", "TIFF", {"compression": "tiff_lzw"}),
    ],
)
def test_decoding_takes_ten_bytes_a_pixel(mode: str, kind: str, options: dict[str, Any]) -> None:
    code = """if True:
        import sys
        import mien
        def read_status(key):  # in KiB; what `resource` tells includes the parent's peak
            with open("/proc/self/status") as status:
                return int(next(line for line in status if line.startswith(key)).split()[1])
        small, large = map(bytes.fromhex, sys.stdin.read().split())
        mien.read_image(small)
        before = read_status("VmRSS")
        height, width = mien.read_image(large).shape[:2]
        print((read_status("VmHWM") - before) * 1024 / (height * width))
    """
    files = (pictures.encode(Image.new(mode, (n, n)), kind, **options) for n in (8, 4000))
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=" ".join(data.hex() for data in files),
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(done.stdout) < 10


def test_damaged_exif_does_not_spoil_the_picture() -> None:
    data = pictures.turned(6)
    at = data.index(b"Exif\0\0") + 6
    damaged = data[:at] + b"\xff" * 8 + data[at + 8 :]
    assert mien.read_image(damaged).shape == (60, 40, 3)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "HSV", "I;16", "F"])
def test_modes_of_pillow_images(mode: str) -> None:
    grey = Image.fromarray(np.tile(np.linspace(0, 255, 64).round().astype(np.uint8), (32, 1)))
    levels = np.asarray(grey)
    if mode == "1":
        levels = np.where(levels > 127, 255, 0).astype(np.uint8)
        image = Image.fromarray(levels).convert("1")
    elif mode == "I;16":
        image = Image.fromarray(levels.astype(np.uint16) * 257)
    elif mode == "F":
        image = Image.fromarray(levels.astype(np.float32) / 255)
    else:
        image = (grey if mode == "P" else grey.convert("RGB")).convert(mode)
    assert image.mode == mode
    read = mien.read_image(image)
    assert read.shape == (32, 64, 3)
    assert np.abs(read.astype(int) - levels[:, :, np.newaxis]).max() <= 1


def test_16_bit_grey_file_is_scaled_not_cut() -> None:
    levels = np.arange(0, 65536, 64, dtype=np.uint16).reshape(32, 32)
    read = mien.read_image(pictures.encode(Image.fromarray(levels), "PNG"))
    assert np.array_equal(read[:, :, 0], np.rint(levels / 257))


@pytest.mark.parametrize("order", ["<", ">"])
def test_16_bit_tiff_is_read_in_either_byte_order(order: str) -> None:
    levels = np.arange(0, 65536, 64).reshape(32, 32)
    read = mien.read_image(pictures.tiff(levels.astype(f"{order}u2").tobytes(), 16, order))
    assert np.array_equal(read[:, :, 0], np.rint(levels / 257))


def test_12_bit_tiff_is_read_in_full() -> None:
    levels = np.arange(0, 4096, 4).reshape(32, 32)
    digits = "".join(f"{level:03x}" for level in levels.flat)  # two levels in three bytes
    read = mien.read_image(pictures.tiff(bytes.fromhex(digits), 12))
    assert np.abs(read[:, :, 0] - levels * (255 / 4095)).max() <= 1
    assert read.mean() == pytest.approx(127.5, abs=1)


@pytest.mark.parametrize(("highest", "wanted"), [(255, 255), (65535, 255), (256, 1)])
def test_mode_i_is_8_bits_where_no_level_is_above(highest: int, wanted: int) -> None:
    image = Image.fromarray(np.array([[0, highest]], np.int32))
    assert image.mode == "I"
    assert mien.read_image(image)[0, :, 0].tolist() == [0, wanted]
    assert mien.read_image(pictures.encode(image, "TIFF"))[0, :, 0].tolist() == [0, wanted]


def test_mode_i_of_a_dark_16_bit_file_is_dark() -> None:
    assert mien.read_image(b"P5 1 1 65535\n\0\xff").max() == 1


def test_mode_i_beyond_16_bits_is_refused() -> None:
    for level in (-1, 65536):
        with pytest.raises(mien.ImageError, match="int32"):
            mien.read_image(Image.new("I", (2, 2), level))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparency_is_laid_on_white(mode: str) -> None:
    image = Image.new("RGBA", (4, 2), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 2, 2))
    data = image.convert(mode) if mode != "PA" else image.quantize(4)
    read = mien.read_image(pictures.encode(data, "PNG"))
    assert read[:, :2].max() == 0
    assert read[:, 2:].min() == 255


def test_transparent_colour_of_a_palette_is_white() -> None:
    image = Image.new("P", (4, 2), 1)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.paste(0, (0, 0, 2, 2))
    read = mien.read_image(pictures.encode(image, "PNG", transparency=0))
    assert read[0, 0].tolist() == [255, 255, 255]
    assert read[0, 3].tolist() == [0, 0, 255]


@pytest.mark.parametrize(
    ("array", "wanted"),
    [
        (np.full((2, 3), 51, np.uint8), 51),
        (np.full((2, 3, 1), 51, np.uint8), 51),
        (np.full((2, 3, 3), 51, np.uint8), 51),
        (np.full((2, 3), 51 * 257, np.uint16), 51),
        (np.full((2, 3), 51 * 257, ">u2"), 51),
        (np.full((2, 3), 0.2, np.float64), 51),
        (np.full((2, 3, 3), 0.2, np.float32), 51),
        (np.full((2, 3, 3), 0.2, np.float16), 51),
        (np.full((2, 3), True), 255),
        (np.array([[[0, 0, 0, 0]]], np.uint8), 255),
        (np.array([[[0, 0, 0, 255]]], np.uint8), 0),
        (np.array([[[100, 100, 100, 128]]], np.uint8), 177),
        (np.full((4, 6, 3), 9, np.uint8)[::2, ::-1], 9),
    ],
)
def test_arrays(array: np.ndarray, wanted: int) -> None:
    read = mien.read_image(array)
    assert read.shape == (*array.shape[:2], 3)
    assert read.dtype == np.uint8
    assert read.flags.c_contiguous
    assert (read == wanted).all()


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((0, 5, 3), np.uint8), "no pixels"),
        (np.zeros((3, 64, 64), np.uint8), "channels last"),
        (np.zeros((2, 64, 64, 3), np.uint8), "one picture at a time"),
        (np.zeros(9, np.uint8), "shape"),
        (np.zeros((4, 4), np.int64), "int64"),
        (np.zeros((4, 4), complex), "complex"),
        (np.full((4, 4), 200.0), "expected [0, 1]"),
        (np.full((4, 4), -0.1), "expected [0, 1]"),
        (np.full((4, 4), np.nan), "expected [0, 1]"),
        (np.full((4, 4), np.inf), "expected [0, 1]"),
    ],
)
def test_arrays_that_are_no_pictures(array: np.ndarray, words: str) -> None:
    with pytest.raises(mien.ImageError) as caught:
        mien.read_image(array)
    assert words in str(caught.value)


def test_streams_are_read_to_their_end() -> None:
    class Pipe(io.RawIOBase):
        """Bytes that come once, in order, as on standard input."""

        def __init__(self, data: bytes) -> None:
            self._data = io.BytesIO(data)

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            return self._data.readinto(buffer[:100])

    for stream in (io.BytesIO(FILES["png"]), io.BufferedReader(Pipe(FILES["png"]))):
        assert difference(mien.read_image(stream)) == 0
    with pytest.raises(mien.ImageError, match="mode 'rb'"):
        mien.read_image(io.StringIO("text"))  # type: ignore[arg-type]


def test_other_types_are_refused() -> None:
    with pytest.raises(mien.ImageError, match="got list"):
        mien.read_image([[1, 2]])  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_a_jpeg_without_its_end_is_read_and_its_damage_noted(options: dict[str, Any]) -> None:
    levels = np.random.default_rng(0).integers(0, 256, (160, 80, 3), dtype=np.uint8)
    whole = pictures.encode(Image.fromarray(levels), "JPEG", quality=90, **options)
    upper = read_picture(whole).pixels[:40].astype(int)
    for data in (whole[:-2], whole[:-1], whole[: len(whole) // 2]):
        picture = read_picture(data, name="a.jpg")
        assert picture.damage is not None
        assert picture.damage.startswith("a.jpg is damaged or incomplete (its end is missing")
        assert picture.pixels.shape == (160, 80, 3)
        assert np.abs(picture.pixels[:40] - upper).mean() < (60 if options else 1)
        with pytest.raises(mien.ImageError, match="its end is missing"):
            mien.read_image(data)
    assert read_picture(whole).damage is None


def test_a_large_baseline_jpeg_is_decoded_at_half_its_size() -> None:
    image = Image.fromarray(pictures.pattern()).resize((601, 401), Image.Resampling.NEAREST)
    few = 301 * 201
    turned = {"exif": pictures.exif(6), "quality": 95}
    picture = read_picture(pictures.encode(image, "JPEG", **turned), max_pixels=few)
    assert (picture.width, picture.height, picture.reduction) == (401, 601, 2)
    assert picture.pixels.shape == (301, 201, 3)
    small = np.asarray(image.resize((301, 201)).rotate(-90, expand=True)).astype(int)
    assert np.abs(picture.pixels - small).mean() < 3
    for kind, options in (("PNG", {}), ("JPEG", {"progressive": True})):
        with pytest.raises(mien.errors.ImageTooLargeError):
            read_picture(pictures.encode(image, kind, **options), max_pixels=few)
    with pytest.raises(mien.errors.ImageTooLargeError):
        read_picture(pictures.encode(image, "JPEG"), max_pixels=few // 2)


@pytest.mark.parametrize("turned", [False, True])
def test_heic_is_read_where_its_extra_is_installed(turned: bool) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    image = Image.fromarray(pictures.pattern()).resize((600, 400), Image.Resampling.NEAREST)
    stream = io.BytesIO()
    given = image.transpose(Image.Transpose.ROTATE_90) if turned else image
    exif = pictures.exif(6).tobytes() if turned else None
    pillow_heif.from_pillow(given).save(stream, quality=95, exif=exif)
    read = mien.read_image(stream.getvalue())
    assert read.shape == (400, 600, 3)
    assert np.abs(read.astype(int) - np.asarray(image)).mean() < 4
    with pytest.raises(mien.errors.ImageTooLargeError):
        mien.read_image(stream.getvalue(), max_pixels=1000)


def test_heic_names_its_extra_where_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(mien.ImageError, match=r"pip install 'mien\[heic\]'"):
        mien.read_image(HOSTILE["phone.heic"][0])


def test_levels_that_are_not_read_are_named() -> None:
    levels = np.zeros((32, 32))
    data = pictures.tiff(levels.tobytes(), 64, sample_format=3)
    with pytest.raises(mien.ImageError, match="64-bit floating-point levels in 1 channel"):
        mien.read_image(data)


@pytest.mark.parametrize(("kind", "words"), [("ICO", "an ICO icon"), ("TGA", "is TGA")])
def test_formats_that_are_not_read_are_named(kind: str, words: str) -> None:
    with pytest.raises(mien.errors.UnknownFormatError, match=words):
        mien.read_image(pictures.encode(Image.fromarray(pictures.pattern()), kind))


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("rtsp://me:secret@camera.local/1", "rtsp://camera.local/1"),
        ("https://me@example.org/a@b.jpg", "https://example.org/a@b.jpg"),
        ("data:image/png;base64," + "aGFsbG8h" * 5000, "<data URL>"),
        ("aGFsbG8h" * 5000, "<base64>"),
        ("ä" * 5000 + ".jpg", "ä" * 80 + "..." + "ä" * 16 + ".jpg"),
        ("me:secret@host/a.jpg", "me:secret@host/a.jpg"),
    ],
)
def test_names_are_cleaned_in_results_and_messages(source: str, name: str) -> None:
    assert name_source(source) == name
    with pytest.raises(mien.ImageError) as caught:
        mien.read_image(source)
    assert name in str(caught.value)
    assert len(str(caught.value)) < 400
    assert "://me" not in str(caught.value)
    if name.startswith("<"):
        assert "base64" in str(caught.value)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_get_one_sentence(name: str, tmp_path: Path) -> None:
    data, words = HOSTILE[name]
    path = tmp_path / name
    path.write_bytes(data)
    started = time.monotonic()
    with pytest.raises(mien.ImageError) as caught:
        mien.read_image(path)
    assert time.monotonic() - started < 5
    message = str(caught.value)
    assert words in message
    assert str(path) in message
    assert "\n" not in message
    with pytest.raises(mien.ImageError):
        mien.read_image(data)


@pytest.mark.parametrize("kind", ["jpeg", "jpeg-progressive", "mpo"])
def test_scans_that_are_none_do_not_count(kind: str) -> None:
    scans = b"\xff\xda\xff\xc4" * 6000  # as in thumbnails, and in the video of a motion photo
    comment = b"\xff\xfe" + (len(scans) + 2).to_bytes(2) + scans
    data = FILES[kind][:2] + comment + FILES[kind][2:] + scans
    assert difference(mien.read_image(data)) <= 8


def test_what_is_no_regular_file_is_never_opened(tmp_path: Path) -> None:
    fifo, link, loop = tmp_path / "fifo", tmp_path / "link", tmp_path / "loop"
    os.mkfifo(fifo)  # opening it would wait for ever
    link.symlink_to(tmp_path / "gone")
    loop.symlink_to(loop)
    for path, words in (
        (tmp_path, "folder"),
        (fifo, "pipe"),
        (Path("/dev/zero"), "device"),
        (tmp_path / "gone.jpg", "does not exist"),
        (link, "does not exist"),
        (loop, "cannot be opened"),
        (Path("ä" * 5000), "cannot be opened"),
        ("a\0b.jpg", "cannot be opened"),
        ("", "path is empty"),
        ("https://example.org/a.jpg", "URL"),
    ):
        with pytest.raises(mien.ImageError, match=words):
            mien.read_image(path)


def test_sockets_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        with pytest.raises(mien.ImageError, match="socket"):
            mien.read_image("s")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_forbidden_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "private.png"
    path.write_bytes(FILES["png"])
    path.chmod(0)
    with pytest.raises(mien.ImageError, match="Permission denied"):
        mien.read_image(path)


@pytest.mark.parametrize(
    "name", ["наше фото.jpg", "a b  c.jpg", "👩‍🚀.jpg", "-n.jpg", "'\"$(x).jpg"]
)
def test_names_of_all_kinds(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(FILES["jpeg"])
    assert mien.read_image(path).shape == (40, 60, 3)
    assert mien.read_image(str(path)).shape == (40, 60, 3)
    assert name_source(path) == str(path)


def test_names_that_are_no_text_can_be_printed(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.jpg")
    Path(path).write_bytes(FILES["jpeg"])
    assert mien.read_image(path).shape == (40, 60, 3)
    name_source(path).encode("utf-8")


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_spoilt_bytes_give_a_picture_or_a_sentence(data: st.DataObject) -> None:
    spoilt = bytearray(FILES[data.draw(st.sampled_from(sorted(FILES)))])
    for _ in range(data.draw(st.integers(1, 6))):
        spoilt[data.draw(st.integers(0, len(spoilt) - 1))] = data.draw(st.integers(0, 255))
    try:
        image = mien.read_image(bytes(spoilt[: data.draw(st.integers(1, len(spoilt)))]))
    except mien.ImageError as error:
        assert "\n" not in str(error)
    else:
        assert image.dtype == np.uint8
        assert image.ndim == 3


def test_a_fault_of_the_program_is_not_told_as_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "open", lambda stream: None)  # a release without `formats`
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        mien.read_image(FILES["png"])
