"""Load the networks of a distillation, which predict each augmented face."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mien.errors import ConfigError
from mien.model.recognizer import Recognizer
from mien.training.checkpoint import load_named
from mien.training.model import CnnLstm


class ExportedNetwork(nn.Module):
    """A model in ONNX, of any architecture, run by onnxruntime on the CPU.

    Args:
        path: The `.onnx` file with its contract next to it, or the contract.
        class_names: Order of the logits.

    Raises:
        ModelError: A file is missing or damaged, or the model does not match its contract.
        ConfigError: It has other classes.
    """

    def __init__(self, path: str, class_names: tuple[str, ...]) -> None:
        super().__init__()
        # As many threads as torch has: the student waits for its teacher.
        self.recognizer = Recognizer(path, threads=torch.get_num_threads())
        self._order = _find_order(path, self.recognizer.emotions, class_names)

    def answer(self, faces: Tensor) -> tuple[Tensor]:
        """Map faces (B, 1, 48, 48) in [0, 1] to log-probabilities (B, K)."""
        pixels = (faces[:, 0].clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
        said = self.recognizer.predict_probabilities(pixels)[:, self._order]
        return (torch.from_numpy(np.log(np.maximum(said, 1e-12))).to(faces.device),)


@dataclass(frozen=True)
class Teacher:
    """A network that teaches another one.

    Attributes:
        network: The network, in evaluation mode.
        knows_votes: Whether its first output layer predicts people's votes.
    """

    network: CnnLstm | ExportedNetwork
    knows_votes: bool

    def fingerprint(self) -> Iterator[bytes]:
        """Yield everything that its predictions depend on."""
        if isinstance(self.network, ExportedNetwork):
            yield self.network.recognizer.spec.identity.encode()
        for weight in self.network.state_dict().values():
            yield weight.numpy().tobytes()


def load_teachers(teachers: Sequence[str], class_names: tuple[str, ...]) -> tuple[Teacher, ...]:
    """Load the teachers of a distillation.

    Args:
        teachers: Checkpoints, names of models that ship with mien, or models in ONNX.
        class_names: The student's classes, in order.

    Returns:
        The teachers, their logits in the order of `class_names`.

    Raises:
        ModelError: A file is damaged, or neither a checkpoint nor a model of mien.
        ConfigError: There is no such file, or a teacher has other classes.
    """
    # A recipe may name a network several times, to give it more of the turns.
    loaded = {name: _load(name, class_names) for name in dict.fromkeys(teachers)}
    return tuple(loaded[name] for name in teachers)


def _load(name: str, class_names: tuple[str, ...]) -> Teacher:
    if Path(name).suffix in {".onnx", ".json"}:
        exported = ExportedNetwork(name, class_names)
        return Teacher(exported, knows_votes=exported.recognizer.spec.labels == "votes")

    net, description = load_named("teachers", name)
    order = _find_order(name, description["class_names"], class_names)
    net.requires_grad_(False)
    for layer in (net.classifier, net.label_classifier):
        for parameter in () if layer is None else layer.parameters():
            parameter.copy_(parameter[order])
    return Teacher(net, knows_votes=bool(description["config"].get("votes")))


def _find_order(teacher: str, theirs: Sequence[str], ours: Sequence[str]) -> list[int]:
    """Return a teacher's column for each class: the data may have them in another order."""
    if set(theirs) != set(ours):
        raise ConfigError(
            f"the teacher {teacher} knows {', '.join(theirs)}, but the data has {', '.join(ours)}"
        )
    return [theirs.index(name) for name in ours]
