"""Load a trained model for evaluation, from a checkpoint or an ONNX file."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mien.errors import ModelError
from mien.evaluation.metrics import softmax


class Predictor(Protocol):
    """Interface of a model under evaluation.

    A model may also have the attributes `labels`, one of `mien.model.spec.LABELS`, and
    `certainty_temperature`.
    """

    @property
    def class_names(self) -> tuple[str, ...]:
        """Class names, in the order of the columns."""

    @property
    def temperature(self) -> float | None:
        """Temperature of the softmax; None if none was fitted."""

    @property
    def abstention_threshold(self) -> float | None:
        """Top probability below which the model abstains; None if it never does."""

    def predict_logits(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Map grey faces (N, 48, 48), 0 to 255, to logits (N, C)."""


@dataclass(frozen=True)
class LoadedModel:
    """A `Predictor` read from a file, with its origin.

    Attributes:
        name: Name given at training.
        path: Path of the file, as given by the user.
        format: "checkpoint", "onnx" or "vote".
        sha256: SHA-256 of the file that holds the weights.
        class_names: Class names, in the order of the columns.
        temperature: Temperature in the contract; None for a checkpoint.
        certainty_temperature: Certainty temperature in the contract; None if it has none.
        abstention_threshold: Threshold in the contract; below it the model abstains.
        labels: Which labels the model predicts, one of `mien.model.spec.LABELS`.
        training: Training metadata in the file.
        predict_logits: Maps grey faces (N, 48, 48), 0 to 255, to logits (N, C).
    """

    name: str
    path: str
    format: str
    sha256: str
    class_names: tuple[str, ...]
    temperature: float | None
    abstention_threshold: float | None
    predict_logits: Callable[[NDArray[np.uint8]], NDArray[np.float32]]
    labels: str = "own"
    certainty_temperature: float | None = None
    training: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the model's identity as JSON types."""
        return {
            "name": self.name,
            "path": self.path,
            "format": self.format,
            "sha256": self.sha256,
            "labels": self.labels,
            "temperature": self.temperature,
            "certainty_temperature": self.certainty_temperature,
            "abstention_threshold": self.abstention_threshold,
            "training": dict(self.training),
        }


def load_predictor(model: str) -> LoadedModel:
    """Load a model, choosing the reader by the kind of file.

    Args:
        model: A checkpoint (.safetensors), a run's folder (its best checkpoint is used), an .onnx
            file with its .json contract next to it, such a contract, or the name of a bundled
            model.

    Returns:
        The model, for `evaluate`, with its name and its classes.

    Raises:
        ModelError: The file is missing, damaged or of another kind.
    """
    path = Path(model)
    if path.is_dir():
        path = path / "best.safetensors"
    if path.suffix == ".safetensors":
        return _load_checkpoint(path)
    if path.suffix in {".onnx", ".json"} or not path.exists():
        return _load_onnx(model)
    raise ModelError(
        f"{model} is not a model; expected a .safetensors checkpoint, an .onnx file with its "
        ".json, or the name of a bundled model"
    )


def load_vote(models: Sequence[str]) -> LoadedModel:
    """Load one model, or an ensemble that averages the members' calibrated probabilities.

    Args:
        models: One or more arguments of `load_predictor` with the same classes, in any order.

    Returns:
        The model itself, or the ensemble, whose logits are the logarithms of that mean. An ensemble
        has no temperature yet.

    Raises:
        ModelError: A model cannot be read, or its classes differ from the first one's.
    """
    members = [load_predictor(model) for model in models]
    first = members[0]
    if len(members) == 1:
        return first

    for member in members:
        if set(member.class_names) != set(first.class_names):
            raise ModelError(
                f"{member.path} has the classes {', '.join(member.class_names)}, and {first.path} "
                f"has {', '.join(first.class_names)}: models of an ensemble must have the same "
                "classes"
            )

    return LoadedModel(
        name=" + ".join(member.name for member in members),
        path=" ".join(member.path for member in members),
        format="vote",
        sha256=hashlib.sha256("".join(m.sha256 for m in members).encode()).hexdigest(),
        class_names=first.class_names,
        temperature=None,
        abstention_threshold=None,
        predict_logits=partial(_vote, members),
        labels=first.labels if len({member.labels for member in members}) == 1 else "own",
        training={"members": [member.to_dict() for member in members]},
    )


def _vote(members: Sequence[LoadedModel], faces: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the logarithms of the members' mean probabilities, (N, C)."""
    names = members[0].class_names
    votes = [
        softmax(member.predict_logits(faces), member.temperature or 1.0)[
            :, [member.class_names.index(name) for name in names]
        ]
        for member in members
    ]
    logits: NDArray[np.float32] = np.log(np.mean(votes, axis=0)).astype(np.float32)
    return logits


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _load_checkpoint(path: Path) -> LoadedModel:
    from mien.training.checkpoint import load_model

    net, description = load_model(path)
    return LoadedModel(
        name=description["config"]["name"],
        path=str(path),
        format="checkpoint",
        sha256=file_sha256(path),
        class_names=tuple(description["class_names"]),
        temperature=None,
        abstention_threshold=None,
        predict_logits=net.predict_logits,
        labels="votes" if description["config"].get("votes") else "own",
        training={key: value for key, value in description.items() if key != "class_names"},
    )


def _load_onnx(model: str) -> LoadedModel:
    from mien.model.recognizer import Recognizer

    recognizer = Recognizer(model)
    spec = recognizer.spec
    return LoadedModel(
        name=spec.name,
        path=model,
        format="onnx",
        sha256=spec.onnx_sha256,
        class_names=spec.class_names,
        temperature=spec.temperature,
        abstention_threshold=spec.abstention_threshold,
        predict_logits=recognizer.predict_logits,
        labels=spec.labels,
        certainty_temperature=spec.certainty_temperature,
        training=spec.training,
    )
