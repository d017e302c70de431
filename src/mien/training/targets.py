"""Turn labels, and what teachers say of the same faces, into targets to learn."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.data.datasets import Split
from mien.data.predictions import read_predictions
from mien.errors import ConfigError, DataError
from mien.training.config import TrainConfig


def make_targets(
    config: TrainConfig, split: Split, class_names: tuple[str, ...]
) -> NDArray[np.float32]:
    """Say what each face of the train split should be answered with.

    Args:
        config: Its `teachers` and `distillation` decide how much a target owes to the vote.
        split: N faces and their labels.
        class_names: K names, the order of the columns.

    Returns:
        (N, K) float32; rows sum to 1. Without teachers, or where they are networks, which are asked
        in training, one-hot labels.

    Raises:
        ConfigError: A teacher saw other faces, or knows other classes.
    """
    targets = one_hot(split, class_names)
    if not config.teachers or config.asks_networks:
        return targets
    votes = [_read_vote(Path(path), split, class_names) for path in config.teachers]
    vote = np.mean(votes, axis=0)
    share = config.distillation
    mixed: NDArray[np.float32] = ((1 - share) * targets + share * vote).astype(np.float32)
    return mixed


def one_hot(split: Split, class_names: tuple[str, ...]) -> NDArray[np.float32]:
    """Give a split's labels as (N, K) float32, a single 1 in each row."""
    return np.eye(len(class_names), dtype=np.float32)[split.labels]


def class_weights(split: Split, class_names: tuple[str, ...], power: float) -> NDArray[np.float32]:
    """Give each class the weight `frequency ** -power`, scaled so that the mean face weighs 1.

    Args:
        split: Faces and their labels.
        class_names: K names.
        power: 0 gives ones; 1 makes all classes count alike.

    Returns:
        (K,) float32.
    """
    counts = np.maximum(np.bincount(split.labels, minlength=len(class_names)), 1)
    weights = counts.astype(np.float64) ** -power
    scaled: NDArray[np.float32] = (weights * counts.sum() / (weights * counts).sum()).astype(
        np.float32
    )
    return scaled


def _read_vote(path: Path, split: Split, class_names: tuple[str, ...]) -> NDArray[np.float64]:
    """Read one teacher's probabilities, (N, K), in the order of the split's faces."""
    try:
        predictions = read_predictions(path)
    except DataError as error:
        raise ConfigError(f"the teacher {error}") from error
    rows = {face: row for row, face in enumerate(predictions.paths)}
    missing = next((face for face in split.paths if face not in rows), None)
    if missing is not None:
        raise ConfigError(
            f"the teacher {path} did not see {missing}: write its predictions for this very data, "
            f"with mien evaluate MODEL --split train"
        )
    if set(predictions.class_names) != set(class_names):
        raise ConfigError(
            f"the teacher {path} knows {', '.join(predictions.class_names)}, "
            f"and the data has {', '.join(class_names)}"
        )
    columns = [predictions.class_names.index(name) for name in class_names]
    chosen = [rows[face] for face in split.paths]
    vote: NDArray[np.float64] = predictions.probabilities[chosen][:, columns]
    return vote
