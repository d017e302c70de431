"""Videos among photos: read, drawn, put into tables, resumed."""

import csv
import json
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest

from clips import even, shrunk, write_clip
from mien.batch.sources import Source
from mien.batch.videos import VideoReader
from mien.cli import main
from mien.cli.times import parse_every, parse_time, say_duration
from mien.errors import ConfigError, OutputError
from mien.results import Failure, FrameResult, VideoSummary
from mien.video.reading import VideoSettings


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, portrait: np.ndarray) -> Path:
    """A photo, a clip whose face goes away, a clip that breaks off, and a text called a clip."""
    folder = tmp_path_factory.mktemp("mixed") / "in"
    folder.mkdir()
    face, nothing = shrunk(portrait, 256), np.full((256, 256, 3), 90, np.uint8)
    clip = write_clip([face] * 15 + [nothing] * 10, even(25, rate=10), container="matroska")
    (folder / "b clip.mkv").write_bytes(clip)
    (folder / "c broken.mkv").write_bytes(clip[: len(clip) // 2])
    (folder / "d text.mp4").write_text("no video at all")
    (folder / "a.png").write_bytes(
        (Path(__file__).parents[2] / "examples/astronaut.jpg").read_bytes()
    )
    return folder


def call(*arguments: object) -> int:
    return main(["analyze", *map(str, arguments), "--detector-size", "320"])


def test_a_table_has_a_row_for_every_frame(
    folder: Path, tiny_model: Path, tmp_path: Path, capsys
) -> None:
    output = tmp_path / "t.csv"
    assert call(folder, "--output", output, "--every", "0.5s", "--model", tiny_model) == 1
    with output.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    clip = [row for row in rows if row["source"].endswith("b clip.mkv")]
    assert [float(row["time_s"]) for row in clip] == [0, 0.5, 1, 1.5, 2]
    assert [row["face"] for row in clip] == ["1", "1", "1", "", ""]
    assert {row["track_id"] for row in clip} == {"1", ""}
    assert all(row["smoothed_happy"] for row in clip[:3])
    broken = [row for row in rows if row["source"].endswith("c broken.mkv")]
    assert len(broken) >= 2  # what was read, and where it broke off
    assert "c broken.mkv" in broken[-1]["error"]
    failed = (tmp_path / "t.failed.csv").read_text(encoding="utf-8")
    assert "c broken.mkv" in failed
    assert "d text.mp4" in failed
    assert capsys.readouterr().err.startswith(
        "3 read, 0 without a face, 1 damaged, 1 failed  4 files"
    )


def test_json_lines_are_frames_and_then_the_whole(folder: Path, tiny_model: Path, capsys) -> None:
    given = [folder / "b clip.mkv", folder / "a.png", "--every", "frame", "--start", "1s"]
    assert call(*given, "--end", "0:02", "--json", "--model", tiny_model) == 0
    *frames, whole, photo = map(json.loads, capsys.readouterr().out.splitlines())
    assert [frame["time_s"] for frame in frames] == pytest.approx([1 + 0.1 * n for n in range(10)])
    assert (whole["frames"], whole["frames_with_face"]) == (10, 5)
    assert photo["width"] == 512


def test_the_terminal_tells_of_a_video(folder: Path, tiny_model: Path, capsys) -> None:
    assert call(folder / "b clip.mkv", folder / "a.png", "--model", tiny_model) == 0
    out = capsys.readouterr().out
    assert "b clip.mkv  256 × 256, 2.4 s, 13 frames read, 8 with a face" in out
    assert "confidence" in out
    assert out.count("expression") == 2


def test_the_terminal_tells_of_damage(folder: Path, tiny_model: Path, capsys) -> None:
    for more in ((), ("--json",)):
        assert call(folder / "c broken.mkv", *more, "--model", tiny_model) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("mien: ")
        assert "c broken.mkv is damaged: reading stopped at " in line


@pytest.mark.slow
def test_a_folder_gets_annotated_videos_too(folder: Path, tiny_model: Path, tmp_path: Path) -> None:
    assert call(folder, "--output", tmp_path / "drawn", "--model", tiny_model) == 1
    names = {path.name for path in (tmp_path / "drawn").iterdir()}
    assert {"a-annotated.jpg", "b clip-annotated.mp4", "results.jsonl"} <= names
    with av.open(str(tmp_path / "drawn" / "b clip-annotated.mp4")) as drawn:
        assert sum(1 for _ in drawn.decode(video=0)) == 25
    lines = (tmp_path / "drawn" / "results.jsonl").read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if "b clip.mkv" in line]) == 13 + 1


