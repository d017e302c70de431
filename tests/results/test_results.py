"""Results have one JSON form, of plain types, with the same keys as in Python."""

import dataclasses
import json
import pickle

import pytest

import mien
from mien.faces.face import Box, Face
from mien.results import (
    Event,
    FaceResult,
    Failure,
    FrameResult,
    ImageResult,
    Record,
    Track,
    VideoResult,
    VideoSummary,
    read_result,
)
from mien.watch.frame import LiveFrame

FACE = Face(
    box=Box(10.123, -20.0, 90.456, 90.0),
    landmarks=((1.005, 2.0), (3.0, 4.0), (5.0, 6.0), (7.0, 8.0), (9.0, 10.0)),
    score=0.93004,
)
PROBABILITIES = {"happy": 0.7, "sad": 0.3}


def test_the_one_json_form() -> None:
    face = FaceResult.read(FACE, PROBABILITIES, threshold=None)
    result = ImageResult("фото 1.jpg", 640, 480, (face,))
    assert json.loads(result.to_json()) == {
        "schema": 1,
        "source": "фото 1.jpg",
        "width": 640,
        "height": 480,
        "turned": 0,
        "damage": None,
        "faces": [
            {
                "box": {"x": 10.12, "y": -20.0, "width": 90.46, "height": 90.0},
                "landmarks": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0], [9.0, 10.0]],
                "detection_score": 0.93,
                "probabilities": {"happy": 0.7, "sad": 0.3},
                "emotion": "happy",
                "reason": None,
                "certainty": None,
            }
        ],
    }
    assert list(result.to_dict()) == [
        "schema",
        "source",
        "width",
        "height",
        "turned",
        "damage",
        "faces",
    ]
    assert "\n" not in result.to_json()
    assert "фото" in result.to_json()


def test_keys_are_the_attributes() -> None:
    in_photo = FaceResult.read(FACE, PROBABILITIES, threshold=None)
    in_video = dataclasses.replace(in_photo, track_id=1, smoothed={"happy": 0.6, "sad": 0.4})
    whole = dataclasses.replace(in_video, features=(0.5, -0.25))
    names = [item.name for item in dataclasses.fields(FaceResult)]
    assert list(whole.to_dict()) == names
    assert list(in_video.to_dict()) == names[:-1]  # features only where they were asked for
    assert list(in_photo.to_dict()) == names[:-3]  # a photo has no tracks


IN_VIDEO = FaceResult(
    box=Box(10.0, -20.0, 90.0, 90.5),
    landmarks=((1.0, 2.0), (3.0, 4.0), (5.0, 6.0), (7.0, 8.0), (9.0, 10.0)),
    detection_score=0.93,
    probabilities=PROBABILITIES,
    emotion=None,
    reason="uncertain",
    track_id=1,
    smoothed={"happy": 0.6, "sad": 0.4},
)
IN_PHOTO = dataclasses.replace(IN_VIDEO, track_id=None, smoothed=None)
FRAME = FrameResult("a.mp4", 0.2, 5, (IN_VIDEO,), "votes")
EVENT = Event(1, "happy", 0.2, 1.4, 0.71, 0.2)
SUMMARY = VideoSummary(
    source="a.mp4",
    width=640,
    height=480,
    duration_s=None,
    frames=8,
    frames_with_face=7,
    tracks=(Track(1, 0.2, 1.4, 7, PROBABILITIES),),
    events=(EVENT,),
    damage="a.mp4 ends early",
    labels="own",
)


@pytest.mark.parametrize(
    "result",
    [
        ImageResult("a.jpg", 640, 480, (IN_PHOTO,), turned=90, damage="cut off", labels="fer2013"),
        ImageResult("b.jpg", 640, 480, ()),
        FRAME,
        SUMMARY,
        Failure("c.jpg", "image", "c.jpg is empty"),
    ],
    ids=["photo", "no faces", "frame", "summary", "failure"],
)
def test_a_line_is_read_back_as_what_it_was(result: Record) -> None:
    assert read_result(json.loads(result.to_json())) == result


def test_a_whole_video_and_a_live_frame_are_read_back() -> None:
    video = VideoResult(dataclasses.replace(SUMMARY, frames=2), (FRAME, FRAME))
    assert VideoResult.from_dict(json.loads(video.to_json())) == video
    live = LiveFrame("camera", 0.2, 5, (IN_VIDEO,), None, ("happy",), (EVENT,), ())
    assert LiveFrame.from_dict(json.loads(live.to_json())) == live


