"""Export a checkpoint to model files, or calibrate an exported model again.

Both take the same steps: translate or open, quantize, halve, scale, calibrate, verify, write.
"""

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.data.datasets import Dataset, Floats, Split, translate_labels
from mien.data.votes import NO_WORD, Votes
from mien.errors import DataError, OutputError, describe_error
from mien.evaluation.metrics import to_targets
from mien.export.calibration import Calibrated, calibrate
from mien.export.draft import Draft, Unwritten, open_exported, translate
from mien.export.half_precision import check_half, halve_weights, widen_weights
from mien.export.lstm_tensors import (
    LABEL_SEQUENCE_OUTPUTS,
    SEQUENCE_OUTPUTS,
    expose_sequence,
    find_sequence,
)
from mien.export.quantization import RANGE_FACES, check_loss, quantize
from mien.export.to_onnx import check_difference, find_last_layer, scale_onnx
from mien.export.vector_scaling import Scaling, find_scaling
from mien.files import write_whole
from mien.model.abstention import check_wish
from mien.model.recognizer import Recognizer
from mien.model.spec import ModelSpec

WEIGHTS = ".safetensors"
"""File extension of the weights."""


@dataclass(frozen=True)
class Answering:
    """Calibration of one output of a network.

    Attributes:
        contract: Path of its contract.
        spec: Content of the contract.
        calibrated: What was fitted on the validation split.
        scaling: Scaling merged into the network's last layer; None if there is none.
    """

    contract: Path
    spec: ModelSpec
    calibrated: Calibrated
    scaling: Scaling | None


@dataclass(frozen=True)
class ExportResult:
    """Files and measurements of an export.

    Attributes:
        onnx: The network, `NAME.onnx`.
        answers: The model's contract, `NAME.json`, and those of further outputs.
        weights: The trained weights, `NAME.safetensors`, in half precision, as a start for further
            training; None without a checkpoint.
        largest_difference: Between the logits of torch and onnxruntime, over all compared faces;
            None without a checkpoint.
        int8_loss: Loss of validation accuracy by int8, 0 to 1, negative for a gain; None if nothing
            was quantized.
        half_difference: Largest change of a logit by half precision, over the validation faces;
            None if half precision was not requested.
    """

    onnx: Path
    answers: tuple[Answering, ...]
    weights: Path | None
    largest_difference: float | None
    int8_loss: float | None = None
    half_difference: float | None = None

    @property
    def contract(self) -> Path:
        """Return the path of the model's own contract."""
        return self.answers[0].contract

    @property
    def calibrated(self) -> Calibrated:
        """Return the calibration of the model's own contract."""
        return self.answers[0].calibrated

    @property
    def scaling(self) -> Scaling | None:
        """Return the scaling merged into the layer that the model's own contract names."""
        return self.answers[0].scaling


@dataclass(frozen=True)
class _Truth:
    """The correct answers for the held-out faces.

    Attributes:
        faces: The faces with an answer; their labels are indices into the contract's classes.
        shares: (N, C) annotators' vote shares; None where there are only labels.
    """

    faces: Split
    shares: Floats | None

    @property
    def targets(self) -> Any:  # noqa: ANN401 - either kind of array
        """Return the targets of the likelihood: the shares if there are any, else the labels."""
        return self.faces.labels if self.shares is None else self.shares


@dataclass(frozen=True)
class _Calibration:
    """One output of a network, calibrated.

    Attributes:
        answering: The part reported in the export's result.
        faces: The held-out faces used for calibration.
        logits: (N, C), the expected output for these faces once written.
    """

    answering: Answering
    faces: Split
    logits: NDArray[np.float32]


