"""A model's contract is read back as it was written, and refused when it makes no sense."""

import dataclasses
import json
from pathlib import Path

import pytest

import mien
from mien import ModelSpec

WHOLE = ModelSpec(
    name="tiny",
    onnx_sha256="0" * 64,
    class_names=("happy", "sad"),
    temperature=1.25,
    abstention_threshold=0.4,
    metrics={"accuracy": {"value": 0.6, "split": "validation"}},
    training={"recipe": "smoke", "seed": 1},
)


def test_round_trip(tmp_path: Path) -> None:
    WHOLE.write(tmp_path / "tiny.json")
    assert ModelSpec.read(tmp_path / "tiny.json") == WHOLE
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.json"]


def test_a_contract_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "tiny.json"
    WHOLE.write(path)
    broken = dataclasses.replace(WHOLE, metrics={"accuracy": float("nan")})
    with pytest.raises(ValueError, match="JSON"):
        broken.write(path)
    assert ModelSpec.read(path) == WHOLE
    assert [entry.name for entry in tmp_path.iterdir()] == ["tiny.json"]


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "other"},
        {"onnx_sha256": "1" * 64},
        {"output_name": "label_logits"},
        {"temperature": 1.5},
        {"certainty_temperature": 0.7},
        {"labels": "votes"},
        {"crop_margin": 0.1},
    ],
)
def test_models_whose_probabilities_may_differ_are_told_apart(changes) -> None:
    assert dataclasses.replace(WHOLE, **changes).identity != WHOLE.identity


def test_a_model_stays_itself_with_another_threshold_or_figure() -> None:
    changed = dataclasses.replace(WHOLE, abstention_threshold=0.5, metrics={}, training={})
    assert changed.identity == WHOLE.identity
    assert WHOLE.identity.startswith("tiny (")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"class_names": None}, "class_names"),
        ({"class_names": []}, "class_names"),
        ({"class_names": ["happy", "happy"]}, "class_names"),
        ({"class_names": "happy"}, "class_names"),
        ({"class_names": [1, 2]}, "class_names"),
        ({"temperature": 0}, "temperature"),
        ({"temperature": "warm"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"abstention_threshold": 1.5}, "abstention_threshold"),
        ({"onnx_sha256": "abc"}, "onnx_sha256"),
        ({"onnx_sha256": None}, "onnx_sha256"),
        ({"labels": "mine"}, "labels must be 'votes' or 'fer2013' or 'own'"),
        ({"labels": ["votes"]}, "labels"),
        ({"file": "../accurate.onnx"}, "file must be the name of an .onnx file"),
        ({"file": "a.bin"}, "file"),
        ({"input_size": 0}, "input_size"),
        ({"input_size": 48.0}, "input_size"),
        ({"input_name": ""}, "tensor names"),
        ({"color": "rgb"}, "color"),
        ({"scaling": "imagenet"}, "scaling"),
        ({"crop_margin": -1}, "crop_margin"),
        ({"crop_shift_y": None}, "crop_shift_y"),
        ({"metrics": []}, "metrics"),
        ({"training": None}, "training"),
        ({"name": ""}, "name"),
        ({"schema": 2}, "schema"),
        ({"temprature": 1.0}, "did you mean 'temperature'"),
    ],
)
def test_wrong_fields_are_named(changes: dict, words: str, tmp_path: Path) -> None:
    path = tmp_path / "tiny.json"
    path.write_text(json.dumps({**WHOLE.to_dict(), **changes}))
    with pytest.raises(mien.ModelError) as caught:
        ModelSpec.read(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("key", ["class_names", "onnx_sha256", "name", "schema"])
def test_what_must_be_there(key: str, tmp_path: Path) -> None:
    values = WHOLE.to_dict()
    del values[key]
    (tmp_path / "tiny.json").write_text(json.dumps(values))
    with pytest.raises(mien.ModelError, match=key):
        ModelSpec.read(tmp_path / "tiny.json")


@pytest.mark.parametrize("text", ["", "{", "[]", "\xff", "[" * 100_000])
def test_what_is_no_contract(text: str, tmp_path: Path) -> None:
    path = tmp_path / "tiny.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(mien.ModelError, match=r"tiny\.json"):
        ModelSpec.read(path)
    with pytest.raises(mien.ModelError, match="cannot be read"):
        ModelSpec.read(tmp_path / "gone.json")
