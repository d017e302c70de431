"""What mien says in JSON is what its published schema says it says."""

import json
from dataclasses import replace
from importlib import resources

import jsonschema
import pytest

import mien
from mien.faces.face import Box, Face
from mien.results import SCHEMA, Event, FaceResult, FrameResult, Track, VideoResult, VideoSummary

TEXT = resources.files("mien").joinpath("result.schema.json").read_text(encoding="utf-8")
RESULT = json.loads(TEXT)
VALIDATOR = jsonschema.Draft202012Validator(RESULT)
FOUND = Face(Box(-1.0, 2.0, 30.0, 40.0), ((1.0, 2.0),) * 5, 0.9)
PROBABILITIES = dict.fromkeys(mien.EMOTIONS, 1 / 7)
READ = FaceResult.read(FOUND, PROBABILITIES, threshold=None)
TRACKED = replace(READ, track_id=1, smoothed=PROBABILITIES)
FACES = (
    READ,
    FaceResult.unread(FOUND, "too_small"),
    FaceResult.read(FOUND, PROBABILITIES, threshold=0.9),
)
TRACK = Track(1, 0.0, 1.5, 8, PROBABILITIES)
EVENT = Event(1, "happy", 0.0, 1.0, 0.8, 0.2)
SUMMARY = VideoSummary("v.mp4", 640, 480, 2.0, 8, 7, (TRACK,), (EVENT,), labels="votes")
FRAME = FrameResult("v.mp4", 0.2, 5, (TRACKED, replace(TRACKED, smoothed=None)), labels="votes")
RECORDS = {
    "image": mien.ImageResult("a.jpg", 640, 480, FACES, labels="votes"),
    "damaged image, upside down": mien.ImageResult("a.jpg", 640, 480, FACES, 180, "it is cut off"),
    "image without a face": mien.ImageResult("<stdin>", 1, 1, ()),
    "image by an unknown label": mien.ImageResult("a.jpg", 640, 480, FACES),
    "frame": FRAME,
    "frame without a face": FrameResult("v.mp4", 0.0, 0, ()),
    "video": SUMMARY,
    "damaged video": replace(SUMMARY, duration_s=None, tracks=(), events=(), damage="it broke"),
    "video with its frames": VideoResult(SUMMARY, (FRAME,)),
    "failure": mien.Failure("a.jpg", "image", "a.jpg is empty"),
}


def test_the_schema_is_one_and_has_the_version_of_the_results() -> None:
    jsonschema.Draft202012Validator.check_schema(RESULT)
    assert RESULT["$defs"]["schema"]["const"] == SCHEMA
    assert RESULT["$id"].endswith(f":{SCHEMA}")


@pytest.mark.parametrize("kind", RECORDS)
def test_every_record_is_valid(kind: str) -> None:
    VALIDATOR.validate(json.loads(RECORDS[kind].to_json()))


def test_the_schema_knows_every_key() -> None:
    """It allows keys that it does not know, for versions to come; this one has none."""
    known = RESULT["$defs"]

    def keys(name: str) -> list[str]:
        return list(known[name]["properties"])

    assert list(RECORDS["image"].to_dict()) == keys("image")
    assert list(FRAME.to_dict()) == keys("frame")
    assert list(SUMMARY.to_dict()) == keys("video")
    assert list(RECORDS["failure"].to_dict()) == keys("failure")
    whole = replace(TRACKED, features=(0.5, -0.25))
    assert list(whole.to_dict()) == keys("face")
    assert list(TRACK.to_dict()) == keys("track")
    assert list(EVENT.to_dict()) == keys("event")


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 2},
        {"width": 0},
        {"faces": None},
        {"faces": [READ.to_dict() | {"reason": "uncertain"}]},
        {"faces": [READ.to_dict() | {"detection_score": 93.0}]},
        {"faces": [READ.to_dict() | {"probabilities": {"happy": 93.0, "sad": 7.0}}]},
        {"faces": [READ.to_dict() | {"landmarks": [[1.0]]}]},
        {"faces": [READ.to_dict() | {"track_id": 1}]},
        {"source": None},
        {"error": {"kind": "image", "message": "both a result and an error"}},
    ],
)
def test_what_is_wrong_is_not_valid(change: dict) -> None:
    record = RECORDS["image"].to_dict() | change
    assert ("error" in change) or not VALIDATOR.is_valid(record)
    if "error" in change:  # it is a failure then, and no photo
        validator = VALIDATOR.evolve(schema=RESULT["$defs"]["image"] | {"$defs": RESULT["$defs"]})
        assert not validator.is_valid(record)