def export(
    source: Path,
    dataset: Dataset,
    output: Path,
    *,
    votes: Votes | None = None,
    name: str | None = None,
    coverage: float | None = None,
    accuracy: float | None = None,
    int8: bool = False,
    half: bool = False,
) -> ExportResult:
    """Export a checkpoint to model files, or calibrate an exported model again.

    The temperature (Guo et al. 2017, arXiv 1706.04599), a scale and a bias per class where they
    clearly help (see `vector_scaling`), and the abstention threshold are chosen on the validation
    split alone. A contract that predicts people's votes is calibrated on vote shares, any other on
    the labels.

    Args:
        source: `best.safetensors` of a run, or an `.onnx` with its `.json` contract next to it.
        dataset: For a checkpoint, the data it was trained on. For an `.onnx`, faces similar to
            those it will be used on, with classes it knows.
        output: Output folder; may be the folder of the exported model.
        votes: Votes on the validation faces, for a model that predicts votes.
        name: Name of the model; by default the recipe's or the current one.
        coverage: Required fraction of validation faces with an answer, above 0 to 1; the model
            abstains on the least confident ones. None never abstains.
        accuracy: Required accuracy of the answers, instead of a coverage.
        int8: Quantize the convolutions to int8 (see `quantization`). Activation ranges are measured
            on the train split if there is one, otherwise on validation.
        half: Store the weights in half precision (see `half_precision`).

    Returns:
        The files, and the measurements.

    Raises:
        DataError: There is no validation split, its classes differ from the model's, or votes are
            missing for a model that predicts votes.
        ExportError: onnxruntime disagrees with torch, or int8 or half precision changes too many
            answers; nothing is written.
        ModelError: The source cannot be read, lacks a class, or is already quantized to int8.
        OutputError: The files cannot be written; existing files are kept.
    """
    check_wish(coverage=coverage, accuracy=accuracy)
    if "validation" not in dataset.splits:
        raise DataError(f"{dataset.source} has no validation split to fit the temperature on")
    is_exported = source.suffix in {".onnx", ".json"}
    draft = open_exported(source, name) if is_exported else translate(source, dataset, name)
    truths = [_find_truth(spec, dataset, votes) for spec in draft.contracts]

    loss = difference = None
    if int8:
        draft, loss = _quantize(draft, dataset, truths[0])
    if half:
        draft, difference = _halve(draft, dataset.splits["validation"].images)
    content, calibrations = draft.onnx, []
    for spec, truth in zip(draft.contracts, truths, strict=True):
        content, calibration = _calibrate(spec, content, truth, coverage, accuracy)
        calibrations.append(calibration)
    content, calibrations = _show_sequences(content, calibrations)

    path, answers = _write(output, content, calibrations, draft.weights)
    weights = None if draft.weights is None else path.with_suffix(WEIGHTS)
    return ExportResult(path, answers, weights, draft.largest_difference, loss, difference)


def _find_truth(spec: ModelSpec, dataset: Dataset, votes: Votes | None) -> _Truth:
    """Return the correct answers of a contract's output for the validation faces."""
    validation = dataset.splits["validation"]
    labels = translate_labels(validation.labels, dataset.class_names, spec.class_names)
    if spec.labels != "votes":
        return _Truth(replace(validation, labels=labels), None)

    if votes is None:
        raise DataError(
            f"the model {spec.name} predicts people's votes; pass the votes on the validation "
            f"faces with --votes votes.csv"
        )
    if votes.class_names != spec.class_names:
        raise DataError(
            f"the votes are for {', '.join(votes.class_names)}, but the model has the classes "
            f"{', '.join(spec.class_names)}; read the votes in that order"
        )

    # Faces without a plurality for one of the seven words have no correct answer.
    own = votes.of(validation.paths)
    chosen = np.flatnonzero(own.plurality() != NO_WORD)
    if not len(chosen):
        raise DataError("the votes match no face of the validation split; compare their paths")
    faces = replace(validation, labels=own.plurality()).take(chosen)
    return _Truth(faces, own.shares()[chosen])


def _quantize(draft: Draft, dataset: Dataset, truth: _Truth) -> tuple[Draft, float]:
    """Quantize a draft's convolutions; also return the loss of accuracy."""
    ranges = dataset.splits.get("train", dataset.splits["validation"]).images
    content = quantize(widen_weights(draft.onnx), ranges)

    spec, faces = draft.contracts[0], truth.faces
    before, after = (
        Unwritten(model, spec.output_name, spec.input_name).predict_logits(faces.images)
        for model in (draft.onnx, content)
    )
    loss = check_loss(before, after, faces.labels)

    told = {"int8": {"range_faces": min(len(ranges), RANGE_FACES), "accuracy_lost": loss}}
    return _record(replace(draft, onnx=content), told), loss


def _halve(draft: Draft, faces: NDArray[np.uint8]) -> tuple[Draft, float]:
    """Store a draft's weights in half precision; also return the largest change of a logit."""
    content = halve_weights(draft.onnx)
    differences = []
    for spec in draft.contracts:
        before, after = (
            Unwritten(model, spec.output_name, spec.input_name).predict_logits(faces)
            for model in (draft.onnx, content)
        )
        differences.append(check_half(before, after))

    told = {"half": {"faces": len(faces), "largest_difference": max(differences)}}
    return _record(replace(draft, onnx=content), told), max(differences)


