"""An export is proved to give torch's answers, or it writes nothing."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="mien[train] is not installed")

import onnx
import torch

from drawn_faces import drawn_dataset
from mien.data.datasets import Dataset
from mien.data.votes import Votes
from mien.errors import ConfigError, DataError, ExportError, ModelError, OutputError
from mien.evaluation.predictor import load_predictor
from mien.export.export import export
from mien.export.half_precision import ALLOWED_DIFFERENCE, check_half, halve_weights, widen_weights
from mien.export.lstm_tensors import SEQUENCE_OUTPUTS, expose_sequence, find_sequence
from mien.export.quantization import check_loss
from mien.export.to_onnx import PARITY, find_last_layer, prove_parity, scale_onnx, to_onnx
from mien.export.vector_scaling import Scaling, find_scaling
from mien.model.recognizer import Recognizer, to_input
from mien.sessions import open_session
from mien.training.checkpoint import load_model, pack_weights
from mien.training.config import Stage
from mien.training.fit import fit
from mien.training.model import CnnLstm
from mien.training.recipes import read_config

pytestmark = pytest.mark.slow

SMOKE = read_config("smoke")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A checkpoint and the data it was trained on."""
    dataset = drawn_dataset(validation=3)
    config = replace(SMOKE, stages=(Stage(48, 6),))
    return fit(config, dataset, tmp_path_factory.mktemp("run")).best, dataset


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    checkpoint, dataset = trained
    return export(checkpoint, dataset, tmp_path_factory.mktemp("export"), coverage=0.9)


def test_onnxruntime_agrees_with_torch(trained, exported):
    checkpoint, dataset = trained
    faces = dataset.splits["test"].images
    torch_logits = load_predictor(str(checkpoint)).predict_logits(faces)
    assert exported.largest_difference <= PARITY
    for count in (1, 2, 17):
        logits = Recognizer(exported.onnx).predict_logits(faces[:count])
        assert np.abs(logits - torch_logits[:count]).max() <= PARITY


def test_the_weights_as_trained_lie_beside_it(trained, exported, tmp_path):
    checkpoint, dataset = trained
    faces = dataset.splits["test"].images
    net, description = load_model(checkpoint)
    small = export(checkpoint, dataset, tmp_path, name="small", int8=True)
    assert small.weights == tmp_path / "small.safetensors"
    for path in (exported.weights, small.weights):
        again, told = load_model(path)
        assert told == description
        assert np.abs(again.predict_logits(faces) - net.predict_logits(faces)).max() < 0.01
        for kept, whole in zip(again.parameters(), net.parameters(), strict=True):
            assert torch.equal(kept, whole.half().float())
        assert path.stat().st_size < checkpoint.stat().st_size / 4


def test_weights_too_large_for_half_precision_stay_whole(trained, tmp_path):
    net, description = load_model(trained[0])
    with torch.no_grad():
        net.classifier.bias[0] = 1e6
    path = tmp_path / "large.safetensors"
    path.write_bytes(pack_weights(net, description, halve=True))
    again, _ = load_model(path)
    assert torch.equal(again.classifier.bias, net.classifier.bias)


def test_the_contract_travels_with_the_weights(trained, exported):
    _, dataset = trained
    spec = Recognizer(exported.onnx).spec
    assert spec.name == "smoke"
    assert spec.class_names == dataset.class_names
    assert spec.temperature == exported.calibrated.temperature
    assert 0 < spec.abstention_threshold < 1
    assert spec.metrics["validation"]["faces"] == len(dataset.splits["validation"].labels)
    assert spec.training["config"]["seed"] == SMOKE.seed


def test_the_model_file_says_nothing_of_the_machine_it_was_made_on(exported):
    content = exported.onnx.read_bytes()
    assert b"/" + str(Path(__file__).parents[2]).encode().lstrip(b"/") not in content
    assert b"site-packages" not in content


