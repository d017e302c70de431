"""A folder of frames is one video: in natural order, at its frames' times."""

import json

import numpy as np
import pytest
from PIL import Image

import mien
from mien.cli import main

pytest.importorskip("av")


def save(folder, name, level, size=(64, 48)):
    folder.mkdir(exist_ok=True)
    Image.new("RGB", size, (level, level, level)).save(folder / name)


def read(stream):
    with mien.open_video(stream) as video:
        return [(round(frame.time_s, 3), int(frame.image.mean())) for frame in video.frames()]


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_frame2_comes_before_frame10(tmp_path, ending):
    for number in (1, 2, 10):
        save(tmp_path, f"frame{number}.{ending}", 20 * number)
    (tmp_path / "notes.txt").write_text("no frame")
    assert read(mien.open_frames(tmp_path, 25)) == [(0.0, 20), (0.04, 40), (0.08, 200)]


def test_frames_keep_their_pixels(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (48, 63, 3), dtype=np.uint8)
    for name in "ab":
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    with mien.open_video(mien.open_frames(tmp_path, 10)) as video:
        frames = list(video.frames())
        assert (video.name, video.width, video.height) == (str(tmp_path), 63, 48)
        assert video.frame_rate == pytest.approx(10)
    assert [np.array_equal(frame.image, pixels) for frame in frames] == [True, True]


def test_times_come_from_names_or_a_table(tmp_path):
    save(tmp_path, "p7_1.5s.png", 10)
    save(tmp_path, "p7_250ms.png", 20)
    save(tmp_path, "p7_12.04s.png", 30)
    named = read(mien.open_frames(tmp_path))
    assert [level for _, level in named] == [20, 10, 30]
    assert np.diff([time_s for time_s, _ in named]) == pytest.approx([1.25, 10.54])

    table = tmp_path / "times.csv"
    table.write_text("file,time_s\np7_1.5s.png,0\np7_250ms.png,0.5\np7_12.04s.png,0.75\n")
    assert read(mien.open_frames(tmp_path, table)) == [(0.0, 10), (0.5, 20), (0.75, 30)]


def test_what_is_no_sequence_gets_one_sentence(tmp_path):
    with pytest.raises(mien.VideoError, match="contains no pictures"):
        mien.open_frames(tmp_path, 25)
    save(tmp_path, "a1.png", 10)
    with pytest.raises(mien.ConfigError, match=r"a1.png does not end in a time .* --fps 25"):
        mien.open_frames(tmp_path)
    with pytest.raises(mien.ConfigError, match="at most 1000 frames per second, got 0"):
        mien.open_frames(tmp_path, 0)
    with pytest.raises(mien.ConfigError, match=r"gone.csv cannot be read"):
        mien.open_frames(tmp_path, tmp_path / "gone.csv")
    table = tmp_path / "times.csv"
    table.write_text("file,time_s\nb.png,1\n")
    with pytest.raises(mien.ConfigError, match=r"no time for 1 frames .* a1.png"):
        mien.open_frames(tmp_path, table)
    save(tmp_path, "a2.png", 10, size=(30, 48))
    with pytest.raises(mien.VideoError, match=r"a2.png is 30 x 48, .* first frame is 64 x 48"):
        mien.open_frames(tmp_path, 25)
    (tmp_path / "a2.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    with pytest.raises(mien.ImageError, match=r"the frame .*a2.png cannot be read"):
        mien.open_frames(tmp_path, 25)


@pytest.mark.slow
def test_the_command_reads_a_folder_as_one_video(tmp_path, portrait, tiny_model, capsys):
    folder = tmp_path / "walk"
    folder.mkdir()
    for number in range(11):
        Image.fromarray(portrait).resize((200, 200)).save(folder / f"f{number}.jpg")
    command = ["analyze", str(folder), "--fps", "10", "--json", "--model", str(tiny_model)]
    assert main(command) == 0
    *frames, whole = map(json.loads, capsys.readouterr().out.splitlines())
    assert [frame["time_s"] for frame in frames] == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert {face["track_id"] for frame in frames for face in frame["faces"]} == {1}
    assert (whole["source"], whole["frames"]) == (str(folder), 6)

    copy = tmp_path / "copies"
    assert main([*command[:4], "--annotate", str(copy), "--model", str(tiny_model)]) == 0
    with mien.open_video(copy / "walk-annotated.mp4") as video:
        assert len(list(video.frames())) == 11
