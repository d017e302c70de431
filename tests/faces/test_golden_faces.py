"""The golden pictures read as faces.json says; the page's tests hold the page to the same."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

import mien
from mien.faces.detector import DETECTOR_PATH, _pad, _scale, _to_pillow
from mien.model.recognizer import ASSETS

HERE = Path(__file__).parents[1] / "golden"
GOLDEN = json.loads((HERE / "faces.json").read_text(encoding="utf-8"))
PICTURES = tuple(GOLDEN["pictures"])


def hash_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_the_detector_is_the_golden_one() -> None:
    detector = DETECTOR_PATH.read_bytes()
    assert hash_of(detector) == GOLDEN["detector_sha256"]


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_scaled_to_the_same_levels(name: str) -> None:
    image = mien.read_image(HERE / name)
    for size, wanted in GOLDEN["pictures"][name]["detector_input_sha256"].items():
        pixels = _pad(_scale(_to_pillow(image), int(size)).image)
        assert hash_of(pixels.tobytes()) == wanted


@pytest.mark.parametrize("model", GOLDEN["models"])
@pytest.mark.parametrize("name", PICTURES)
def test_pictures_read_as_they_did(name: str, model: str) -> None:
    if hash_of((ASSETS / f"{model}.onnx").read_bytes()) != GOLDEN["models"][model]:
        pytest.skip(f"{model} has other weights: run python tests/golden/make_faces.py")
    faces = mien.analyze(HERE / name, model=model).to_dict()["faces"]
    wanted = GOLDEN["pictures"][name]["models"][model]
    assert len(faces) == len(wanted)
    for face, wanted_face in zip(faces, wanted, strict=True):
        assert face["probabilities"] == pytest.approx(wanted_face["probabilities"], abs=1e-4)
        assert face["box"] == pytest.approx(wanted_face["box"], abs=0.02)
        assert np.allclose(face["landmarks"], wanted_face["landmarks"], atol=0.02)
        assert face["emotion"] == wanted_face["emotion"]


def test_every_model_that_ships_is_golden() -> None:
    there = {name for name in mien.model.recognizer.NETWORKS if (ASSETS / f"{name}.onnx").is_file()}
    if there != set(GOLDEN["models"]):
        pytest.skip("a model is new or gone: run python tests/golden/make_faces.py")