def test_a_copy_needs_a_fitting_name(
    folder: Path, tiny_model: Path, tmp_path: Path, capsys
) -> None:
    for source, name, words in (
        ("b clip.mkv", "x.jpg", ".mp4, .mov, .mkv"),
        ("a.png", "x.mp4", "is a photo"),
    ):
        given = [folder / source, "--annotate", tmp_path / name, "--model", tiny_model]
        assert call(*given) == 2
        assert words in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_copy_whose_name_is_too_long_stops_no_other(
    folder: Path, analyzer, tmp_path: Path
) -> None:
    clip = Source(str(folder / "b clip.mkv"), "b")
    for name in ("x" * 300, "x" * 40):
        target = tmp_path / f"{name}.mp4"
        reader = VideoReader(lambda: analyzer, VideoSettings(), lambda _, path=target: path)
        *frames, last = reader.read(clip)
        assert len(frames) == 13
        assert isinstance(last, Failure) == (len(name) > 255)
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


@pytest.mark.slow
def test_a_reading_that_is_ended_leaves_no_half_copy(
    folder: Path, analyzer, tmp_path: Path
) -> None:
    target = tmp_path / "copy.mp4"
    reader = VideoReader(lambda: analyzer, VideoSettings(), lambda _: target)
    source = Source(str(folder / "b clip.mkv"), "b")
    records = reader.read(source)
    assert isinstance(next(records), FrameResult)
    records.close()
    assert list(tmp_path.iterdir()) == []
    assert isinstance(list(reader.read(source))[-1], VideoSummary)
    assert [path.name for path in tmp_path.iterdir()] == ["copy.mp4"]
    target.unlink()
    target.mkdir()
    with pytest.raises(OutputError):
        list(reader.read(source))


@pytest.mark.slow
def test_a_video_of_which_no_copy_can_be_made_does_not_end_the_run(
    folder: Path, tiny_model: Path, tmp_path: Path
) -> None:
    given = tmp_path / "in"
    given.mkdir()
    wide = [np.full((16, 17_000, 3), 90, np.uint8)] * 3  # more than H.264 encoders take
    (given / "a wide.mov").write_bytes(
        write_clip(wide, even(3), container="mov", codec="png", pix_fmt="rgb24")
    )
    (given / "b clip.mkv").write_bytes((folder / "b clip.mkv").read_bytes())
    assert call(given, "--output", tmp_path / "out", "--model", tiny_model) == 1
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert "b clip-annotated.mp4" in names
    assert "a wide-annotated.mp4" not in names
    told = (tmp_path / "out" / "results.jsonl").read_text(encoding="utf-8")
    assert ".mp4 does not support this video" in told


@pytest.mark.slow
def test_a_run_killed_within_a_video_reads_it_again(
    folder: Path, tiny_model: Path, tmp_path: Path
) -> None:
    given = [str(folder), "--every", "frame", "--detector-size", "320", "--model", str(tiny_model)]
    words = [sys.executable, "-m", "mien", "analyze", *given, "--output"]
    whole, killed = tmp_path / "whole.csv", tmp_path / "killed.csv"
    subprocess.run([*words, whole], capture_output=True, timeout=120)
    journal = killed.with_name("killed.csv.partial")
    process = subprocess.Popen([*words, killed], stderr=subprocess.DEVNULL)
    while process.poll() is None and not (journal.exists() and journal.stat().st_size > 8000):
        time.sleep(0.002)
    process.kill()
    process.wait()
    subprocess.run([*words, killed], capture_output=True, timeout=120)
    assert killed.read_bytes() == whole.read_bytes()


@pytest.mark.slow
def test_without_pyav_photos_are_read_all_the_same(folder: Path, tiny_model: Path) -> None:
    code = (
        "import sys; sys.modules['av'] = None\n"
        "from mien.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    words = ["analyze", str(folder / "b clip.mkv"), str(folder / "a.png"), "--json"]
    done = subprocess.run(
        [sys.executable, "-c", code, *words, "--model", str(tiny_model)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    video, photo = map(json.loads, done.stdout.splitlines())
    assert video["error"]["kind"] == "extra"
    assert "pip install 'mien[video]'" in video["error"]["message"]
    assert len(photo["faces"]) == 1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0.2s", 0.2),
        ("200ms", 0.2),
        ("90", 90),
        ("1.5min", 90),
        ("1:30", 90),
        ("1:00:01.5", 3601.5),
    ],
)
def test_times(text: str, seconds: float) -> None:
    assert parse_time(text, option="--start") == pytest.approx(seconds)
    assert parse_every(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "-1", "x", "1:2:3:4", "1e400", "nan", "inf", "0.2 parsecs"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ConfigError, match="--end"):
        parse_time(text, option="--end")


def test_durations() -> None:
    assert parse_every("frame") is None
    assert [say_duration(s) for s in (4.21, 200, 3900)] == ["4.2 s", "3 min 20 s", "1 h 5 min"]
