"""Asking for a coverage or an accuracy: the threshold comes from the contract's curve."""

import json
from pathlib import Path

import numpy as np
import pytest

import mien
from mien import ConfigError, ModelError, ModelSpec, Recognizer
from mien.cli import main
from mien.model.abstention import AbstentionCurve, Operating
from mien.model.recognizer import ASSETS
from tiny_model import write_tiny_model

CURVE = AbstentionCurve(
    "PublicTest",
    1000,
    (
        Operating(0.2, 1.0, 0.66),
        Operating(0.4, 0.9, 0.71),
        Operating(0.5, 0.8, 0.75),
        Operating(0.9, 0.2, 0.97),
        Operating(0.95, 0.1, 0.96),
    ),
)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_tiny_model(tmp_path, abstention_threshold=0.3, abstention_curve=CURVE)


@pytest.mark.parametrize(
    ("wish", "threshold"),
    [
        ({"coverage": 1}, 0.2),
        ({"coverage": 0.9}, 0.4),
        ({"coverage": 0.85}, 0.4),  # at least as many as asked for
        ({"coverage": 0.01}, 0.95),
        ({"accuracy": 0.5}, 0.2),
        ({"accuracy": 0.72}, 0.5),
        ({"accuracy": 0.96}, 0.9),  # the most answers among those that are right often enough
        ({}, 0.3),
    ],
)
def test_the_threshold_is_the_one_that_gives_what_is_asked(model, wish, threshold):
    asked = Recognizer(model, **wish)
    assert asked.abstention_threshold == threshold
    assert asked.spec.abstention_threshold == threshold  # what reports and the camera's page show
    assert Recognizer(model).spec.choose_threshold(**wish) == threshold


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"coverage": 0.9, "accuracy": 0.9}, "not both"),
        ({"coverage": 0}, "coverage must be above 0 and at most 1, got 0"),
        ({"coverage": 80}, "coverage must be above 0"),
        ({"accuracy": float("nan")}, "accuracy must be above 0"),
        ({"accuracy": 0.99}, "the best is 97.0%, at a coverage of 20%"),
    ],
)
def test_what_cannot_be_given_is_said(model, wish, words):
    with pytest.raises(ConfigError, match=words):
        Recognizer(model, **wish)


def test_an_old_contract_says_what_it_lacks(tmp_path):
    old = write_tiny_model(tmp_path)
    with pytest.raises(ConfigError, match=r"no abstention curve .* mien export"):
        Recognizer(old, coverage=0.9)
    assert Recognizer(old).abstention_threshold is None


def test_a_face_gets_an_emotion_where_the_request_allows_it(model, portrait):
    brave = mien.Analyzer(model, threads=1, coverage=1).analyze(portrait).faces[0]
    shy = mien.Analyzer(model, threads=1, coverage=0.1).analyze(portrait).faces[0]
    assert brave.emotion is not None
    assert (shy.emotion, shy.reason) == (None, "uncertain")
    assert brave.probabilities == shy.probabilities
    with pytest.raises(ConfigError, match="on the Recognizer instead"):
        mien.Analyzer(Recognizer(model), coverage=0.5)
    assert mien.analyze(portrait, model=model, accuracy=0.96).faces[0].emotion is None


def test_the_command_takes_both(model, portrait_path, capsys):
    words = ["analyze", str(portrait_path), "--model", str(model), "--json"]
    assert main([*words, "--coverage", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["faces"][0]["emotion"]
    assert main([*words, "--accuracy", "0.96"]) == 0
    assert json.loads(capsys.readouterr().out)["faces"][0]["reason"] == "uncertain"
    assert main([*words, "--coverage", "2"]) == 2
    assert "coverage must be above 0 and at most 1" in capsys.readouterr().err


def test_the_curve_travels_in_the_contract_a_point_a_line(model):
    path = model.with_suffix(".json")
    assert ModelSpec.read(path).abstention_curve == CURVE
    assert '{"threshold": 0.4, "coverage": 0.9, "accuracy": 0.71}' in path.read_text()


@pytest.mark.parametrize(
    "curve",
    [
        {},
        [],
        "x",
        {"split": "s", "faces": 3, "points": []},
        {"split": "s", "faces": 0, "points": [{"threshold": 0, "coverage": 1, "accuracy": 1}]},
        {"split": "s", "faces": 3, "points": [{"threshold": 2, "coverage": 1, "accuracy": 1}]},
        {"split": "s", "faces": 3, "points": [{"threshold": "0", "coverage": 1, "accuracy": 1}]},
        {"split": "s", "faces": 3, "points": [{"coverage": 1}]},
    ],
)
def test_a_damaged_curve_is_refused(model, curve):
    path = model.with_suffix(".json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "abstention_curve": curve}))
    with pytest.raises(ModelError, match="abstention_curve"):
        ModelSpec.read(path)


@pytest.mark.skipif(not (ASSETS / "accurate.onnx").is_file(), reason="the model is not there yet")
def test_the_model_that_ships_has_a_curve_that_falls_with_coverage():
    curve = Recognizer("accurate").spec.abstention_curve
    assert curve is not None
    assert curve.split == "PublicTest"
    coverages = [point.coverage for point in curve.points]
    assert coverages == sorted(coverages, reverse=True)
    assert curve.choose(coverage=0.5).accuracy > curve.choose(coverage=1).accuracy + 0.1
    assert np.diff([point.threshold for point in curve.points]).min() > 0
