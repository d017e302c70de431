"""A model on its way to its files: a checkpoint that was translated, or a model opened again."""

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
"""The contract of a second last layer, which answers with FER2013's own label."""
_UNHASHED: Final = "0" * 64


@dataclass(frozen=True)
class Draft:
    """A network and what is known of it, before it is calibrated.

    Attributes:
        onnx: The network as an ONNX file's bytes.
        contracts: The model's own, and, where the network has more outputs, one for each of them.
        weights: The checkpoint's bytes in half precision; None where there was no checkpoint.
        largest_difference: Between torch's and onnxruntime's logits; None without a checkpoint.
    """

    onnx: bytes
    contracts: tuple[ModelSpec, ...]
    weights: bytes | None = None
    largest_difference: float | None = None


@dataclass(frozen=True)
class Unwritten:
    """A network that is no file yet, run by onnxruntime.

    Attributes:
        onnx: An ONNX file's bytes.
        output_name: The logits to return.
        input_name: The faces.
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
    """The second last layer of a network, as a network."""

    net: CnnLstm

    def predict_logits(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Map grey faces (N, 48, 48) uint8 to logits (N, K) of the data's own label."""
        with torch.inference_mode():
            answers = [self.net.answer(torch.from_numpy(batch)) for batch in to_batches(faces)]
        return np.concatenate([logits.numpy() for _, logits in answers])


def translate(checkpoint: Path, dataset: Dataset, name: str | None) -> Draft:
    """Translate a checkpoint, and prove the translation on the validation faces.

    Args:
        checkpoint: `best.safetensors` of a run.
        dataset: The data it was trained on, with a validation split.
        name: The model's name; None takes the recipe's.

    Raises:
        DataError: The data's classes are not the model's.
        ExportError: onnxruntime does not agree with torch.
        ModelError: The checkpoint cannot be read.
    """
    net, description = load_model(checkpoint)
    class_names = tuple(description["class_names"])
    check_emotions(class_names)
    if dataset.class_names != class_names:
        raise DataError(
            f"the model knows {', '.join(class_names)}, but {dataset.source} has "
            f"{', '.join(dataset.class_names)}: export with the data it was trained on"
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
    """Open a model that was exported before, with every contract beside it that names its network.

    Args:
        model: An `.onnx` with its `.json` beside it, or that `.json`.
        name: The model's name from now on; None keeps the one it has.

    Raises:
        ModelError: The model or a contract cannot be read.
    """
    own = Recognizer(model)
    if own.spec.file is not None:
        raise ModelError(
            f"{own.contract.name} is a contract for {own.spec.file}: export {own.spec.file}, and "
            f"its contracts are calibrated together"
        )
    spec = replace(own.spec, name=name or own.spec.name)
    others = []
    for path in sorted(own.path.parent.glob("*.json")):
        if path != own.contract and f'"file": "{own.path.name}"' in path.read_text("utf-8"):
            other = Recognizer(path).spec
            others.append(replace(other, file=f"{spec.name}.onnx"))
    return Draft(own.path.read_bytes(), (spec, *others))