def _record(draft: Draft, told: Mapping[str, object]) -> Draft:
    """Add metadata about a network to all its contracts."""
    contracts = (
        replace(contract, training={**contract.training, **told}) for contract in draft.contracts
    )
    return replace(draft, contracts=tuple(contracts))


def _calibrate(
    spec: ModelSpec, content: bytes, truth: _Truth, coverage: float | None, accuracy: float | None
) -> tuple[bytes, _Calibration]:
    """Calibrate one output of a network, and scale its last layer where that helps."""
    faces = truth.faces
    logits = Unwritten(content, spec.output_name, spec.input_name).predict_logits(faces.images)
    layer = find_last_layer(content, spec.output_name)
    scaling = None if layer is None else find_scaling(logits, truth.targets)
    if layer is not None and scaling is not None:
        content = scale_onnx(content, layer, scaling)
        logits = (logits * scaling.scale + scaling.bias).astype(np.float32)

    calibrated = calibrate(
        logits, faces, spec.class_names, shares=truth.shares, coverage=coverage, accuracy=accuracy
    )
    # Add one face per class, so that no class gets a share of 0.
    counts = to_targets(truth.targets, len(spec.class_names)).sum(axis=0) + 1
    spec = replace(
        spec,
        class_shares=tuple((counts / counts.sum()).round(6).tolist()),
        temperature=calibrated.temperature,
        certainty_temperature=calibrated.certainty_temperature,
        abstention_threshold=calibrated.abstention_threshold,
        abstention_curve=calibrated.abstention_curve,
        metrics={**spec.metrics, "validation": calibrated.metrics},
        training={**spec.training, "logit_scaling": _record_scaling(spec, scaling)},
    )
    answering = Answering(Path(f"{spec.name}.json"), spec, calibrated, scaling)
    return content, _Calibration(answering, faces, logits)


def _record_scaling(spec: ModelSpec, scaling: Scaling | None) -> object:
    """Return the merged scaling, with an earlier export's under `after`."""
    earlier = spec.training.get("logit_scaling")
    if scaling is None:
        return earlier
    return scaling.to_dict() | ({"after": earlier} if earlier else {})


def _show_sequences(
    content: bytes, calibrations: Sequence[_Calibration]
) -> tuple[bytes, list[_Calibration]]:
    """Expose the LSTM's tensors as outputs of the network, if its structure allows it."""
    shown = []
    for number, calibration in enumerate(calibrations):
        spec = calibration.answering.spec
        names = LABEL_SEQUENCE_OUTPUTS if number else SEQUENCE_OUTPUTS
        sequence = find_sequence(content, calibration.faces.images, output=spec.output_name)
        if sequence is not None:
            content = expose_sequence(content, sequence, names)
        spec = replace(spec, sequence=None if sequence is None else names)
        answering = replace(calibration.answering, spec=spec)
        shown.append(replace(calibration, answering=answering))
    return content, shown


def _write(
    output: Path, content: bytes, calibrations: Sequence[_Calibration], weights: bytes | None
) -> tuple[Path, tuple[Answering, ...]]:
    """Write a model's files after checking that onnxruntime reproduces the expected answers."""
    path = output / f"{calibrations[0].answering.spec.name}.onnx"
    sha256 = hashlib.sha256(content).hexdigest()
    written = []
    try:
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=output, prefix=".export-") as folder:
            unproved = Path(folder) / path.name
            unproved.write_bytes(content)
            for calibration in calibrations:
                answering = calibration.answering
                spec = replace(answering.spec, onnx_sha256=sha256)
                contract = unproved.with_name(answering.contract.name)
                spec.write(contract)
                found = Recognizer(contract).predict_logits(calibration.faces.images)
                check_difference(found - calibration.logits)
                final = output / contract.name
                written.append((contract, replace(answering, contract=final, spec=spec)))

            # All files are complete: existing files are replaced only now.
            if weights is not None:
                write_whole(path.with_suffix(WEIGHTS), weights)
            unproved.replace(path)
            for contract, answering in written:
                contract.replace(answering.contract)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written ({describe_error(error)}); "
            "free some space or choose another --output"
        ) from error
    return path, tuple(answering for _, answering in written)
