"""Compute training targets from labels, people's votes and tables of teachers."""

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
    """Return the targets of each output layer for each face.

    Args:
        config: Its `teachers` and `distillation` determine the share of soft labels.
        split: N faces and their labels.
        class_names: K names, the order of the columns.
        votes: The votes on these faces, if `config.votes` is set.

    Returns:
        (N, L, K) float32. Without votes, L is 1 and rows sum to 1: one-hot labels, mixed with the
        teachers' tables, if any; teacher networks are run during training. With votes, the first
        layer's targets are shares of all votes on a face. They sum to less than 1 if some votes
        are for none of the K words. A second layer's targets, if any, are one-hot labels.

    Raises:
        ConfigError: A teacher has predictions for other faces, or has other classes.
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
    """Return a split's labels as (N, K) float32, one-hot."""
    return np.eye(len(class_names), dtype=np.float32)[split.labels]


def class_weights(split: Split, class_names: tuple[str, ...], power: float) -> NDArray[np.float32]:
    """Return class weights `frequency ** -power`, scaled to a mean of 1 over the faces.

    Args:
        split: Faces and their labels.
        class_names: K names.
        power: 0 gives ones; 1 gives all classes equal weight.

    Returns:
        (K,) float32.
    """
    labels = split.labels[split.labels >= 0]  # -1 is a face without a label
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
            f"the teacher {path} has no prediction for {missing}; write its predictions for this "
            "dataset, with mien evaluate MODEL --split train"
        )
    if set(predictions.class_names) != set(class_names):
        raise ConfigError(
            f"the teacher {path} knows {', '.join(predictions.class_names)}, "
            f"but the data has {', '.join(class_names)}"
        )

    columns = [predictions.class_names.index(name) for name in class_names]
    chosen = [rows[face] for face in split.paths]
    vote: NDArray[np.float64] = predictions.probabilities[chosen][:, columns]
    return vote
