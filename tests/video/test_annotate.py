"""Annotated videos keep every frame, its time and the sound, and appear whole or not at all."""

import io
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import mien
from clips import even, lit, on_canvas, quarters, shrunk, uneven, write_clip
from mien.faces.face import Box
from mien.results import FaceResult, FrameResult


def look(path: Path) -> tuple[list[float], list[np.ndarray], float | None]:
    """Times and pictures of a video, and how long its sound is."""
    with mien.open_video(path) as video:
        frames = list(video.frames())
    with av.open(str(path)) as container:
        heard = [
            frame.time + frame.samples / frame.sample_rate
            for frame in (container.decode(audio=0) if container.streams.audio else [])
        ]
    return (
        [frame.time_s for frame in frames],
        [frame.image for frame in frames],
        max(heard, default=None),
    )


def boxed(time_s: float, frame: int, x: float | None, track_id: int = 1) -> FrameResult:
    faces = ()
    if x is not None:
        values = dict.fromkeys(mien.EMOTIONS, 0.05) | {"happy": 0.7}
        faces = (
            FaceResult(Box(x, 40, 60, 70), (), 0.9, values, "happy", None, None, track_id, values),
        )
    return FrameResult("clip", time_s, frame, faces)


def left_edge(image: np.ndarray) -> int | None:
    """Where the yellow box begins, along a line through its middle."""
    row = image[70:80].astype(int).mean(axis=0)
    yellow = (row[:, 0] > 150) & (row[:, 1] > 140) & (row[:, 2] < 130)
    return int(np.argmax(yellow)) if yellow.any() else None


GREY = np.full((180, 320, 3), 70, np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv"])
def test_every_frame_its_time_and_the_sound_are_kept(ending: str, tmp_path: Path) -> None:
    times = uneven(2.0)
    clip = write_clip([GREY] * len(times), times, sound_s=2.2)
    path = mien.annotate_video(clip, [boxed(0.0, 0, 100.0)], tmp_path / f"out{ending}")
    seen, images, heard = look(path)
    assert seen == pytest.approx(times, abs=2e-3)
    assert images[0].shape == GREY.shape
    assert heard == pytest.approx(2.2, abs=0.1)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("container", "codec", "sound"),
    [
        ("matroska", "libx264", "flac"),
        ("matroska", "libx264", "libmp3lame"),
        ("avi", "mpeg4", "pcm_s16le"),
        ("avi", "mpeg4", "adpcm_ima_wav"),
        ("mpegts", "libx264", "mp2"),
    ],
)
def test_sound_of_every_kind(container: str, codec: str, sound: str, tmp_path: Path) -> None:
    times = even(25)
    clip = write_clip([GREY] * 25, times, container=container, codec=codec, sound=sound, sound_s=1)
    seen, _, heard = look(mien.annotate_video(clip, [], tmp_path / "out.mp4"))
    assert len(seen) == 25
    assert heard == pytest.approx(1.0, abs=0.15)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ending", "sound", "rate", "kept"),
    [
        (".mp4", "libmp3lame", 11_025, "aac"),
        (".mov", "libmp3lame", 11_025, "mp3"),
        (".mp4", "libopus", 48_000, "opus"),
        (".mov", "libopus", 48_000, "aac"),
        (".mov", "flac", 44_100, "aac"),
        (".mkv", "flac", 44_100, "flac"),
        (".mp4", "pcm_s16le", 192_000, "aac"),
    ],
)
def test_sound_that_the_container_does_not_take_becomes_aac(
    ending: str, sound: str, rate: int, kept: str, tmp_path: Path
) -> None:
    clip = write_clip(
        [GREY] * 25, even(25), container="matroska", sound=sound, sound_rate=rate, sound_s=1
    )
    path = mien.annotate_video(clip, [], tmp_path / f"out{ending}")
    seen, _, heard = look(path)
    assert (len(seen), heard) == (25, pytest.approx(1.0, abs=0.15))
    with av.open(str(path)) as container:
        assert container.streams.audio[0].codec_context.name.startswith(kept)