def test_an_export_that_differs_is_refused_and_leaves_nothing(trained, tmp_path):
    checkpoint, dataset = trained
    result = export(checkpoint, dataset, tmp_path)
    net, _ = load_model(checkpoint)
    with torch.no_grad():
        net.classifier.bias += 1e-3
    with pytest.raises(ExportError, match="nothing was written"):
        prove_parity(net, Recognizer(result.onnx), dataset.splits["test"].images)


def test_it_needs_the_data_it_was_trained_on(trained, tmp_path):
    checkpoint, dataset = trained
    renamed = replace(dataset, class_names=("a", *dataset.class_names[1:]))
    with pytest.raises(DataError, match="the model has the classes angry"):
        export(checkpoint, renamed, tmp_path)
    bare = Dataset("d", dataset.class_names, {"train": dataset.splits["train"]}, ())
    with pytest.raises(DataError, match="no validation split"):
        export(checkpoint, bare, tmp_path)
    with pytest.raises(ModelError, match="there is no checkpoint"):
        export(tmp_path / "none.safetensors", dataset, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written(trained, tmp_path):
    checkpoint, dataset = trained
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        export(checkpoint, dataset, tmp_path / "file" / "deeper")


def test_a_model_that_was_exported_is_calibrated_again_for_other_faces(trained, exported, tmp_path):
    _, dataset = trained
    relabelled = replace(
        dataset.splits["validation"], labels=dataset.splits["validation"].labels[::-1].copy()
    )
    other = replace(dataset, splits={**dataset.splits, "validation": relabelled})
    result = export(exported.onnx, other, tmp_path, name="mine", coverage=0.5)
    assert result.weights is None
    old, new = Recognizer(exported.onnx).spec, Recognizer(result.onnx).spec
    assert result.onnx.read_bytes() == exported.onnx.read_bytes()
    assert new.name == "mine"
    assert new.temperature > old.temperature  # the labels are wrong now
    assert new.abstention_curve.points[0].coverage == 1
    assert new.metrics["validation"]["nll"] != old.metrics["validation"]["nll"]
    assert new.training == old.training
    same = export(exported.onnx, dataset, tmp_path, coverage=0.9)
    again = Recognizer(same.onnx).spec
    assert again.temperature == pytest.approx(old.temperature, rel=1e-4)
    assert again.abstention_threshold == pytest.approx(old.abstention_threshold, rel=1e-4)
    bare = Dataset("d", dataset.class_names, {"train": dataset.splits["train"]}, ())
    with pytest.raises(DataError, match="no validation split"):
        export(exported.onnx, bare, tmp_path)


def test_an_accuracy_can_be_asked_for_at_export(trained, tmp_path):
    checkpoint, dataset = trained
    result = export(checkpoint, dataset, tmp_path, accuracy=0.2)
    assert result.calibrated.abstention_threshold is not None
    with pytest.raises(ConfigError, match="not both"):
        export(checkpoint, dataset, tmp_path, accuracy=0.2, coverage=0.5)


def test_the_lstm_can_be_followed_in_what_was_exported(exported):
    assert Recognizer(exported.onnx).spec.sequence == SEQUENCE_OUTPUTS


def test_a_scaling_goes_into_the_last_layer_of_an_exported_model(exported, trained, tmp_path):
    _, dataset = trained
    faces = dataset.splits["test"].images
    before = Recognizer(exported.onnx)
    scaling = Scaling(np.linspace(0.5, 2, 7), np.linspace(-1, 1, 7), gain=0.1, gain_error=0.01)
    layer = find_last_layer(exported.onnx.read_bytes(), "logits")
    assert layer == {"weight": "classifier.weight", "bias": "classifier.bias"}
    content = scale_onnx(exported.onnx.read_bytes(), layer, scaling)
    (tmp_path / "scaled.onnx").write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    replace(before.spec, onnx_sha256=sha256).write(tmp_path / "scaled.json")
    after = Recognizer(tmp_path / "scaled.onnx")
    wanted = before.predict_logits(faces) * scaling.scale + scaling.bias
    np.testing.assert_allclose(after.predict_logits(faces), wanted, atol=1e-5)


def test_a_second_scaling_keeps_the_record_of_the_first(exported, trained, tmp_path, monkeypatch):
    scaling = Scaling(np.linspace(0.5, 2, 7), np.linspace(-1, 1, 7), gain=0.1, gain_error=0.01)
    monkeypatch.setattr("mien.export.export.find_scaling", lambda *_: scaling)
    first = export(exported.onnx, trained[1], tmp_path, name="first", coverage=0.9)
    second = export(first.onnx, trained[1], tmp_path, name="second", coverage=0.9)
    told = Recognizer(first.onnx).spec.training["logit_scaling"]
    assert told == scaling.to_dict()
    assert Recognizer(second.onnx).spec.training["logit_scaling"] == told | {"after": told}


def test_scaling_is_found_where_it_is_needed_and_only_there():
    rng = np.random.default_rng(0)
    honest = rng.normal(0, 2, (1500, 3))
    shares = np.exp(honest) / np.exp(honest).sum(axis=1, keepdims=True)
    labels = (shares.cumsum(axis=1) > rng.random((1500, 1))).argmax(axis=1)
    assert find_scaling(honest * 3, labels) is None  # a temperature of 3 mends it
    scale, bias = np.array([2.0, 1.0, 0.5]), np.array([0.5, 0.0, -0.5])
    found = find_scaling((honest - bias) / scale, labels)
    assert found is not None
    assert found.scale == pytest.approx(scale, rel=0.2)
    assert found.gain > 2 * found.gain_error
    assert find_scaling((honest - bias)[:60] / scale, labels[:60]) is None  # too few to know


@pytest.mark.parametrize(
    ("changes", "can"),
    [({"bidirectional": True}, False), ({"shortcut": True}, False), ({"scan": "rows"}, True)],
)
def test_only_an_lstm_that_reads_onwards_is_followed(changes, can):
    torch.manual_seed(0)
    net = CnnLstm(replace(SMOKE.model, **changes), 7).eval()
    faces = drawn_dataset().splits["validation"].images
    assert (find_sequence(to_onnx(net), faces) is not None) == can


def test_showing_the_lstm_changes_no_bit_of_the_logits():
    torch.manual_seed(0)
    plain = to_onnx(CnnLstm(SMOKE.model, 7).eval())
    faces = drawn_dataset().splits["validation"].images
    sequence = find_sequence(plain, faces)
    shown = expose_sequence(plain, sequence)
    inputs = {"faces": to_input(faces)}
    names = list(SEQUENCE_OUTPUTS.values())
    (before,) = open_session(plain, name="plain").run(["logits"], inputs)
    logits, steps, weight, bias = open_session(shown, name="shown").run(["logits", *names], inputs)
    assert np.array_equal(before, logits)
    assert steps.shape[0] == len(faces)
    assert np.allclose(steps.mean(axis=1) @ weight.T + bias, logits, atol=1e-4)
    assert expose_sequence(shown, find_sequence(shown, faces)) == shown


def test_convolutions_in_integers_answer_alike_and_say_so(trained, exported, tmp_path):
    checkpoint, dataset = trained
    result = export(checkpoint, dataset, tmp_path, int8=True, coverage=0.9)
    assert result.largest_difference <= PARITY  # of the floats that it was made from
    whole, small = Recognizer(exported.onnx), Recognizer(result.onnx)
    assert b"QuantizeLinear" in result.onnx.read_bytes()
    faces = dataset.splits["test"].images
    difference = np.abs(small.predict_logits(faces) - whole.predict_logits(faces))
    assert 0 < difference.max() < 0.2
    assert small.spec.training["int8"] == {
        "range_faces": len(dataset.splits["train"].labels),
        "accuracy_lost": result.int8_loss,
    }
    assert "int8" not in whole.spec.training
    assert small.spec.sequence == SEQUENCE_OUTPUTS
    again = export(exported.onnx, dataset, tmp_path, name="again", coverage=0.9, int8=True)
    assert again.onnx.read_bytes() == result.onnx.read_bytes()
    with pytest.raises(ModelError, match="leave out --int8"):
        export(result.onnx, dataset, tmp_path, int8=True)


def test_weights_in_half_precision_take_half_the_space(trained, exported, tmp_path):
    checkpoint, dataset = trained
    result = export(checkpoint, dataset, tmp_path, half=True, coverage=0.9)
    assert result.largest_difference <= PARITY  # of the floats that it was made from
    whole, small = Recognizer(exported.onnx), Recognizer(result.onnx)
    assert result.onnx.stat().st_size < 0.6 * exported.onnx.stat().st_size
    faces = dataset.splits["validation"].images
    difference = np.abs(small.predict_logits(faces) - whole.predict_logits(faces)).max()
    assert 0 < result.half_difference <= ALLOWED_DIFFERENCE
    assert difference == pytest.approx(result.half_difference, rel=0.01)
    told = {"faces": len(faces), "largest_difference": result.half_difference}
    assert small.spec.training["half"] == told
    assert small.spec.sequence == SEQUENCE_OUTPUTS
    assert find_last_layer(result.onnx.read_bytes(), "logits") is not None  # scaled at float32

    # A second halving changes nothing, and int8 takes the weights as floats.
    content = result.onnx.read_bytes()
    assert halve_weights(content) == content
    assert halve_weights(widen_weights(content)) == content
    both = export(result.onnx, dataset, tmp_path, name="both", int8=True, half=True, coverage=0.9)
    assert b"QuantizeLinear" in both.onnx.read_bytes()
    assert set(Recognizer(both.onnx).spec.training) >= {"int8", "half"}


def test_half_precision_that_changes_answers_is_refused(trained):
    net, _ = load_model(trained[0])
    with torch.no_grad():
        net.trunk[2].convolutions[0].weight[0, 0] = 1e6  # more than float16 holds
    content = to_onnx(net)
    graph = onnx.load_from_string(halve_weights(content)).graph
    names = {tensor.name for tensor in graph.initializer}
    assert "trunk.2.convolutions.0.weight" in names
    assert any(name.endswith("_half") for name in names)
    logits = np.zeros((2, 7), np.float32)
    assert check_half(logits, logits + 0.009) == pytest.approx(0.009)
    for wrong in (0.011, np.nan):
        with pytest.raises(ExportError, match="export without --half"):
            check_half(logits, logits + np.float32(wrong))


def test_integers_that_cost_too_much_are_refused():
    labels = np.zeros(1000, dtype=np.int64)
    right = np.tile(np.float32([1, 0]), (1000, 1))
    worse = right.copy()
    worse[:3] = [0, 1]
    assert check_loss(right, worse, labels) == pytest.approx(0.003)
    assert check_loss(worse, right, labels) == pytest.approx(-0.003)
    assert check_loss(right[:50], worse[2:52], labels[:50]) == pytest.approx(0.02)  # one face
    worse[3] = [0, 1]
    with pytest.raises(ExportError, match=r"from 1,000 to 996 of 1,000 held-out faces"):
        check_loss(right, worse, labels)


def votes_on(dataset):
    """Nine of ten people choose the label of each validation face, one the next word."""
    validation = dataset.splits["validation"]
    classes = len(dataset.class_names)
    counts = 9 * np.eye(classes, dtype=int)[validation.labels]
    counts += np.eye(classes, dtype=int)[(validation.labels + 1) % classes]
    others = np.zeros((len(counts), 3), dtype=int)
    return Votes(validation.paths, dataset.class_names, counts, others)


@pytest.fixture(scope="module")
def two_layers(tmp_path_factory):
    """A checkpoint of a network that answers with votes, and beside them with the label; its data.

    It was not trained: an export owes the same to any weights.
    """
    dataset = drawn_dataset(validation=3)
    torch.manual_seed(0)
    net = CnnLstm(SMOKE.model, 7, label_layer=True).eval()
    config = {**SMOKE.to_dict(), "votes": "votes.csv", "label_weight": 0.3}
    path = tmp_path_factory.mktemp("votes") / "best.safetensors"
    description = {"config": config, "class_names": list(dataset.class_names)}
    path.write_bytes(pack_weights(net, description))
    return path, dataset


def test_two_last_layers_make_one_network_with_two_contracts(two_layers, tmp_path):
    checkpoint, dataset = two_layers
    asked = votes_on(dataset)
    faces = dataset.splits["validation"].images
    result = export(checkpoint, dataset, tmp_path, votes=asked, name="mine", coverage=0.9)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "mine-label.json",
        "mine.json",
        "mine.onnx",
        "mine.safetensors",
    ]
    voted, labelled = Recognizer(result.onnx), Recognizer(tmp_path / "mine-label.json")
    assert (voted.spec.labels, labelled.spec.labels) == ("votes", "own")
    assert labelled.path == result.onnx
    net, _ = load_model(checkpoint)
    wanted = net.answer(torch.from_numpy(to_input(faces)))
    for recognizer, logits in zip((voted, labelled), wanted, strict=True):
        difference = recognizer.predict_logits(faces) - logits.detach().numpy()
        assert np.abs(difference).max() <= PARITY
        outputs = [recognizer.spec.output_name, *recognizer.spec.sequence.values()]
        session = open_session(result.onnx.read_bytes(), name="mine")
        found, steps, weight, bias = session.run(outputs, {"faces": to_input(faces)})
        assert np.allclose(steps.mean(axis=1) @ weight.T + bias, found, atol=1e-4)
    told = voted.spec.metrics["validation"]
    assert (
        told["cross_entropy_to_votes"] > told["entropy_of_votes"] == pytest.approx(0.3251, abs=1e-4)
    )
    assert "entropy_of_votes" not in labelled.spec.metrics["validation"]

    # Calibrated again, both contracts follow the network that changed.
    again = tmp_path / "again"
    export(result.onnx, dataset, again, votes=asked, int8=True)
    for name in ("mine.onnx", "mine-label.json"):
        assert "int8" in Recognizer(again / name).spec.training
    with pytest.raises(ModelError, match=r"export mine\.onnx"):
        export(tmp_path / "mine-label.json", dataset, again)


def test_a_model_of_votes_is_calibrated_on_votes(two_layers, tmp_path):
    checkpoint, dataset = two_layers
    asked = votes_on(dataset)
    with pytest.raises(DataError, match=r"with --votes"):
        export(checkpoint, dataset, tmp_path)
    elsewhere = replace(asked, paths=tuple(f"other/{path}" for path in asked.paths))
    with pytest.raises(DataError, match="compare their paths"):
        export(checkpoint, dataset, tmp_path, votes=elsewhere)
    with pytest.raises(DataError, match="read the votes in that order"):
        export(checkpoint, dataset, tmp_path, votes=replace(asked, class_names=("a",)))
    assert not list(tmp_path.iterdir())
    # What is fitted to shares is another thing than what is fitted to certain answers.
    sure = replace(asked, counts=asked.counts * (asked.counts > 1))
    doubted = export(checkpoint, dataset, tmp_path / "a", votes=asked).calibrated
    believed = export(checkpoint, dataset, tmp_path / "b", votes=sure).calibrated
    assert doubted.temperature != believed.temperature
    assert doubted.metrics["entropy_of_votes"] > believed.metrics["entropy_of_votes"] == 0
