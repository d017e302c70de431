"""The answers that a network is trained towards: labels, people's votes, tables of teachers."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.data.datasets import Split
from mien.data.predictions import read_predictions
from mien.data.votes import Votes
from mien.errors import ConfigError, DataError
from mien.training.config import TrainConfig


def make_targets(
    config: TrainConfig, split: Split, class_names: tuple[str, ...], votes: Votes | None = None
) -> NDArray[np.float32]:
    """Return what each last layer of the network should answer to each face.

    Args:
        config: Its `teachers` and `distillation` decide how much a target owes to the vote.
        split: N faces and their labels.
        class_names: K names, the order of the columns.
        votes: Of these faces, where `config.votes` is given.

    Returns:
        (N, L, K) float32. Without votes L is 1, and rows sum to 1: one-hot labels, mixed with the
        teachers' tables if there are any; networks are asked in training. With votes, the first
        layer's are shares of all votes of a face, whose sum is below 1 where some went to none of
        the K words and 0 where all did; a second layer's, if there is one, are one-hot labels.

    Raises:
        ConfigError: A teacher saw other faces, or knows other classes.
    """
    targets = one_hot(split, class_names)
    if votes is not None:
        shares = votes.shares_of_all().astype(np.float32)
        layers = (shares, targets) if config.has_label_layer else (shares,)
        return np.stack(layers, axis=1)
    if not config.teachers or config.asks_networks:
        return targets[:, np.newaxis]
    tables = [_read_vote(Path(path), split, class_names) for path in config.teachers]
    taught = np.mean(tables, axis=0)
    share = config.distillation
    mixed: NDArray[np.float32] = ((1 - share) * targets + share * taught).astype(np.float32)
    return mixed[:, np.newaxis]


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
    labels = split.labels[split.labels >= 0]  # -1 is a face without an answer
    counts = np.maximum(np.bincount(labels, minlength=len(class_names)), 1)
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