def test_boxes_move_on_evenly_and_go_when_the_face_goes(tmp_path: Path) -> None:
    clip = write_clip([GREY] * 20, even(20))
    frames = [boxed(0.0, 0, 40.0), boxed(0.4, 10, 140.0), boxed(0.6, 15, None)]
    _, images, _ = look(mien.annotate_video(clip, frames, tmp_path / "out.mp4"))
    edges = [left_edge(image) for image in images]
    assert edges[0] == pytest.approx(37, abs=3)
    assert edges[5] == pytest.approx(87, abs=3)
    assert edges[10:15] == pytest.approx([137] * 5, abs=3)
    assert edges[15:] == [None] * 5


@pytest.mark.slow
def test_a_reading_is_drawn_while_it_is_read(
    analyzer: mien.Analyzer, portrait: np.ndarray, tmp_path: Path
) -> None:
    small = shrunk(portrait, 240)
    times = even(30)
    images = [lit(on_canvas(small, (60 + 4 * n, 60)), 1.2) for n in range(30)]
    source = tmp_path / "clip.mp4"
    source.write_bytes(write_clip(images, times, sound_s=1.2, rotation=180))
    upside_down = tmp_path / "turned.mp4"
    upside_down.write_bytes(
        write_clip([image[::-1, ::-1] for image in images], times, rotation=180)
    )
    with mien.read_video(analyzer, upside_down) as reading:
        path = mien.annotate_video(upside_down, reading, tmp_path / "out.mp4")
        assert reading.summary.frames_with_face == 6
    _, drawn, heard = look(path)
    assert heard is None
    assert len(drawn) == 30
    difference = np.abs(drawn[20].astype(int) - images[20]).mean(axis=2)
    assert (difference > 60).sum() > 500  # the box and the label
    assert np.median(difference) < 6  # the rest is as it was, and upright


def test_odd_sides_are_filled_up(tmp_path: Path) -> None:
    image = np.full((33, 17, 3), 90, np.uint8)
    clip = write_clip([image] * 5, even(5), container="mov", codec="png", pix_fmt="rgb24")
    _, images, _ = look(mien.annotate_video(clip, [boxed(0, 0, 2.0)], tmp_path / "out.mkv"))
    assert [picture.shape for picture in images] == [(34, 18, 3)] * 5


def test_a_damaged_video_gives_what_is_left(tmp_path: Path) -> None:
    clip = write_clip([quarters()] * 20, even(20), container="matroska", sound_s=0.8)
    seen, _, _ = look(mien.annotate_video(clip[: len(clip) // 2], [], tmp_path / "out.mp4"))
    assert 0 < len(seen) < 20


def test_what_cannot_be_written(tmp_path: Path) -> None:
    clip = write_clip([GREY] * 5, even(5))
    source = tmp_path / "clip.mp4"
    source.write_bytes(clip)
    choices: list[tuple[Any, Path, str, type[mien.MienError]]] = [
        (clip, tmp_path / "out.gif", "must end in .mp4, .mov, .mkv", mien.ConfigError),
        (source, tmp_path / "." / "clip.mp4", "is the video itself", mien.ConfigError),
        (b"text", tmp_path / "out.mp4", "is not a supported video", mien.VideoError),
        (clip, source / "out.mp4", "cannot be written", mien.OutputError),
    ]
    for video, path, words, kind in choices:
        with pytest.raises(kind, match=words):
            mien.annotate_video(video, [], path)
    assert source.read_bytes() == clip
    assert [entry.name for entry in tmp_path.iterdir()] == ["clip.mp4"]


def test_where_drawing_fails_what_was_there_stays(tmp_path: Path) -> None:
    def breaking() -> Any:
        yield boxed(0.0, 0, 30.0)
        raise mien.VideoError("stopped")

    path = tmp_path / "out.mp4"
    path.write_bytes(b"as it was")
    with pytest.raises(mien.VideoError, match="stopped"):
        mien.annotate_video(io.BytesIO(write_clip([GREY] * 5, even(5))), breaking(), path)
    assert path.read_bytes() == b"as it was"
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.mp4"]
