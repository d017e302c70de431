"""Load a trained model, from a checkpoint or an ONNX file, to be evaluated."""

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
    """The interface of a model in an evaluation.

    A model may also have `labels`, one of `mien.model.spec.LABELS`: whose label it answers with;
    and `certainty_temperature`, by which its certainty is computed.
    """

    @property
    def class_names(self) -> tuple[str, ...]:
        """The order of the columns."""

    @property
    def temperature(self) -> float | None:
        """The temperature of the softmax; None if it was never fitted."""

    @property
    def abstention_threshold(self) -> float | None:
        """Under this top probability the model gives no answer; None if it always does."""

    def predict_logits(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Map grey faces (N, 48, 48), 0 to 255, to logits (N, C)."""


@dataclass(frozen=True)
class LoadedModel:
    """A model file that was read: a `Predictor` that also says where it comes from.

    Attributes:
        name: The name it was trained under.
        path: The file, as the user named it.
        format: "checkpoint", "onnx" or "vote".
        sha256: Of the file that holds the weights.
        class_names: The order of the columns.
        temperature: Of its contract; a checkpoint has none.
        certainty_temperature: Of its contract, for the certainty; None if it has none.
        abstention_threshold: Of its contract; under this top probability it gives no emotion.
        labels: Whose label it answers with, one of `mien.model.spec.LABELS`.
        training: What the file says of its own training.
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
        """Return what identifies the model, as JSON types."""
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
    """Read a model by the kind of its file.

    Args:
        model: A checkpoint (.safetensors), a run's folder (its best checkpoint is taken), an .onnx
            with its .json beside it, or the name of a model that mien carries.

    Raises:
        ModelError: It is missing, damaged, or none of these.
    """
    path = Path(model)
    if path.is_dir():
        path = path / "best.safetensors"
    if path.suffix == ".safetensors":
        return _load_checkpoint(path)
    if path.suffix == ".onnx" or not path.exists():
        return _load_onnx(model)
    raise ModelError(
        f"{model} is no model; give a .safetensors checkpoint, an .onnx with its .json, "
        "or the name of a model that mien carries"
    )


def load_vote(models: Sequence[str]) -> LoadedModel:
    """Read one model, or several that vote softly: the mean of their calibrated probabilities.

    Args:
        models: What `load_predictor` takes, one or more of the same classes, in any order.

    Returns:
        The model itself, or the vote, whose logits are the logarithms of that mean. A vote has no
        temperature yet.

    Raises:
        ModelError: A model cannot be read, or knows other classes than the first.
    """
    members = [load_predictor(model) for model in models]
    first = members[0]
    if len(members) == 1:
        return first

    for member in members:
        if set(member.class_names) != set(first.class_names):
            raise ModelError(
                f"{member.path} knows {', '.join(member.class_names)}, and {first.path} knows "
                f"{', '.join(first.class_names)}: models that vote must know the same classes"
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
    """Return the SHA-256 of a file's content, in hexadecimal."""
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
