"""Tables hold every photo and every frame: as CSV, as Parquet and as data frames."""

import csv
import math
import subprocess
import sys
import typing
from pathlib import Path

import pandas as pd
import pytest

import mien
from mien.emotions import EMOTIONS
from mien.faces.face import Box, Face
from mien.results import (
    FaceResult,
    Failure,
    FrameResult,
    ImageResult,
    Reason,
    VideoResult,
    VideoSummary,
)
from mien.tables import columns, pyfeat_rows, tidy_rows, to_dataframe, write_csv, write_parquet

POINTS = ((1.0, 2.0), (3.0, 4.0), (5.0, 6.0), (7.0, 8.0), (9.0, 10.0))
FOUND = Face(Box(10.0, 20.0, 30.0, 40.0), POINTS, 0.9)
PROBABILITIES = {name: 0.1 * (name != "happy") + 0.4 * (name == "happy") for name in EMOTIONS}
FACE = FaceResult.read(FOUND, PROBABILITIES, threshold=None)
TRACKED = FaceResult(
    FOUND.box,
    POINTS,
    0.9,
    PROBABILITIES,
    "happy",
    None,
    track_id=3,
    smoothed={**PROBABILITIES, "happy": 0.1, "sad": 0.2},
)
SMALL = FaceResult.unread(FOUND, "too_small")
PHOTO = ImageResult("a.jpg", 640, 480, (FACE, SMALL))
EMPTY = ImageResult("b, with a comma.jpg", 640, 480, ())
FAILED = Failure("c.jpg", "image", "c.jpg is empty")
FRAMES = (FrameResult("v.mp4", 0.5, 12, (TRACKED,)), FrameResult("v.mp4", 61.5, 1537, ()))
SUMMARY = VideoSummary("v.mp4", 1280, 720, 70.0, 2, 1, (), (), "v.mp4 is damaged after 61.5 s")
VIDEO = VideoResult(SUMMARY, FRAMES)
ALL = [PHOTO, EMPTY, FAILED, VIDEO]


def test_a_tidy_table_has_a_row_for_everything() -> None:
    rows = list(tidy_rows(result.to_dict() for result in ALL))
    assert all(list(row) == list(columns()) for row in rows)
    short = [
        [row[key] for key in ("source", "time_s", "frame", "face", "track_id")] for row in rows
    ]
    assert short == [
        ["a.jpg", None, None, 1, None],
        ["a.jpg", None, None, 2, None],
        ["b, with a comma.jpg", None, None, None, None],
        ["c.jpg", None, None, None, None],
        ["v.mp4", 0.5, 12, 1, 3],
        ["v.mp4", 61.5, 1537, None, None],
        ["v.mp4", None, None, None, None],
    ]
    assert [row["error"] for row in rows if row["error"]] == ["c.jpg is empty", SUMMARY.damage]
    first, second = rows[:2]
    assert first["emotion"] == "happy"
    assert (first["happy"], first["smoothed_happy"]) == (0.4, None)
    assert (first["box_x"], first["box_height"]) == (10.0, 40.0)
    assert (first["nose_tip_x"], first["left_mouth_corner_y"]) == (5.0, 10.0)
    assert (second["emotion"], second["reason"], second["happy"]) == (None, "too_small", None)
    assert rows[4]["smoothed_sad"] == 0.2
    assert [row["smoothed_emotion"] for row in rows] == [*[None] * 4, "sad", None, None]


def test_frames_one_by_one_are_the_video_as_a_whole() -> None:
    one_by_one = tidy_rows(result.to_dict() for result in (*FRAMES, SUMMARY))
    assert list(one_by_one) == list(tidy_rows([VIDEO.to_dict()]))


def test_csv(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "t.csv"
    write_csv(path, [result.to_dict() for result in ALL])
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(columns())
    assert rows[2]["source"] == "b, with a comma.jpg"
    assert rows[2].pop("turned") == "0"
    assert set(list(rows[2].values())[1:]) == {""}
    assert [path.name for path in path.parent.iterdir()] == ["t.csv"]


def test_parquet_has_types_and_the_values_of_csv(tmp_path: Path) -> None:
    write_csv(tmp_path / "t.csv", [result.to_dict() for result in ALL])
    write_parquet(tmp_path / "t.parquet", [result.to_dict() for result in ALL])
    frame = pd.read_parquet(tmp_path / "t.parquet")
    as_csv = pd.read_csv(tmp_path / "t.csv")
    for name in columns():
        left, right = frame[name], as_csv[name]
        assert ((left == right) | (left.isna() & right.isna())).all(), name
    assert frame["time_s"].dtype == "float64"


def test_parquet_without_any_row_keeps_its_types(tmp_path: Path) -> None:
    write_parquet(tmp_path / "t.parquet", [])
    frame = pd.read_parquet(tmp_path / "t.parquet")
    assert list(frame) == list(columns())
    assert frame["frame"].dtype == "int64"


def test_a_tidy_data_frame_can_be_computed_with() -> None:
    frame = to_dataframe(ALL)
    assert list(frame) == list(columns())
    assert frame["happy"].mean() == pytest.approx(0.4)
    assert frame["track_id"].dtype == "Int64"
    assert (frame["emotion"] == "happy").sum() == 2
    assert len(to_dataframe([])) == 0
    assert list(to_dataframe([EMPTY])) == list(frame)  # so that frames can be put together


def test_every_result_has_its_table(tmp_path: Path) -> None:
    for result, rows in ((PHOTO, 2), (EMPTY, 1), (VIDEO, 3)):
        assert len(result.to_dataframe()) == rows
        result.to_csv(tmp_path / "t.csv")
        result.to_parquet(tmp_path / "t.parquet")
        assert len(pd.read_csv(tmp_path / "t.csv")) == rows
        assert len(pd.read_parquet(tmp_path / "t.parquet")) == rows


def test_pyfeat_has_its_columns_and_nan_rows() -> None:
    frame = to_dataframe(ALL, format="pyfeat")
    box = ["FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore"]
    emotions = ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]
    assert list(frame) == ["input", "frame", "approx_time", *box, *emotions]
    assert list(frame["input"]) == ["a.jpg"] * 2 + ["b, with a comma.jpg"] + ["v.mp4"] * 2
    assert list(frame["frame"]) == [0, 0, 0, 12, 1537]
    assert list(frame["approx_time"])[3:] == ["00:00", "01:01"]
    assert frame["happiness"][0] == 0.4
    assert math.isnan(frame["anger"][1])  # too small to be read
    assert frame["FaceRectWidth"][1] == 30.0
    assert frame.iloc[2, 3:].isna().all()
    assert (frame.dtypes.iloc[3:] == "float64").all()


