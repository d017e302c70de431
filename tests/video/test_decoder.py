"""Videos give their frames at true times and upright; broken ones give what is left of them."""

import io
import os
import re
import struct
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import mien
from clips import even, numbered, quarters, remux, sound_only, uneven, write_clip
from mien.video.container import import_av
from mien.video.decoder import Video, VideoFrame, open_video
from pictures import encode, pattern

COUNT = 20
CLIP = write_clip(numbered(COUNT), even(COUNT), options={"g": "5"})
FAST = write_clip(
    numbered(COUNT),
    even(COUNT),
    options={"g": "5"},
    container_options={"movflags": "+faststart"},  # the index comes first
)
MKV = write_clip(numbered(COUNT), even(COUNT), container="matroska")


def read(source: Any, **choice: Any) -> tuple[Video, list[VideoFrame]]:
    with open_video(source) as video:
        return video, list(video.frames(**choice))


def numbers(frames: list[VideoFrame]) -> list[int]:
    """Which of the numbered pictures each frame shows, by its brightness."""
    return [round((float(frame.image.mean()) - 20) / 200 * (COUNT - 1)) for frame in frames]


def test_every_frame_comes_with_its_time_and_number() -> None:
    video, frames = read(CLIP)
    assert (video.width, video.height, video.duration_s) == (96, 64, 0.8)
    assert (video.frame_rate, video.has_audio, video.damage) == (25, False, None)
    assert [frame.frame for frame in frames] == list(range(COUNT)) == numbers(frames)
    assert [frame.time_s for frame in frames] == pytest.approx(even(COUNT))
    assert frames[0].image.shape == (64, 96, 3)
    assert frames[0].image.dtype == np.uint8


def test_times_are_true_where_the_frame_rate_varies() -> None:
    times = uneven(2)
    _, frames = read(write_clip(numbered(len(times)), times))
    assert [frame.time_s for frame in frames] == pytest.approx(times, abs=1e-4)


def test_frames_are_taken_at_an_interval_from_start_to_end() -> None:
    _, frames = read(CLIP, every_s=0.2)
    assert [frame.frame for frame in frames] == [0, 5, 10, 15]
    _, frames = read(CLIP, every_s=0.1)  # not a multiple of what a frame lasts
    assert [frame.frame for frame in frames] == [0, 3, 5, 8, 10, 13, 15, 18]
    _, frames = read(CLIP, start_s=0.3, end_s=0.5)
    assert [frame.frame for frame in frames] == [8, 9, 10, 11, 12] == numbers(frames)
    assert read(CLIP, start_s=5)[1] == []


@pytest.mark.parametrize("container", ["mp4", "matroska", "mpegts", "avi", "nut"])
@pytest.mark.parametrize("start_s", [0.01, 0.2, 0.5, 0.74])
def test_a_later_start_gives_the_same_frames(container: str, start_s: float) -> None:
    codec = "mpeg4" if container in {"avi", "nut"} else "libx264"
    options = {"g": "6"} if codec == "mpeg4" else {"g": "6", "bf": "2", "preset": "fast"}
    clip = write_clip(
        numbered(COUNT), even(COUNT), container=container, codec=codec, options=options
    )
    whole = [frame for frame in read(clip)[1] if frame.time_s >= start_s - 1e-3]
    part = read(clip, start_s=start_s)[1]
    assert [(frame.frame, round(frame.time_s, 3)) for frame in part] == [
        (frame.frame, round(frame.time_s, 3)) for frame in whole
    ]
    assert all(
        np.array_equal(one.image, other.image) for one, other in zip(part, whole, strict=True)
    )


JUMPED = {
    "closed": {"options": {"g": "6", "bf": "2", "preset": "fast"}},
    "open": {"options": {"g": "6", "bf": "2", "preset": "fast", "x264-params": "open-gop=1"}},
    "MPEG-2": {"codec": "mpeg2video", "options": {"g": "6", "bf": "2"}},
}


