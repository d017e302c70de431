"""The adapters answer in the shapes that users of DeepFace and fer know."""

import base64
from pathlib import Path

import numpy as np
import pytest

import mien
from mien.compat import deepface as DeepFace  # noqa: N812 - what users write
from mien.compat.fer import FER, InvalidImage

EMOTIONS = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]


@pytest.fixture(scope="module")
def bgr(portrait: np.ndarray) -> np.ndarray:
    """The portrait as OpenCV would read it."""
    return np.ascontiguousarray(portrait[:, :, ::-1])


@pytest.fixture(scope="module")
def blank() -> np.ndarray:
    return np.full((96, 64, 3), 127, np.uint8)


# --- DeepFace ------------------------------------------------------------------------------------


def test_deepface_shape(portrait_path: Path) -> None:
    (face,) = DeepFace.analyze(img_path=str(portrait_path), actions=["emotion"])
    assert list(face) == ["emotion", "dominant_emotion", "region", "face_confidence"]
    assert list(face["emotion"]) == EMOTIONS
    assert all(type(value) is float for value in face["emotion"].values())
    assert sum(face["emotion"].values()) == pytest.approx(100, abs=1e-3)
    assert face["dominant_emotion"] == "happy"
    assert face["emotion"]["happy"] > 50
    region = face["region"]
    assert list(region) == ["x", "y", "w", "h", "left_eye", "right_eye"]
    assert all(type(region[side]) is int for side in "xywh")
    assert region["left_eye"][0] > region["right_eye"][0]  # as the person has them
    assert 0.7 < face["face_confidence"] <= 1


def test_deepface_takes_what_its_users_pass(portrait_path: Path, bgr: np.ndarray) -> None:
    data = portrait_path.read_bytes()
    encoded = "data:image/jpeg;base64," + base64.b64encode(data).decode()
    with portrait_path.open("rb") as stream:
        answers = [
            DeepFace.analyze(given, ("emotion"), True, "retinaface", silent=True)
            for given in (portrait_path, bgr, encoded, stream)
        ]
    assert all(answer == answers[0] for answer in answers)


def test_deepface_reads_arrays_as_bgr(bgr: np.ndarray, portrait: np.ndarray) -> None:
    right, wrong = (DeepFace.analyze(array)[0]["emotion"]["happy"] for array in (bgr, portrait))
    assert right != wrong


def test_deepface_gives_a_list_of_lists_for_a_batch(bgr: np.ndarray) -> None:
    one = DeepFace.analyze(bgr)
    assert DeepFace.analyze([bgr, bgr]) == [one, one]
    assert DeepFace.analyze(np.stack([bgr, bgr])) == [one, one]


def test_deepface_raises_where_there_is_no_face(blank: np.ndarray) -> None:
    with pytest.raises(ValueError, match="Face could not be detected"):
        DeepFace.analyze(blank)
    with pytest.raises(mien.MienError, match="enforce_detection=False"):
        DeepFace.analyze(blank)


@pytest.mark.parametrize("given", [{"enforce_detection": False}, {"detector_backend": "skip"}])
def test_deepface_may_take_the_whole_picture_for_a_face(given: dict, blank: np.ndarray) -> None:
    (face,) = DeepFace.analyze(blank, **given)
    region = {"x": 0, "y": 0, "w": 64, "h": 96, "left_eye": None, "right_eye": None}
    assert face["region"] == region
    assert face["face_confidence"] == 0
    assert sum(face["emotion"].values()) == pytest.approx(100, abs=1e-3)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"actions": ["age", "emotion"]}, "age, gender or race"),
        ({"actions": []}, "actions"),
        ({"anti_spoofing": True}, "anti_spoofing"),
        ({"expand_percentage": 10}, "expand_percentage"),
    ],
)
def test_deepface_says_what_mien_does_not_do(given: dict, words: str, blank: np.ndarray) -> None:
    with pytest.raises(ValueError, match=words):
        DeepFace.analyze(blank, **given)


@pytest.mark.parametrize("given", ["missing.jpg", "data:image/png;base64,!!", b"text", 7])
def test_deepface_unreadable(given: object) -> None:
    with pytest.raises(DeepFace.ImgNotFound):
        DeepFace.analyze(given)  # type: ignore[arg-type]


# --- fer -----------------------------------------------------------------------------------------


def test_fer_shape(bgr: np.ndarray) -> None:
    detector = FER(mtcnn=True)
    (face,) = detector.detect_emotions(bgr)
    assert list(face) == ["box", "emotions"]
    assert list(face["emotions"]) == EMOTIONS
    assert all(value == round(value, 2) for value in face["emotions"].values())
    assert sum(face["emotions"].values()) == pytest.approx(1, abs=0.04)
    assert all(type(side) is int for side in face["box"])
    assert detector.emotions == [face]
    assert detector.top_emotion(bgr) == ("happy", face["emotions"]["happy"])
    assert detector.find_faces(bgr) == [face["box"]]


def test_fer_without_a_face(blank: np.ndarray) -> None:
    assert FER().detect_emotions(blank) == []
    assert FER().top_emotion(blank) == (None, None)


def test_fer_reads_boxes_that_are_known(bgr: np.ndarray) -> None:
    detector = FER()
    (found,) = detector.detect_emotions(bgr)
    x, y, width, height = found["box"]
    known = detector.detect_emotions(bgr, np.array([[x, y, width, height], [x, y, 5, 5]]))
    assert [face["box"] for face in known] == [found["box"]]  # the other is too small to be read
    assert known[0]["emotions"]["happy"] == pytest.approx(found["emotions"]["happy"], abs=0.05)


def test_fer_leaves_small_faces_out(bgr: np.ndarray) -> None:
    assert FER(min_face_size=200).detect_emotions(bgr) == []


def test_fer_takes_grey_arrays_and_paths(portrait: np.ndarray, portrait_path: Path) -> None:
    assert len(FER().detect_emotions(portrait[:, :, 1].copy())) == 1
    assert len(FER().detect_emotions(str(portrait_path))) == 1
    with pytest.raises(InvalidImage, match="does not exist"):
        FER().detect_emotions("missing.jpg")