def test_classes_of_ones_own(tmp_path: Path) -> None:
    face = FaceResult.read(FOUND, {"up": 0.75, "down": 0.25}, threshold=None)
    result = ImageResult("a.jpg", 64, 48, (face,))
    frame = result.to_dataframe()
    assert frame["up"][0] == 0.75
    assert "happy" not in frame
    result.to_csv(tmp_path / "t.csv")
    assert pd.read_csv(tmp_path / "t.csv")["smoothed_down"].isna().all()
    (row,) = pyfeat_rows([result.to_dict()], ("up", "down"))
    assert row["down"] == 0.25


def test_an_unknown_format_is_a_sentence() -> None:
    with pytest.raises(mien.ConfigError, match="'tidy' or 'pyfeat', got 'wide'"):
        to_dataframe([PHOTO], format="wide")  # type: ignore[arg-type]


def test_a_table_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for write in (PHOTO.to_csv, PHOTO.to_parquet):
        with pytest.raises(mien.OutputError, match="cannot be written"):
            write(tmp_path / "file" / "t")


@pytest.mark.parametrize(
    ("missing", "call"),
    [("pandas", "result.to_dataframe()"), ("pyarrow", "result.to_parquet('t.parquet')")],
)
def test_a_missing_extra_is_a_sentence_and_csv_needs_none(
    missing: str, call: str, tmp_path: Path
) -> None:
    code = f"""
import sys
sys.modules[{missing!r}] = None
import mien
result = mien.ImageResult("a.jpg", 1, 1, ())
result.to_csv({str(tmp_path / "t.csv")!r})
try:
    {call}
except mien.MissingExtraError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert f"requires {missing}, which is not installed: pip install 'mien[tables]'" in done.stdout
    assert (tmp_path / "t.csv").exists()


@pytest.mark.parametrize("name", ["face", "error", "source", "box_x", "smoothed_sad", "turned"])
def test_a_class_named_like_another_column_is_refused(name: str, tmp_path: Path) -> None:
    found = Face(Box(0.0, 0.0, 30.0, 30.0), ((1.0, 2.0),) * 5, 0.9)
    face = FaceResult.read(found, {name: 0.7, "sad": 0.3}, threshold=None)
    result = ImageResult("a.jpg", 64, 48, (face,))
    for write in (result.to_dataframe, result.to_csv, result.to_parquet):
        with pytest.raises(mien.ConfigError, match=f"the class '{name}' has the name of"):
            write(*(() if write == result.to_dataframe else (tmp_path / "t",)))
    assert list(tmp_path.iterdir()) == []


def test_one_result_makes_a_data_frame_too() -> None:
    assert to_dataframe(PHOTO).equals(to_dataframe([PHOTO]))


@pytest.mark.parametrize("given", ["photo.jpg", [b"photo"], [{"source": "a.jpg"}]])
def test_a_data_frame_of_anything_but_results_is_a_sentence(given: typing.Any) -> None:
    with pytest.raises(mien.InputError, match="a data frame is made of results, got"):
        to_dataframe(given)


def test_a_data_frame_has_types_to_compute_with() -> None:
    frame = to_dataframe([PHOTO, EMPTY])
    assert list(frame["emotion"].cat.categories) == list(mien.EMOTIONS)
    assert list(frame["source"].cat.categories) == ["a.jpg", "b, with a comma.jpg"]
    assert tuple(frame["reason"].cat.categories) == typing.get_args(Reason)
    assert list(frame.index) == [0, 1, 2]


def test_a_table_of_videos_is_indexed_by_time() -> None:
    frame = to_dataframe(VIDEO)
    assert frame.index.name == "time"
    seconds = pd.to_timedelta(frame["time_s"], unit="s")
    assert list(frame.index.dropna()) == list(seconds.dropna())
    resampled = frame.resample("1min")["happy"].mean()
    assert resampled.iloc[0] == pytest.approx(0.4)
    assert to_dataframe(ALL).index.name is None  # photos have no time
