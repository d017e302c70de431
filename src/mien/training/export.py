"""This module turns a checkpoint into NAME.onnx and NAME.json, parity proved, or into nothing.

It also calibrates a model again that was exported before, on other faces or by a newer mien, and
puts convolutions into 8-bit integers.
"""

import hashlib
import io
import logging
import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from mien.errors import DataError, ExportError, OutputError
from mien.preprocess import to_input
from mien.recognizer import CHUNK, Recognizer
from mien.sessions import open_session
from mien.spec import ModelSpec
from mien.training.calibration import Calibrated, calibrate
from mien.training.checkpoint import load_model
from mien.training.datasets import Dataset, Split
from mien.training.evaluate import translate_labels
from mien.training.model import INPUT_SIZE, FaceNet
from mien.training.quantization import RANGE_FACES, check_loss, quantize
from mien.training.scaling import Scaling, find_scaling
from mien.training.sequence import find_sequence

_Proof = TypeVar("_Proof")

PARITY = 1e-5
"""Largest difference between torch's and onnxruntime's logits that is let through."""
PARITY_BATCHES = (1, 2, 17)
"""Batch sizes at which they are compared."""


@dataclass(frozen=True)
class ExportResult:
    """What an export wrote.

    Attributes:
        onnx: The network, `NAME.onnx`.
        contract: What it takes and gives, `NAME.json`.
        largest_difference: Between torch and onnxruntime, over all faces compared, in logits; None
            where there was no checkpoint to compare with.
        calibrated: What was fitted on the validation split.
        scaling: What was put into the network's last layer for it; None if nothing was.
        int8_loss: The validation accuracy that 8-bit integers cost, 0 to 1, below 0 if they gained;
            None where the model stayed in floats.
    """

    onnx: Path
    contract: Path
    largest_difference: float | None
    calibrated: Calibrated
    scaling: Scaling | None
    int8_loss: float | None = None


def export(
    checkpoint: Path,
    dataset: Dataset,
    output: Path,
    *,
    name: str | None = None,
    coverage: float | None = None,
    accuracy: float | None = None,
    int8: bool = False,
) -> ExportResult:
    """Write a trained network as a model file that the ground floor reads.

    The temperature (Guo et al. 2017, arXiv 1706.04599), a scale and a bias for each class if they
    clearly help (see `scaling`), and the abstention threshold are chosen on the validation split;
    no other split is looked at.

    Args:
        checkpoint: `best.safetensors` of a run.
        dataset: The data it was trained on, for its validation split.
        output: The folder to write to.
        name: The model's name; by default the one in its recipe.
        coverage: Share of the validation faces that get an answer, above 0 to 1; the model
            abstains on faces it is less sure of. None answers always.
        accuracy: Share of these answers that shall be as labelled, in place of a coverage.
        int8: Let the convolutions reckon in 8-bit integers (see `quantization`), whose ranges are
            measured on the train split; parity is proved before.

    Returns:
        The two files, and what was measured.

    Raises:
        DataError: There is no validation split, or its classes are not the model's.
        ExportError: onnxruntime does not agree with torch, or int8 costs too many answers; nothing
            is written.
        ModelError: The checkpoint cannot be read.
        OutputError: The files cannot be written; what was there before is kept.
    """
    if int8:
        with tempfile.TemporaryDirectory() as folder:
            whole = export(checkpoint, dataset, Path(folder), name=name)
            result = calibrate_again(
                whole.onnx, dataset, output, coverage=coverage, accuracy=accuracy, int8=True
            )
        return replace(
            result,
            largest_difference=whole.largest_difference,
            scaling=result.scaling or whole.scaling,
        )
    net, description = load_model(checkpoint)
    class_names = tuple(description["class_names"])
    validation = _validation_of(dataset)
    if dataset.class_names != class_names:
        raise DataError(
            f"the model knows {', '.join(class_names)}, but {dataset.source} has "
            f"{', '.join(dataset.class_names)}: export with the data it was trained on"
        )
    logits = net.predict_logits(validation.images)
    scaling = find_scaling(logits, validation.labels)
    if scaling is not None:
        scale_logits(net, scaling)
        logits = net.predict_logits(validation.images)
    calibrated = calibrate(logits, validation, class_names, coverage=coverage, accuracy=accuracy)
    model = to_onnx(net)
    spec = ModelSpec(
        name=name or description["config"]["name"],
        onnx_sha256=hashlib.sha256(model).hexdigest(),
        class_names=class_names,
        temperature=calibrated.temperature,
        abstention_threshold=calibrated.abstention_threshold,
        abstention_curve=calibrated.abstention_curve,
        sequence=find_sequence(model, validation.images),
        metrics={"validation": calibrated.metrics},
        training={**description, "logit_scaling": None if scaling is None else scaling.to_dict()},
    )

    def prove(recognizer: Recognizer) -> float:
        return prove_parity(net, recognizer, validation.images)

    path, difference = _write(spec, model, output, prove)
    return ExportResult(path, path.with_suffix(".json"), difference, calibrated, scaling)


