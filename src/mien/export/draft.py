"""A network before its files are written: a translated checkpoint or a reopened model."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from mien.data.datasets import Dataset, title_of
from mien.errors import DataError, ModelError
from mien.export.to_onnx import prove_parity, to_onnx
from mien.model.recognizer import Recognizer, to_batches
from mien.model.spec import ModelSpec
from mien.sessions import open_session
from mien.tables import check_emotions
from mien.training.checkpoint import load_model, pack_weights
from mien.training.model import CnnLstm

LABEL_NAME: Final = "fer2013"
"""The contract of a second output layer, which predicts FER2013's own label."""
_UNHASHED: Final = "0" * 64


@dataclass(frozen=True)
class Draft:
    """A network and its metadata before calibration.

    Attributes:
        onnx: The network as ONNX file bytes.
        contracts: The model's own contract, and one for each further output of the network.
        weights: The checkpoint in half precision, as bytes; None without a checkpoint.
        largest_difference: Between the logits of torch and onnxruntime; None without a checkpoint.
    """

    onnx: bytes
    contracts: tuple[ModelSpec, ...]
    weights: bytes | None = None
    largest_difference: float | None = None


@dataclass(frozen=True)
class Unwritten:
    """A network that is not on disk yet, run by onnxruntime.

    Attributes:
        onnx: ONNX file bytes.
        output_name: Name of the logits to return.
        input_name: Name of the input tensor.
    """

    onnx: bytes
    output_name: str = "logits"
    input_name: str = "faces"

    def predict_logits(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Map grey faces (N, 48, 48) uint8 to logits (N, K)."""
        session = open_session(self.onnx, name="the model")
        outputs = [self.output_name]
        return np.concatenate(
            [session.run(outputs, {self.input_name: batch})[0] for batch in to_batches(faces)]
        )


@dataclass(frozen=True)
class _LabelLayer:
    """A network's second output layer, with the interface of a network."""

    net: CnnLstm

    def predict_logits(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Map grey faces (N, 48, 48) uint8 to logits (N, K) of the dataset's own label."""
        with torch.inference_mode():
            answers = [self.net.answer(torch.from_numpy(batch)) for batch in to_batches(faces)]
        return np.concatenate([logits.numpy() for _, logits in answers])


def translate(checkpoint: Path, dataset: Dataset, name: str | None) -> Draft:
    """Translate a checkpoint to ONNX, and compare both on the validation faces.

    Args:
        checkpoint: `best.safetensors` of a run.
        dataset: The data the model was trained on, with a validation split.
        name: Name of the model; None uses the recipe's.

    Raises:
        DataError: The classes of the data differ from the model's.
        ExportError: onnxruntime does not agree with torch.
        ModelError: The checkpoint cannot be read.
    """
    net, description = load_model(checkpoint)
    class_names = tuple(description["class_names"])
    check_emotions(class_names)
    if dataset.class_names != class_names:
        raise DataError(
            f"the model has the classes {', '.join(class_names)}, but {dataset.source} has "
            f"{', '.join(dataset.class_names)}; export with the data it was trained on"
        )

    faces = dataset.splits["validation"].images
    model = to_onnx(net)
    difference = prove_parity(net, Unwritten(model), faces)
    own_label = "fer2013" if title_of(dataset.splits["validation"]) == "PublicTest" else "own"
    spec = ModelSpec(
        name=name or description["config"]["name"],
        onnx_sha256=_UNHASHED,
        class_names=class_names,
        labels="votes" if description["config"].get("votes") else own_label,
        training={**description, "logit_scaling": None},
    )
    contracts = [spec]
    if net.label_classifier is not None:
        labels = Unwritten(model, "label_logits")
        difference = max(difference, prove_parity(_LabelLayer(net), labels, faces))
        beside = LABEL_NAME if own_label == "fer2013" else f"{spec.name}-label"
        network = f"{spec.name}.onnx"
        contracts.append(
            replace(spec, name=beside, labels=own_label, file=network, output_name="label_logits")
        )
    return Draft(model, tuple(contracts), pack_weights(net, description, halve=True), difference)


def open_exported(model: Path, name: str | None) -> Draft:
    """Open an exported model, with every contract in its folder that names its network.

    Args:
        model: An `.onnx` with its `.json` contract next to it, or that `.json`.
        name: New name of the model; None keeps the current one.

    Raises:
        ModelError: The model or a contract cannot be read.
    """
    own = Recognizer(model)
    if own.spec.file is not None:
        raise ModelError(
            f"{own.contract.name} is a contract for {own.spec.file}; export {own.spec.file} to "
            f"calibrate its contracts together"
        )
    spec = replace(own.spec, name=name or own.spec.name)
    others = []
    for path in sorted(own.path.parent.glob("*.json")):
        if path != own.contract and f'"file": "{own.path.name}"' in path.read_text("utf-8"):
            other = Recognizer(path).spec
            others.append(replace(other, file=f"{spec.name}.onnx"))
    return Draft(own.path.read_bytes(), (spec, *others))
