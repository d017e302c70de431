"""What the last layer reads, for each face: the same in Python, JSON, and tables."""

import json

import numpy as np
import pytest

import mien
from mien.cli import main
from mien.model.recognizer import to_input
from mien.results import ImageResult


@pytest.fixture(scope="module")
def result(portrait):
    return mien.analyze_photo(portrait, model="fast", features=True, threads=1)


def test_features_are_those_of_the_recognizer(result, portrait):
    recognizer = mien.Recognizer("fast", threads=1)
    (face,) = mien.detect_faces(portrait)
    crops = recognizer.crop(portrait, face)[np.newaxis]
    read = result.faces[0]
    assert len(read.features) == 96
    assert np.allclose(read.features, recognizer.predict_features(crops)[0], atol=1e-5)
    wanted = recognizer.predict_probabilities(crops)[0]
    assert np.allclose(list(read.probabilities.values()), wanted, atol=1e-6)


def test_the_last_layer_makes_logits_of_them(portrait):
    """Features are the layer before the softmax: its weights turn them into the logits."""
    onnxruntime = pytest.importorskip("onnxruntime")
    recognizer = mien.Recognizer("fast", threads=1)
    session = onnxruntime.InferenceSession(recognizer.path)
    (face,) = mien.detect_faces(portrait)
    crops = recognizer.crop(portrait, face)[np.newaxis]
    wanted = [recognizer.spec.sequence[key] for key in ("weight", "bias")]
    pixels = to_input(crops)
    weight, bias = session.run(wanted, {recognizer.spec.input_name: pixels})
    logits = recognizer.predict_features(crops) @ weight.T + bias
    assert np.allclose(logits, recognizer.predict_logits(crops), atol=1e-3)


def test_without_being_asked_for_there_are_none(portrait):
    face = mien.analyze_photo(portrait, model="fast", threads=1).faces[0]
    assert face.features is None
    assert "features" not in face.to_dict()


def test_results_carry_them_there_and_back(result, tmp_path):
    record = json.loads(result.to_json())
    again = ImageResult.from_dict(record).faces[0].features
    assert again == pytest.approx(result.faces[0].features, abs=1e-6)
    frame = pytest.importorskip("pandas") and result.to_dataframe()
    assert frame.columns[-1] == "features"
    assert len(frame["features"].iloc[0]) == 96
    result.to_csv(tmp_path / "faces.csv")
    assert "features" not in (tmp_path / "faces.csv").read_text()


@pytest.mark.slow
def test_the_command_writes_them_to_parquet_and_json_and_refuses_csv(portrait, tmp_path, capsys):
    pq = pytest.importorskip("pyarrow.parquet")
    from PIL import Image

    Image.fromarray(portrait).save(tmp_path / "a.png")
    Image.new("RGB", (64, 64)).save(tmp_path / "b.png")
    photos = [str(tmp_path / name) for name in ("a.png", "b.png")]
    command = ["analyze", *photos, "--model", "fast", "--features", "--output"]
    assert main([*command, str(tmp_path / "faces.parquet")]) == 0
    column = pq.read_table(tmp_path / "faces.parquet").column("features").to_pylist()
    assert [None if cell is None else len(cell) for cell in column] == [96, None]
    assert main([*command, str(tmp_path / "faces.csv")]) == 2
    assert "faces.parquet or faces.jsonl" in capsys.readouterr().err


def test_a_network_without_an_lstm_has_none(tiny_model):
    with pytest.raises(mien.ModelError, match="does not expose its LSTM's outputs"):
        mien.Recognizer(tiny_model, features=True)