def calibrate_again(
    model: Path,
    dataset: Dataset,
    output: Path,
    *,
    name: str | None = None,
    coverage: float | None = None,
    accuracy: float | None = None,
    int8: bool = False,
) -> ExportResult:
    """Fit temperature, threshold and curve of an exported model on a dataset's validation split.

    Of the network, the last layer alone may change: a scale and a bias for each class, where they
    clearly help (see `scaling`); and, if asked for, the convolutions become 8-bit integers. So a
    model can be calibrated for the faces it will meet, and a contract written by an older mien gets
    what it lacks.

    Args:
        model: An `.onnx` with its `.json` beside it.
        dataset: Labelled faces, for their validation split; the model knows all their classes.
        output: The folder to write to; the model's own is allowed.
        name: The model's name; by default the one it has.
        coverage: As in `export`.
        accuracy: As in `export`.
        int8: As in `export`; where the data has no train split, validation gives the ranges.

    Raises:
        DataError: There is no validation split.
        ExportError: int8 costs too many answers; nothing is written.
        ModelError: The model cannot be read, does not know a class, or is in int8 already.
        OutputError: The files cannot be written; what was there before is kept.
    """
    recognizer = Recognizer(model)
    spec = recognizer.spec
    validation = _validation_of(dataset)
    labels = translate_labels(validation.labels, dataset.class_names, spec.class_names)
    content, logits = model.read_bytes(), recognizer.predict_logits(validation.images)
    training, loss = dict(spec.training), None
    if int8:
        ranges = dataset.splits.get("train", validation).images
        content, before = quantize(content, ranges), logits
        logits = _run(content, spec, validation.images)
        loss = check_loss(before, logits, labels)
        training["int8"] = {"range_faces": min(len(ranges), RANGE_FACES), "accuracy_lost": loss}
    sequence = find_sequence(content, validation.images)
    scaling = None if sequence is None else find_scaling(logits, labels)
    if sequence is not None and scaling is not None:
        content = scale_onnx(content, sequence, scaling)
        logits = (logits * scaling.scale + scaling.bias).astype(np.float32)
    calibrated = calibrate(
        logits,
        replace(validation, labels=labels),
        spec.class_names,
        coverage=coverage,
        accuracy=accuracy,
    )
    spec = replace(
        spec,
        name=name or spec.name,
        onnx_sha256=hashlib.sha256(content).hexdigest(),
        temperature=calibrated.temperature,
        abstention_threshold=calibrated.abstention_threshold,
        abstention_curve=calibrated.abstention_curve,
        sequence=sequence,
        metrics={**spec.metrics, "validation": calibrated.metrics},
        training={**training, "logit_scaling": _scaling_of(spec, scaling)},
    )

    def prove(scaled: Recognizer) -> None:
        _check_difference(scaled.predict_logits(validation.images) - logits)

    path, _ = _write(spec, content, output, prove)
    return ExportResult(path, path.with_suffix(".json"), None, calibrated, scaling, loss)


