"""A model gives the probabilities its numbers say, for any number of faces, or a clear sentence."""

import dataclasses
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import mien
from mien.model.probabilities import calibrate
from mien.model.recognizer import CHUNK, MODELS
from tiny_model import expected_logits, write_tiny_model


@pytest.fixture(scope="module")
def recognizer(tiny_model: Path) -> mien.Recognizer:
    return mien.Recognizer(tiny_model, threads=1)


def some_faces(count: int) -> np.ndarray:
    rng = np.random.default_rng(count)
    levels = rng.integers(0, 256, (count, 1, 1)) + rng.integers(-20, 20, (count, 48, 48))
    return np.clip(levels, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("count", [1, 2, 17, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_logits_and_probabilities(count: int, recognizer: mien.Recognizer) -> None:
    faces = some_faces(count)
    logits = recognizer.predict_logits(faces)
    assert logits.dtype == np.float32
    assert np.allclose(logits, expected_logits(faces), atol=1e-4)
    probabilities = recognizer.predict_probabilities(faces)
    weights = np.exp(expected_logits(faces) / 2.0)
    assert probabilities.shape == (count, 7)
    assert probabilities.dtype == np.float32
    assert np.allclose(probabilities, weights / weights.sum(axis=1, keepdims=True), atol=1e-5)
    assert np.allclose(probabilities.sum(axis=1, dtype=np.float64), 1, atol=1e-6)


def test_no_faces_give_no_rows(recognizer: mien.Recognizer) -> None:
    assert recognizer.predict_probabilities(np.empty((0, 48, 48), np.uint8)).shape == (0, 7)


def test_a_face_gets_the_same_answer_in_any_company(recognizer: mien.Recognizer) -> None:
    faces = some_faces(100)
    alone = [recognizer.predict_probabilities(faces[i : i + 1])[0] for i in (0, 63, 64, 99)]
    together = recognizer.predict_probabilities(faces)[[0, 63, 64, 99]]
    assert np.allclose(alone, together, atol=1e-6)
    strided = recognizer.predict_probabilities(faces[::-1])[::-1]
    assert np.allclose(strided, recognizer.predict_probabilities(faces), atol=1e-6)


def test_columns_are_named(recognizer: mien.Recognizer) -> None:
    assert recognizer.emotions == mien.EMOTIONS
    assert recognizer.spec.name == "tiny"


@pytest.mark.parametrize(
    "faces",
    [
        np.zeros((3, 64, 64), np.uint8),
        np.zeros((48, 48), np.uint8),
        np.zeros((1, 1, 48, 48), np.uint8),
        np.zeros((1, 48, 48, 3), np.uint8),
        np.zeros((1, 48, 48), np.float32),
        np.uint8(3),
        [[1]],
        None,
    ],
)
def test_wrong_arrays_get_one_sentence(faces: object, recognizer: mien.Recognizer) -> None:
    with pytest.raises(mien.InputError) as caught:
        recognizer.predict_probabilities(faces)  # type: ignore[arg-type]
    assert "tiny.onnx expects faces as (N, 48, 48) uint8, got " in str(caught.value)
    assert "crop faces first" in str(caught.value)


def test_threads_may_share_a_recognizer(recognizer: mien.Recognizer) -> None:
    faces = some_faces(200)
    alone = recognizer.predict_probabilities(faces)
    with ThreadPoolExecutor(4) as pool:
        for rows in pool.map(recognizer.predict_probabilities, [faces] * 8):
            assert np.array_equal(rows, alone)


def test_extreme_logits_stay_probabilities() -> None:
    logits = np.array([[1e30, -1e30, 0], [5, 5, 5], [-1e4, 0, 1e4]], np.float32)
    probabilities = calibrate(logits, 0.05)
    assert np.isfinite(probabilities).all()
    assert np.allclose(probabilities.sum(axis=1), 1)
    assert probabilities[0].tolist() == [1, 0, 0]


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    path = write_tiny_model(tmp_path)
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(mien.ModelError, match="SHA-256"):
        mien.Recognizer(path)


def test_a_damaged_file_is_refused_even_with_the_right_hash(tmp_path: Path) -> None:
    path = write_tiny_model(tmp_path)
    path.write_bytes(b"no model")
    contract = json.loads(path.with_suffix(".json").read_text())
    contract["onnx_sha256"] = hashlib.sha256(b"no model").hexdigest()
    path.with_suffix(".json").write_text(json.dumps(contract))
    with pytest.raises(mien.ModelError, match="not an ONNX model"):
        mien.Recognizer(path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"class_names": ("happy", "sad")}, "2 columns"),
        ({"input_name": "pictures"}, "'pictures'"),
        ({"output_name": "scores"}, "'scores'"),
        ({"input_size": 64}, "(N, 1, 64, 64)"),
    ],
)
def test_model_and_contract_must_fit(changes: dict, words: str, tmp_path: Path) -> None:
    with pytest.raises(mien.ModelError) as caught:
        mien.Recognizer(write_tiny_model(tmp_path, **changes))
    assert words in str(caught.value)


def test_missing_models_get_one_sentence(tmp_path: Path) -> None:
    path = write_tiny_model(tmp_path)
    with pytest.raises(mien.ModelError, match="cannot be read"):
        mien.Recognizer(tmp_path / "gone.onnx")
    with pytest.raises(mien.ModelError, match="'accurate', 'fast', 'fer2013' or the path"):
        mien.Recognizer("acurate")
    path.unlink()
    with pytest.raises(mien.ModelError, match=r"tiny\.onnx cannot be read"):
        mien.Recognizer(path)


def test_a_name_that_is_not_installed_gets_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mien.model.recognizer.ASSETS", tmp_path)
    with pytest.raises(mien.ModelError, match="not part of this installation"):
        mien.Recognizer("accurate")


def test_two_contracts_share_one_network(tmp_path: Path) -> None:
    path = write_tiny_model(tmp_path, labels="votes")
    first = mien.Recognizer(path)
    other = dataclasses.replace(first.spec, name="other", labels="own", file="tiny.onnx")
    other.write(tmp_path / "other.json")
    second = mien.Recognizer(tmp_path / "other.json")
    assert (second.path, second.contract) == (path, tmp_path / "other.json")
    assert (first.spec.labels, second.spec.labels) == ("votes", "own")
    faces = np.zeros((1, 48, 48), dtype=np.uint8)
    np.testing.assert_array_equal(first.predict_logits(faces), second.predict_logits(faces))
    dataclasses.replace(other, onnx_sha256="0" * 64).write(tmp_path / "other.json")
    with pytest.raises(mien.ModelError, match=r"tiny\.onnx is not the file its contract"):
        mien.Recognizer(tmp_path / "other.json")


def test_each_model_that_comes_with_mien_says_whose_label_it_answers_with() -> None:
    for name in MODELS:
        spec = mien.Recognizer(name, threads=1).spec
        assert spec.name == name
        assert spec.labels in {"votes", "fer2013"}
    assert mien.Recognizer("fer2013", threads=1).spec.labels == "fer2013"