@pytest.mark.parametrize(
    ("threshold", "emotion", "reason"),
    [(None, "happy", None), (0.7, "happy", None), (0.71, None, "uncertain"), (0.0, "happy", None)],
)
def test_below_the_threshold_no_emotion_is_named(
    threshold: float | None, emotion: str | None, reason: str | None
) -> None:
    face = FaceResult.read(FACE, PROBABILITIES, threshold=threshold)
    assert (face.emotion, face.reason) == (emotion, reason)
    assert face.probabilities == PROBABILITIES


def test_a_face_that_was_not_read_keeps_its_keys() -> None:
    record = FaceResult.unread(FACE, "too_small").to_dict()
    assert record["probabilities"] is None
    assert record["emotion"] is None
    assert record["reason"] == "too_small"


def test_no_face_is_an_empty_list() -> None:
    assert json.loads(ImageResult("a", 1, 1, ()).to_json())["faces"] == []


def test_failures() -> None:
    failure = Failure("a.jpg", "image", "a.jpg does not exist")
    assert json.loads(failure.to_json()) == {
        "schema": 1,
        "source": "a.jpg",
        "error": {"kind": "image", "message": "a.jpg does not exist"},
    }


def test_results_are_frozen_and_travel_between_processes() -> None:
    result = ImageResult("a", 2, 1, (FaceResult.read(FACE, PROBABILITIES, threshold=None),))
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.width = 3  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(result)) == result


def test_a_result_is_one_short_line_at_a_prompt() -> None:
    happy = {"happy": 0.94, "sad": 0.06}
    face = mien.FaceResult(mien.Box(10, 20, 30, 40), (), 0.9, happy, "happy", None)
    unsure = mien.FaceResult(mien.Box(0, 0, 9, 9), (), 0.9, None, None, "too_small")
    photo = mien.ImageResult("a.jpg", 64, 48, (face, unsure))
    assert repr(face) == "<FaceResult happy 94%, 30 x 40 at (10, 20)>"
    assert repr(photo) == "<ImageResult 'a.jpg' 64 x 48, 2 faces: happy 94%, too small>"
    frames = tuple(mien.FrameResult("a.mp4", n / 25, n, (face,) * 30) for n in range(500))
    assert all(len(repr(frame)) < 200 for frame in frames)
    assert repr(frames[0]).endswith(
        "30 faces: happy 94%, happy 94%, happy 94%, happy 94%, happy 94%, ...>"
    )
    track = mien.Track(1, 0.0, 19.96, 500, happy)
    event = mien.Event(1, "happy", 0.0, 19.96, 0.94, 0.04)
    summary = mien.VideoSummary("a.mp4", 64, 48, 20.0, 500, 500, (track,), (event,) * 100)
    whole = "20.0 s, 500 frames, 500 with a face, 1 track, 100 events"
    assert repr(mien.VideoResult(summary, frames)) == f"<VideoResult 'a.mp4' {whole}>"
    assert repr(summary) == f"<VideoSummary 'a.mp4' {whole}>"
    assert repr(track) == "<Track 1 from 0.0 s to 20.0 s, 500 frames>"


def test_a_notebook_shows_a_small_table_without_a_script() -> None:
    face = mien.FaceResult(mien.Box(1, 2, 3, 4), (), 0.9, {"<b>": 1.0}, "<b>", None)
    shown = mien.ImageResult("<script>.jpg", 64, 48, (face,) * 50)._repr_html_()
    assert "<script" not in shown
    assert "&lt;script&gt;.jpg" in shown
    assert "<td>&lt;b&gt; 100%</td><td>1, 2, 3 x 4</td>" in shown
    assert "and 30 more" in shown
    event = mien.Event(1, "happy", 0.0, 19.96, 0.94, 0.04)
    summary = mien.VideoSummary("a.mp4", 64, 48, None, 0, 0, (), (event,), "a.mp4 is damaged")
    shown = mien.VideoResult(summary, ())._repr_html_()
    assert "0 frames, 0 with a face, 0 tracks, 1 event, damaged" in shown
    assert "<td>happy</td><td>0.0 s</td><td>20.0 s</td><td>94%</td>" in shown
