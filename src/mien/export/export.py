"""Turn a checkpoint into a model's files, parity proved, or into nothing.

It also calibrates a model again that was exported before, on other faces or by a newer mien, and
puts convolutions into 8-bit integers.
"""

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from mien.data.datasets import Dataset, Split, translate_labels
from mien.errors import DataError, OutputError
from mien.export.calibration import Calibrated, calibrate
from mien.export.lstm_tensors import SEQUENCE_OUTPUTS, expose_sequence, find_sequence
from mien.export.quantization import RANGE_FACES, check_loss, quantize
from mien.export.to_onnx import check_difference, prove_parity, scale_logits, scale_onnx, to_onnx
from mien.export.vector_scaling import Scaling, find_scaling
from mien.files import write_whole
from mien.model.recognizer import CHUNK, Recognizer, to_input
from mien.model.sessions import open_session
from mien.model.spec import ModelSpec
from mien.training.checkpoint import load_model, pack_weights

_Proof = TypeVar("_Proof")

WEIGHTS = ".safetensors"
"""How the file of weights ends."""


@dataclass(frozen=True)
class ExportResult:
    """What an export wrote.

    Attributes:
        onnx: The network, `NAME.onnx`.
        contract: What it takes and gives, `NAME.json`.
        weights: The network as it was trained, `NAME.safetensors`, in half precision, to train
            further with; None where there was no checkpoint.
        largest_difference: Between torch and onnxruntime, over all faces compared, in logits; None
            where there was no checkpoint to compare with.
        calibrated: What was fitted on the validation split.
        scaling: What was put into the network's last layer for it; None if nothing was.
        int8_loss: The validation accuracy that 8-bit integers cost, 0 to 1, below 0 if they gained;
            None where the model stayed in floats.
    """

    onnx: Path
    contract: Path
    weights: Path | None
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
        The files, and what was measured.

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
            beside = result.onnx.with_suffix(WEIGHTS)
            write_whole(beside, whole.onnx.with_suffix(WEIGHTS).read_bytes())
        return replace(
            result,
            weights=beside,
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
    weights = pack_weights(net, description, halve=True)
    logits = net.predict_logits(validation.images)
    scaling = find_scaling(logits, validation.labels)
    if scaling is not None:
        scale_logits(net, scaling)
        logits = net.predict_logits(validation.images)
    calibrated = calibrate(logits, validation, class_names, coverage=coverage, accuracy=accuracy)
    model = to_onnx(net)
    sequence = find_sequence(model, validation.images)
    if sequence is not None:
        model = expose_sequence(model, sequence)
    spec = ModelSpec(
        name=name or description["config"]["name"],
        onnx_sha256=hashlib.sha256(model).hexdigest(),
        class_names=class_names,
        temperature=calibrated.temperature,
        abstention_threshold=calibrated.abstention_threshold,
        abstention_curve=calibrated.abstention_curve,
        sequence=None if sequence is None else SEQUENCE_OUTPUTS,
        metrics={"validation": calibrated.metrics},
        training={**description, "logit_scaling": None if scaling is None else scaling.to_dict()},
    )

    def prove(recognizer: Recognizer) -> float:
        return prove_parity(net, recognizer, validation.images)

    path, difference = _write(spec, model, output, prove, weights)
    files = path, path.with_suffix(".json"), path.with_suffix(WEIGHTS)
    return ExportResult(*files, difference, calibrated, scaling)


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
    if sequence is not None:
        content = expose_sequence(content, sequence)
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
        sequence=None if sequence is None else SEQUENCE_OUTPUTS,
        metrics={**spec.metrics, "validation": calibrated.metrics},
        training={**training, "logit_scaling": _scaling_of(spec, scaling)},
    )

    def prove(scaled: Recognizer) -> None:
        check_difference(scaled.predict_logits(validation.images) - logits)

    path, _ = _write(spec, content, output, prove)
    return ExportResult(path, path.with_suffix(".json"), None, None, calibrated, scaling, loss)


def _run(model: bytes, spec: ModelSpec, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Give the logits (N, C) of a model that is no file yet, of faces (N, 48, 48)."""
    session = open_session(model, name=spec.name)
    starts = range(0, len(faces), CHUNK)
    batches = (to_input(faces[start : start + CHUNK]) for start in starts)
    return np.concatenate(
        [session.run([spec.output_name], {spec.input_name: batch})[0] for batch in batches]
    )


def _scaling_of(spec: ModelSpec, scaling: Scaling | None) -> object:
    """Say what was put into the last layer, and `after` what an earlier export had put there."""
    earlier = spec.training.get("logit_scaling")
    if scaling is None:
        return earlier
    return scaling.to_dict() | ({"after": earlier} if earlier else {})


def _validation_of(dataset: Dataset) -> Split:
    validation = dataset.splits.get("validation")
    if validation is None:
        raise DataError(f"{dataset.source} has no validation split to fit the temperature on")
    return validation


def _write(
    spec: ModelSpec,
    model: bytes,
    output: Path,
    prove: Callable[[Recognizer], _Proof],
    weights: bytes | None = None,
) -> tuple[Path, _Proof]:
    """Write a model's files, once onnxruntime has opened them and the proof has held."""
    path = output / f"{spec.name}.onnx"
    try:
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=output, prefix=".export-") as folder:
            unproved = Path(folder) / path.name
            unproved.write_bytes(model)
            spec.write(unproved.with_suffix(".json"))
            proof = prove(Recognizer(unproved))
            if weights is not None:
                write_whole(path.with_suffix(WEIGHTS), weights)
            unproved.replace(path)
            unproved.with_suffix(".json").replace(path.with_suffix(".json"))
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written ({error.strerror}); make room or choose another --output"
        ) from error
    return path, proof
