"""Tests of what is said about where an answer came from, and of the picture of it."""

import json

import numpy as np
import pytest
from PIL import Image

from mien import ConfigError, InputError, Recognizer
from mien.cli import main
from mien.explain.explanation import explain_face
from mien.explain.picture import draw_explanation
from mien.model.recognizer import ASSETS
from tiny_model import write_tiny_model

needs_model = pytest.mark.skipif(
    not (ASSETS / "accurate.onnx").is_file(), reason="the model that ships is not there yet"
)


@pytest.fixture
def lamp():
    """A dark face with one bright corner; the tiny model calls bright faces happy."""
    crop = np.full((48, 48), 150, dtype=np.uint8)
    crop[4:14, 30:44] = 255
    crop[34:44, 4:14] = 0
    return crop


def test_what_speaks_for_the_answer_is_where_covering_costs(lamp, tiny_model):
    found = explain_face(lamp, Recognizer(tiny_model), emotion="happy")
    top, left = np.unravel_index(found.occlusion.argmax(), (48, 48))
    assert 4 <= top < 14
    assert 30 <= left < 44
    assert found.occlusion[38, 8] < 0  # covering the dark corner makes it brighter
    assert abs(found.occlusion[25, 25]) < abs(found.occlusion).max() / 5
    assert found.walk is None
    assert found.emotion == "happy"


def test_the_most_probable_emotion_is_explained_unless_told_otherwise(lamp, tiny_model):
    recognizer = Recognizer(tiny_model)
    answer = recognizer.predict_probabilities(lamp[np.newaxis])[0]
    assert explain_face(lamp, recognizer).emotion == recognizer.emotions[int(answer.argmax())]
    with pytest.raises(ConfigError, match="the model does not know 'bored'; it knows angry"):
        explain_face(lamp, recognizer, emotion="bored")
    with pytest.raises(InputError, match="a face must be"):
        explain_face(lamp[:20], recognizer)


@pytest.mark.slow
@needs_model
def test_the_walk_ends_at_the_answer_and_its_steps_sum_to_it():
    from drawn_faces import draw_face

    face = draw_face(3, np.random.default_rng(0))
    recognizer = Recognizer("accurate")
    found = explain_face(face, recognizer)
    assert found.walk is not None
    assert found.walk.probabilities.shape == (36, 7)
    answer = np.array(list(found.probabilities.values()))
    assert np.abs(found.walk.probabilities[-1] - answer).max() < 1e-5
    logits = recognizer.predict_logits(face[np.newaxis])[0]
    unbiased = found.walk.contributions.sum(axis=0)
    bias = (logits - logits.mean()) - unbiased  # up to what the softmax does not see
    other = explain_face(draw_face(0, np.random.default_rng(1)), recognizer)
    assert other.walk is not None
    logits = recognizer.predict_logits(other.crop[np.newaxis])[0]
    again = (logits - logits.mean()) - other.walk.contributions.sum(axis=0)
    assert np.abs(bias - again).max() < 1e-4  # the same for every face: it is the bias


@pytest.mark.slow
@needs_model
def test_the_picture_shows_both_and_without_a_walk_it_is_lower(lamp, tiny_model):
    whole = draw_explanation(explain_face(lamp, Recognizer("accurate")))
    short = draw_explanation(explain_face(lamp, Recognizer(tiny_model)))
    assert whole.mode == short.mode == "RGB"
    assert whole.width == short.width == 1240
    assert whole.height > short.height + 300
    assert np.asarray(whole).std() > 20


def test_the_command_draws_and_prints(portrait_path, tmp_path, tiny_model, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["explain", str(portrait_path), "--model", str(tiny_model)]
    assert main(words) == 0
    with Image.open(tmp_path / "astronaut-explained.png") as picture:
        assert picture.width == 1240
    assert "astronaut-explained.png" in capsys.readouterr().out
    assert main([*words, "--json", "--emotion", "sad"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["emotion"] == "sad"
    assert np.array(told["occlusion"]).shape == (48, 48)
    assert told["walk"] is None


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--face", "2"], 2, "has 1 face"),
        (["--emotion", "bored"], 2, "does not know 'bored'"),
        (["--output", "x.gif"], 2, "must be a .png, .jpg or .webp file"),
        (["--output", "file/deeper.png"], 2, "cannot be written"),
    ],
)
def test_what_cannot_be_explained_is_said(
    words, code, message, portrait_path, tmp_path, tiny_model, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    command = ["explain", str(portrait_path), "--model", str(tiny_model), *words]
    assert main(command) == code
    assert message in " ".join(capsys.readouterr().err.split())


def test_a_photo_without_a_face_is_said(tmp_path, tiny_model, capsys):
    Image.new("RGB", (80, 80)).save(tmp_path / "empty.png")
    model = write_tiny_model(tmp_path)
    assert main(["explain", str(tmp_path / "empty.png"), "--model", str(model)]) == 1
    assert "no face found in" in capsys.readouterr().err
    assert main(["explain", str(tmp_path / "none.png"), "--model", str(model)]) == 2