def _run(model: bytes, spec: ModelSpec, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Give the logits (N, C) of a model that is no file yet, of faces (N, 48, 48)."""
    session = open_session(model, name=spec.name)
    starts = range(0, len(faces), CHUNK)
    batches = (to_input(faces[start : start + CHUNK]) for start in starts)
    return np.concatenate(
        [session.run([spec.output_name], {spec.input_name: batch})[0] for batch in batches]
    )


def _scaling_of(spec: ModelSpec, scaling: Scaling | None) -> object:
    """Say what was put into the last layer, now or when the model was exported first."""
    return spec.training.get("logit_scaling") if scaling is None else scaling.to_dict()


def _validation_of(dataset: Dataset) -> Split:
    validation = dataset.splits.get("validation")
    if validation is None:
        raise DataError(f"{dataset.source} has no validation split to fit the temperature on")
    return validation


def _write(
    spec: ModelSpec, model: bytes, output: Path, prove: Callable[[Recognizer], _Proof]
) -> tuple[Path, _Proof]:
    """Write both files, once onnxruntime has opened them and the proof has held."""
    path = output / f"{spec.name}.onnx"
    try:
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=output, prefix=".export-") as folder:
            unproved = Path(folder) / path.name
            unproved.write_bytes(model)
            spec.write(unproved.with_suffix(".json"))
            proof = prove(Recognizer(unproved))
            unproved.replace(path)
            unproved.with_suffix(".json").replace(path.with_suffix(".json"))
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written ({error.strerror}); make room or choose another --output"
        ) from error
    return path, proof


def scale_logits(net: FaceNet, scaling: Scaling) -> None:
    """Put `scale * logits + bias` into a network's last layer."""
    scale, bias = (torch.from_numpy(v).float() for v in (scaling.scale, scaling.bias))
    with torch.no_grad():
        net.classifier.weight.mul_(scale[:, None])
        net.classifier.bias.mul_(scale).add_(bias)


def scale_onnx(model: bytes, sequence: Mapping[str, str], scaling: Scaling) -> bytes:
    """Put `scale * logits + bias` into the last layer of an ONNX file.

    Args:
        model: The file's bytes.
        sequence: The names of the layer's "weight" (C, U) and "bias" (C,), as in a contract.
        scaling: What is put in.
    """
    proto = onnx.load_from_string(model)
    for tensor in proto.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if tensor.name == sequence["weight"]:
            values = values * scaling.scale[:, np.newaxis]
        elif tensor.name == sequence["bias"]:
            values = values * scaling.scale + scaling.bias
        else:
            continue
        scaled = onnx.numpy_helper.from_array(values.astype(np.float32), tensor.name)
        tensor.CopyFrom(scaled)
    content: bytes = proto.SerializeToString()
    return content


def to_onnx(net: FaceNet) -> bytes:
    """Translate a network.

    Args:
        net: In evaluation mode.

    Returns:
        The ONNX file: `faces` (N, 1, 48, 48) float32 in [0, 1] to `logits` (N, K) float32.
    """
    example = (torch.zeros(2, 1, INPUT_SIZE, INPUT_SIZE),)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # About torch's insides and its next release; `prove_parity` is what counts here.
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            net,
            example,
            dynamo=True,
            verbose=False,
            input_names=["faces"],
            output_names=["logits"],
            dynamic_shapes={"x": {0: torch.export.Dim("N")}},
        )
    if program is None:
        raise ExportError("torch gave no ONNX program: use the torch release that mien[train] asks")
    graph = program.model_proto
    for node in graph.graph.node:  # Paths and source lines of the machine that exported.
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*graph.graph.value_info, *graph.graph.input, *graph.graph.output):
        del value.metadata_props[:]
    del graph.graph.metadata_props[:]
    del graph.metadata_props[:]
    onnx.checker.check_model(graph, full_check=True)
    file = io.BytesIO()
    onnx.save(graph, file)
    return file.getvalue()


def prove_parity(net: FaceNet, recognizer: Recognizer, faces: NDArray[np.uint8]) -> float:
    """Compare torch with onnxruntime on real faces.

    Args:
        net: The network, in evaluation mode.
        recognizer: Its translation, opened as a user opens it.
        faces: (N, 48, 48) uint8, of which some are taken from all over the split.

    Returns:
        The largest difference of a logit.

    Raises:
        ExportError: It is over `PARITY`.
    """
    worst = 0.0
    for batch in PARITY_BATCHES:
        for start in np.linspace(0, max(0, len(faces) - batch), num=8, dtype=int):
            chosen = faces[start : start + batch]
            difference = recognizer.predict_logits(chosen) - net.predict_logits(chosen)
            worst = max(worst, _check_difference(difference))
    return worst


def _check_difference(difference: NDArray[np.float32]) -> float:
    """Give the largest difference of a logit, if it is let through."""
    worst = float(np.abs(difference).max())
    if not worst <= PARITY:  # also when it is not a number
        raise ExportError(
            f"the exported model differs from its original by {worst:.1e} in a logit, "
            f"{PARITY:.0e} is allowed: nothing was written"
        )
    return worst
