"""Save and load checkpoints as safetensors files, without pickles."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.checkpoint_io import CheckpointIO
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from mien.errors import ConfigError, ModelError, TrainingError
from mien.files import replacing
from mien.model.recognizer import ASSETS, NETWORKS
from mien.training.config import ModelConfig
from mien.training.model import CnnLstm
from mien.training.recipes import config_from_dict

_WEIGHTS = "state_dict/net."


class SafetensorsIO(CheckpointIO):
    """Lightning's checkpoint plugin: safetensors with a JSON description.

    Tensors are stored by their path in the state (`state_dict/net.trunk.0...`); everything else
    is JSON in the metadata's `state`. Files are written atomically.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Write a checkpoint atomically.

        Raises:
            TrainingError: The disk is full or the folder cannot be written; the file that was there
                before is untouched.
        """
        target = Path(path)
        content = _to_bytes(checkpoint)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with replacing(target) as partial:
                partial.write_bytes(content)
        except OSError as error:
            raise TrainingError(
                f"the checkpoint {target} cannot be written ({error}); the last good one is "
                f"kept: free some space, then start again with --resume"
            ) from error

    def load_checkpoint(
        self,
        path: str | Path,
        map_location: Any | None = None,
        weights_only: bool | None = None,
    ) -> dict[str, Any]:
        """Read a checkpoint.

        Raises:
            ModelError: The file is missing, damaged or not a checkpoint of mien.
        """
        state, tensors = _read(Path(path))
        unpacked: dict[str, Any] = _unpack(state, tensors)
        return unpacked

    def remove_checkpoint(self, path: str | Path) -> None:
        """Remove a checkpoint that a better one replaces."""
        Path(path).unlink(missing_ok=True)


def read_description(path: Path) -> dict[str, Any]:
    """Read the description of a checkpoint, without its weights.

    Args:
        path: A checkpoint.

    Returns:
        `config`, `class_names`, `validation`, `commit` and `versions`, as JSON types; of a resumed
        run also `begun`, the commit and versions it was started with.

    Raises:
        ModelError: The file is missing, damaged or not a checkpoint of mien.
    """
    state = _read_state(path)
    description: dict[str, Any] = _unpack(state.get("mien"), {})
    if not isinstance(description, dict):
        raise ModelError(f"{path} has no description, so it is not a checkpoint of mien")
    return description


def load_model(path: Path) -> tuple[CnnLstm, dict[str, Any]]:
    """Read a trained network.

    Args:
        path: A checkpoint, `best.safetensors` of a run.

    Returns:
        The network, in evaluation mode, and the checkpoint's description.

    Raises:
        ModelError: The file is missing, damaged or not a checkpoint of mien.
    """
    description = read_description(path)
    _, tensors = _read(path)
    config = config_from_dict(description["config"])
    classes = len(description["class_names"])
    net = CnnLstm(config.model, classes, label_layer=config.has_label_layer)

    weights = {
        name.removeprefix(_WEIGHTS): tensor
        for name, tensor in tensors.items()
        if name.startswith(_WEIGHTS)
    }

    try:
        net.load_state_dict(weights)
    except RuntimeError as error:
        raise ModelError(f"the weights in {path} do not match its config: {error}") from error
    return net.eval(), description


def pack_weights(net: CnnLstm, description: Mapping[str, Any], *, halve: bool = False) -> bytes:
    """Serialize a network without the training state, which is two thirds of a checkpoint.

    Args:
        net: The network.
        description: The description from `load_model`.
        halve: Store the weights in half precision, which changes logits by a few thousandths.

    Returns:
        The contents of a file that `load_model` can read.
    """
    state = {
        f"net.{name}": _halve(tensor) if halve else tensor
        for name, tensor in net.state_dict().items()
    }
    return _to_bytes({"state_dict": state, "mien": description})


def _halve(tensor: Tensor) -> Tensor:
    """Convert a tensor to half precision if its values fit, otherwise return it unchanged."""
    half = tensor.half() if tensor.is_floating_point() else tensor
    return half if bool(torch.isfinite(half).all()) else tensor


def begin_with(net: CnnLstm, start: str, config: ModelConfig, class_names: tuple[str, ...]) -> None:
    """Load the weights of a trained network; for other classes, all but the last layer's.

    Args:
        net: The network, which is modified.
        start: A checkpoint of a network with the same config, or the name of a model that ships
            with mien.
        config: The network's.
        class_names: The network's classes, in order.

    Raises:
        ModelError: The file is damaged or not a checkpoint of mien.
        ConfigError: There is no such file, or its network differs.
    """
    trained, description = _load_named("start", start)
    theirs = config_from_dict(description["config"]).model
    for field in dataclasses.fields(config):
        ours, other = getattr(config, field.name), getattr(theirs, field.name)
        if ours != other and not field.name.endswith("dropout"):
            raise ConfigError(
                f"start: {start} has model.{field.name} = {other}, but this recipe has {ours}: "
                f"use the same network for both"
            )

    # For other classes, the last layer is not copied: it depends on the classes.
    weights = trained.state_dict()
    last = dict(trained.classifier.state_dict())
    if tuple(description["class_names"]) != class_names:
        last = dict(net.classifier.state_dict())
    own = {name: value for name, value in weights.items() if "classifier." not in name}
    own |= {f"classifier.{name}": value for name, value in last.items()}

    if net.label_classifier is not None:
        second = trained.label_classifier
        if second is not None and tuple(description["class_names"]) == class_names:
            last = dict(second.state_dict())
        own |= {f"label_classifier.{name}": value for name, value in last.items()}
    net.load_state_dict(own)


@dataclasses.dataclass(frozen=True)
class Teacher:
    """A network that teaches another one.

    Attributes:
        network: The network, in evaluation mode.
        knows_votes: Whether its first output layer predicts people's votes.
    """

    network: CnnLstm
    knows_votes: bool


def load_teachers(teachers: Sequence[str], class_names: tuple[str, ...]) -> tuple[Teacher, ...]:
    """Load the teachers of a distillation.

    Args:
        teachers: Checkpoints, or names of models that ship with mien.
        class_names: The student's classes, in order.

    Returns:
        The teachers, their logits in the order of `class_names`.

    Raises:
        ModelError: A file is damaged or not a checkpoint of mien.
        ConfigError: There is no such file, or a teacher has other classes.
    """
    loaded = []
    for teacher in teachers:
        net, description = _load_named("teachers", teacher)
        theirs = description["class_names"]
        if set(theirs) != set(class_names):
            raise ConfigError(
                f"the teacher {teacher} knows {', '.join(theirs)}, but the data has "
                f"{', '.join(class_names)}"
            )

        # Columns are found by name: the data may have the classes in another order.
        order = [theirs.index(name) for name in class_names]
        net.requires_grad_(False)
        for layer in (net.classifier, net.label_classifier):
            for parameter in () if layer is None else layer.parameters():
                parameter.copy_(parameter[order])
        loaded.append(Teacher(net, knows_votes=bool(description["config"].get("votes"))))
    return tuple(loaded)


def _load_named(setting: str, name: str) -> tuple[CnnLstm, dict[str, Any]]:
    """Read a checkpoint, or the weights of a model that ships with mien."""
    path = ASSETS / f"{name}.safetensors" if name in NETWORKS else Path(name)
    if not path.is_file():
        is_of_study = path.parts[:1] == ("benchmarks",)
        also = "; in a clone, `make study-files` brings the study's networks" if is_of_study else ""
        raise ConfigError(
            f"{setting}: there is no checkpoint {path}; expected {' or '.join(NETWORKS)}, which "
            f"come with mien, or the best.safetensors of a run{also}"
        )
    return load_model(path)


def _to_bytes(checkpoint: Mapping[str, Any]) -> bytes:
    tensors: dict[str, Tensor] = {}
    state = json.dumps(_pack(checkpoint, "", tensors))
    return save(tensors, metadata={"format": "pt", "state": state})


def _read_state(path: Path) -> dict[str, Any]:
    try:
        with safe_open(path, framework="pt") as file:
            state: dict[str, Any] = json.loads((file.metadata() or {})["state"])
    except FileNotFoundError as error:
        raise ModelError(f"there is no checkpoint {path}") from error
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise ModelError(f"{path} is damaged or not a checkpoint of mien: {error}") from error
    return state


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    state = _read_state(path)
    with safe_open(path, framework="pt") as file:
        return state, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def _pack(value: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    """Convert a nested state to JSON types, and collect its tensors."""
    if isinstance(value, Tensor):
        tensors[path] = value.detach().cpu().clone(memory_format=torch.contiguous_format)
        return {"$tensor": path}

    if isinstance(value, Mapping):
        if all(isinstance(key, str) and not key.startswith("$") for key in value):
            return {
                key: _pack(item, f"{path}/{key}".lstrip("/"), tensors)
                for key, item in value.items()
            }
        items = [[key, _pack(item, f"{path}/{key}", tensors)] for key, item in value.items()]
        return {"$items": items}

    if isinstance(value, list | tuple):
        packed = [_pack(item, f"{path}/{index}", tensors) for index, item in enumerate(value)]
        return packed if isinstance(value, list) else {"$tuple": packed}
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TrainingError(f"{path} is a {type(value).__name__}, which a checkpoint cannot contain")


def _unpack(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    """Undo `_pack`."""
    if isinstance(value, list):
        return [_unpack(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    if "$tensor" in value:
        return tensors[value["$tensor"]]
    if "$items" in value:
        return {key: _unpack(item, tensors) for key, item in value["$items"]}
    if "$tuple" in value:
        return tuple(_unpack(item, tensors) for item in value["$tuple"])
    return {key: _unpack(item, tensors) for key, item in value.items()}
