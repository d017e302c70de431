"""Results have one JSON form, of plain types, with the same keys as in Python."""

import dataclasses
import json
import pickle

import pytest

from mien.faces.face import Box, Face
from mien.results import FaceResult, Failure, ImageResult

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
        "faces": [
            {
                "box": {"x": 10.12, "y": -20.0, "width": 90.46, "height": 90.0},
                "landmarks": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0], [9.0, 10.0]],
                "detection_score": 0.93,
                "probabilities": {"happy": 0.7, "sad": 0.3},
                "emotion": "happy",
                "reason": None,
            }
        ],
    }
    assert list(result.to_dict()) == ["schema", "source", "width", "height", "faces"]
    assert "\n" not in result.to_json()
    assert "фото" in result.to_json()


def test_keys_are_the_attributes() -> None:
    in_photo = FaceResult.read(FACE, PROBABILITIES, threshold=None)
    in_video = dataclasses.replace(in_photo, track_id=1, smoothed={"happy": 0.6, "sad": 0.4})
    names = [item.name for item in dataclasses.fields(FaceResult)]
    assert list(in_video.to_dict()) == names
    assert list(in_photo.to_dict()) == names[:-2]  # a photo has no tracks


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