@pytest.mark.parametrize("name", JUMPED)
@pytest.mark.parametrize("container", ["mp4", "mov", "matroska"])
@pytest.mark.parametrize(
    "trim_s",
    [pytest.param(0.0, marks=pytest.mark.slow), 0.14, pytest.param(0.34, marks=pytest.mark.slow)],
)
def test_frames_have_one_number_from_wherever_they_are_read(
    trim_s: float, container: str, name: str
) -> None:
    clip = write_clip(numbered(COUNT), even(COUNT), **JUMPED[name])
    with open_video(remux(clip, container=container, start_s=trim_s)) as video:
        whole = list(video.frames())
        assert len(whole) >= COUNT - 12
        for start_s in (one.time_s - early_s for one in whole[1:] for early_s in (0.02, 0)):
            wanted = next(one for one in whole if one.time_s >= start_s - 5e-4)
            with closing(video.frames(start_s=start_s)) as frames:
                first = next(frames)
            assert (first.frame, first.time_s) == (wanted.frame, pytest.approx(wanted.time_s))
            assert np.array_equal(first.image, wanted.image)


def test_what_makes_no_sense_is_refused() -> None:
    for choice in ({"every_s": 0}, {"every_s": -1}, {"start_s": -1}, {"start_s": 2, "end_s": 1}):
        with pytest.raises(mien.ConfigError), open_video(CLIP) as video:
            video.frames(**choice)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_video_is_turned_upright(degrees: int) -> None:
    video, frames = read(write_clip([quarters()] * 3, even(3), rotation=degrees))
    upright = np.rot90(quarters(), degrees // 90)
    assert frames[0].image.shape == upright.shape == (video.height, video.width, 3)
    assert np.abs(frames[0].image.astype(int) - upright).mean() < 4


def test_pixels_that_are_not_square_are_made_so() -> None:
    clip = write_clip([quarters()] * 3, even(3), options={"x264-params": "sar=4/3"})
    video, frames = read(clip)
    assert (video.width, video.height) == (128, 64)
    assert frames[0].image.shape == (64, 128, 3)


FORMATS: dict[str, dict[str, Any]] = {
    "mkv": {"container": "matroska"},
    "webm": {"container": "webm", "codec": "libvpx-vp9"},
    "avi": {"container": "avi", "codec": "mpeg4"},
    "mov": {"container": "mov"},
    "ts": {"container": "mpegts"},
    "flv": {"container": "flv"},
    "nut": {"container": "nut", "codec": "mpeg4"},
    "wmv": {"container": "asf", "codec": "mpeg4"},
    "mxf": {"container": "mxf", "codec": "mpeg2video"},
    "mpg": {"container": "mpeg", "codec": "mpeg2video"},
    "ivf": {"container": "ivf", "codec": "libvpx-vp9"},
    "gif": {"container": "gif", "codec": "gif", "pix_fmt": "rgb8"},
    "apng": {"container": "apng", "codec": "apng", "pix_fmt": "rgb24"},
    "bare H.264, without times": {"container": "h264"},
    "y4m": {"container": "yuv4mpegpipe", "codec": "wrapped_avframe"},
    "B-frames": {"options": {"bf": "3", "preset": "fast"}},
    "first stamp not 0": {"start": 450_000},
    "first stamp not 0, ts": {"start": 450_000, "container": "mpegts"},
    "first stamp not 0, mkv": {"start": 9_000_000, "container": "matroska"},
    "first stamp not 0, webm": {"start": 90_000_000, "container": "webm", "codec": "libvpx-vp9"},
    "sound": {"sound_s": 0.8},
    "sound that goes on": {"sound_s": 2.0},
    "10 bits": {"pix_fmt": "yuv420p10le"},
    "full chroma": {"pix_fmt": "yuv444p"},
    "alpha": {"pix_fmt": "yuva420p", "codec": "ffv1", "container": "matroska"},
    "RGB": {"pix_fmt": "rgb24", "codec": "png", "container": "mov"},
    "16-bit grey": {"pix_fmt": "gray16le", "codec": "ffv1", "container": "matroska"},
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_kind_of_video(name: str) -> None:
    video, frames = read(write_clip(numbered(COUNT), even(COUNT), **FORMATS[name]))
    assert video.damage is None
    assert numbers(frames) == list(range(COUNT))
    assert [frame.time_s for frame in frames] == pytest.approx(even(COUNT), abs=2e-3)
    assert video.duration_s is None or video.duration_s < 2.1


@pytest.mark.parametrize("kind", ["WEBP", "AVIF"])
@pytest.mark.parametrize("form", ["path", "bytes", "stream"])
def test_animations_are_read_with_their_times(kind: str, form: str, tmp_path: Path) -> None:
    pictures = [Image.fromarray(frame) for frame in numbered(COUNT)[:4]]
    lasting = [100, 40, 300, 200]
    options = {"lossless": True} if kind == "WEBP" else {"quality": 95}
    data = encode(
        pictures[0], kind, save_all=True, append_images=pictures[1:], duration=lasting, **options
    )
    path = tmp_path / "moving.jpg"  # content decides
    path.write_bytes(data)
    video, frames = read({"path": path, "bytes": data, "stream": io.BytesIO(data)}[form])
    assert numbers(frames) == [0, 1, 2, 3]
    assert [frame.time_s for frame in frames] == pytest.approx([0, 0.1, 0.14, 0.44], abs=2e-3)
    assert video.duration_s == pytest.approx(0.64, abs=2e-3)


def test_an_animated_webp_that_is_damaged_or_too_large_is_refused(monkeypatch) -> None:
    pictures = [Image.fromarray(frame) for frame in numbered(3)]
    data = encode(pictures[0], "WEBP", lossless=True, save_all=True, append_images=pictures[1:])
    with pytest.raises(mien.VideoError, match="damaged or incomplete"):
        read(data[: len(data) // 2])
    monkeypatch.setattr("mien.video.webp.MAX_ANIMATION_PIXELS", 1000)
    with pytest.raises(mien.VideoError, match=r"too large: 3 frames of .* convert it to MP4"):
        read(data)


def test_a_few_frames_that_begin_late_begin_at_0() -> None:
    clip = write_clip(numbered(3), even(3), container="matroska", start=90_000_000)
    video, frames = read(clip)
    assert (video.duration_s, video.damage) == (0.12, None)
    assert [frame.time_s for frame in frames] == pytest.approx(even(3))


def test_a_subtitle_may_last_longer_than_the_picture() -> None:
    for clip in (MKV, write_clip(numbered(COUNT), even(COUNT), container="matroska", start=90_000)):
        video, frames = read(remux(clip, container="matroska", subtitle_s=(0.5, 3.0)))
        assert (len(frames), video.damage) == (COUNT, None)


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (17, 33), (64, 1)])
def test_odd_sizes(size: tuple[int, int]) -> None:
    clip = write_clip(numbered(5, size), even(5), container="mov", codec="png", pix_fmt="rgb24")
    video, frames = read(clip)
    assert [frame.image.shape for frame in frames] == [(*size, 3)] * 5
    assert (video.height, video.width) == size


def test_grey_video() -> None:
    _, frames = read(write_clip(numbered(COUNT), even(COUNT), pix_fmt="gray"))
    levels = [float(frame.image.mean()) for frame in frames]
    assert len(levels) == COUNT
    assert levels == sorted(levels)


def test_a_cut_is_noticed_also_between_the_frames_that_are_taken() -> None:
    rng = np.random.default_rng(0)
    scenes = [np.kron(rng.integers(0, 256, (4, 6, 3)), np.ones((16, 16, 1))) for _ in range(2)]
    shots = [scenes[0]] * 8 + [scenes[1]] * 12
    images = [shot.astype(np.uint8) for shot in shots]
    _, frames = read(write_clip(images, even(20)))
    assert [frame.frame for frame in frames if frame.is_cut] == [8]
    _, frames = read(write_clip(images, even(20)), every_s=0.2)
    assert [frame.frame for frame in frames if frame.is_cut] == [10]


def test_a_lamp_and_a_moving_thing_are_no_cuts() -> None:
    rng = np.random.default_rng(1)
    scene = np.kron(rng.integers(60, 160, (8, 12, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    images = []
    for number in range(20):
        image = np.clip(scene * (1.6 if number in {5, 6, 12} else 1.0), 0, 255).astype(np.uint8)
        image[20:50, 3 * number : 3 * number + 30] = 240
        images.append(image)
    assert not [frame.frame for frame in read(write_clip(images, even(20)))[1] if frame.is_cut]


# --- where a video may come from ------------------------------------------------------------------


class Pipe(io.RawIOBase):
    """A stream that cannot go back."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._data.readinto(buffer)


def test_paths_bytes_and_streams(tmp_path: Path) -> None:
    path = tmp_path / "clip.txt"  # content decides
    path.write_bytes(CLIP)
    sources: list[Any] = [path, str(path), CLIP, bytearray(CLIP), io.BytesIO(CLIP), Pipe(CLIP)]
    for source in sources:
        assert len(read(source)[1]) == COUNT
    with path.open("rb") as stream:
        assert len(read(stream)[1]) == COUNT
        assert not stream.closed


def test_two_readings_of_one_stream_do_not_disturb_each_other() -> None:
    with open_video(io.BytesIO(CLIP)) as video:
        pairs = list(zip(video.frames(), video.frames(start_s=0.2), strict=False))
    assert [(one.frame, other.frame) for one, other in pairs] == [(n, n + 5) for n in range(15)]


@pytest.mark.parametrize("name", ["absent.mp4", "", "https://example.org/clip.mp4", "rtsp://cam/1"])
def test_no_such_file(name: str) -> None:
    with pytest.raises(mien.VideoError, match=r"does not exist|is empty|is a URL"):
        open_video(name)


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    for name, words in ((".", "folder"), ("pipe.mp4", "pipe")):
        with pytest.raises(mien.VideoError, match=words):
            open_video(tmp_path / name)
    for source in (7, None, ["clip"]):
        with pytest.raises(
            mien.VideoError, match=("a video must be a path, bytes or a binary stream")
        ):
            open_video(source)  # type: ignore[arg-type]
    closed = io.BytesIO(CLIP)
    closed.close()
    for stream in (closed, io.StringIO("text")):
        with pytest.raises(mien.VideoError):
            open_video(stream)  # type: ignore[arg-type]


# --- what is broken, or never was a video ---------------------------------------------------------

RAW = write_clip(numbered(2), even(2), container="mov", codec="rawvideo", pix_fmt="rgb24")
SECRET = "secret.mp4"


def no_frames() -> bytes:
    """A file that promises a stream of pictures and holds none."""
    stream = io.BytesIO()
    with import_av().open(stream, "w", format="matroska") as output:
        video = output.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        output.start_encoding()
    return stream.getvalue()


def resized(clip: bytes, codec: bytes, side: int) -> bytes:
    """Change the size that an MP4 states for its pictures."""
    place = clip.index(codec, clip.index(b"stsd")) + 28
    return clip[:place] + struct.pack(">HH", side, side) + clip[place + 4 :]


PLAYLISTS = {
    "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nFOLDER/{SECRET}\n#EXT-X-ENDLIST\n",
    "concat": f"ffconcat version 1.0\nfile 'FOLDER/{SECRET}'\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period>'
    f"<BaseURL>FOLDER/{SECRET}</BaseURL></Period></MPD>",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
}

REFUSED: dict[str, tuple[bytes, str]] = {
    "empty.mp4": (b"", "is empty"),
    "text.mp4": (b"Dear all,\nplease find attached the clip.\n" * 30, "is text"),
    "page.mp4": (b"<!DOCTYPE html><html><body>404</body></html>", "web page"),
    "paper.mp4": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + bytes(640), "PDF"),
    "photo.mp4": (encode(Image.fromarray(pattern()), "JPEG"), "is a picture"),
    "photo.mkv": (encode(Image.fromarray(pattern()), "PNG"), "is a picture"),
    "photo.webm": (encode(Image.fromarray(pattern()), "WEBP"), "is a picture"),
    "noise.mp4": (np.random.default_rng(0).bytes(5000), "no known image or video format"),
    "zeros.mp4": (bytes(5000), "no known image or video format"),
    "sound.mp4": (sound_only(), "only sound"),
    "no-frames.mkv": (no_frames(), "no frames|damaged or incomplete|none of its frames"),
    "no-index.mp4": (CLIP[: len(CLIP) // 2], "damaged or incomplete"),
    "head-only.mp4": (CLIP[:40], "damaged or incomplete"),
    "head-only.mkv": (MKV[:40], "damaged or incomplete"),
    "unknown-codec.mp4": (CLIP.replace(b"avc1", b"zzz1"), "cannot decode its codec"),
    "huge.y4m": (b"YUV4MPEG2 W60000 H60000 F25:1 Ip C420jpeg\nFRAME\n" + bytes(999), "damaged"),
    "huge.mov": (resized(RAW, b"raw ", 30_000), "none of its frames|too large"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_video_gets_one_sentence(name: str, tmp_path: Path) -> None:
    data, words = REFUSED[name]
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(mien.VideoError, match=words) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    assert "<none>" not in message


@pytest.mark.parametrize("name", PLAYLISTS)
@pytest.mark.parametrize("ending", [".mp4", ".m3u8", ".ffconcat", ".mpd", ".sdp"])
def test_a_playlist_opens_no_other_file(name: str, ending: str, tmp_path: Path) -> None:
    secret = tmp_path / SECRET
    os.mkfifo(secret)  # opening it would wait for ever
    path = tmp_path / f"list{ending}"
    path.write_text(PLAYLISTS[name].replace("FOLDER", str(tmp_path)))
    with pytest.raises(mien.VideoError, match="is not a supported video"):
        read(path)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("name", ["fast.mp4", "mkv", "late.mkv", "titled.mkv", "flv"])
def test_a_video_that_was_cut_short_keeps_what_was_read(name: str, share: float) -> None:
    data = {
        "fast.mp4": FAST,
        "mkv": MKV,
        "late.mkv": write_clip(numbered(COUNT), even(COUNT), container="matroska", start=9_000_000),
        "titled.mkv": remux(MKV, container="matroska", subtitle_s=(0.0, 0.1)),
        "flv": write_clip(numbered(COUNT), even(COUNT), container="flv"),
    }[name]
    header = data.index(b"mdat") + 8 if name == "fast.mp4" else len(data) // 4
    video, frames = read(data[: header + int((len(data) - header) * share)])
    assert 0 < len(frames) < COUNT
    assert numbers(frames) == list(range(len(frames)))
    if len(frames) < COUNT - 3:
        assert video.damage is not None
        stopped = re.search(r"reading stopped at (\S+) s of 0.80 s", video.damage)
        assert stopped is not None
        assert float(stopped[1]) == pytest.approx(frames[-1].time_s, abs=0.05)
        assert "\n" not in video.damage


@pytest.mark.parametrize("name", ["mpegts", "avi", "gif", "apng", "nut", "h264", "asf", "mxf"])
def test_other_containers_cut_short_never_raise_anything_else(name: str) -> None:
    kinds = {"mpegts": "ts", "asf": "wmv", "h264": "bare H.264, without times"}
    data = write_clip(numbered(COUNT), even(COUNT), **FORMATS[kinds.get(name, name)])
    for share in (0.02, 0.3, 0.6, 0.9):
        try:
            _, frames = read(data[: int(len(data) * share)])
        except mien.VideoError as error:
            assert re.search(
                "damaged|frames|is a picture|no known image or video format", str(error)
            ), share
        else:
            assert 0 < len(frames) <= COUNT


def test_damage_in_the_middle_is_told_and_the_rest_is_read() -> None:
    data = bytearray(FAST)
    start = data.index(b"mdat") + 8
    middle = start + (len(data) - start) * 2 // 5
    data[middle : middle + 120] = bytes(120)
    video, frames = read(bytes(data))
    assert len(frames) > COUNT // 2
    assert frames[-1].frame == len(frames) - 1
    assert frames[-1].time_s == pytest.approx(0.76)
    assert video.damage is not None
    assert "corrupt or missing, starting at 0." in video.damage


@pytest.mark.parametrize("seed", range(24))
def test_flipped_bits_never_raise_anything_else(seed: int) -> None:
    rng = np.random.default_rng(seed)
    data = bytearray((CLIP, FAST, MKV)[seed % 3])
    for _ in range(int(rng.integers(1, 60))):
        data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
    try:
        _, frames = read(bytes(data), every_s=0.04 if seed % 2 else None)
    except mien.VideoError as error:
        assert "\n" not in str(error)
    else:
        times = [frame.time_s for frame in frames]
        assert times == sorted(set(times))


def test_a_title_in_another_encoding_does_no_harm() -> None:
    stream = io.BytesIO()
    with import_av().open(stream, "w", format="matroska") as output:
        output.metadata["title"] = "Gr--e"
        video = output.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        frame = import_av().VideoFrame.from_ndarray(pattern()[:48, :64].copy(), format="rgb24")
        output.mux(video.encode(frame))
        output.mux(video.encode(None))
    assert len(read(stream.getvalue().replace(b"Gr--e", b"Gr\xfc\xdfe"))[1]) == 1


def test_a_release_that_lacks_an_argument_is_not_told_as_damage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(import_av(), "open", lambda file, mode: None)
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        open_video(CLIP)


def test_without_pyav_the_extra_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(mien.MissingExtraError, match=r"pip install 'mien\[video\]'"):
        open_video(CLIP)
