"""Lightning callbacks of a training: weight averaging, checkpoints, early stopping."""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint, WeightAveraging
from torch import Tensor

from mien.training.config import TrainConfig
from mien.training.history import EpochBar, History


def make_callbacks(
    config: TrainConfig, history: History, best: Path, last: Path
) -> list[pl.Callback]:
    """Create the callbacks of a training, in the order in which they are called.

    Args:
        config: Its `average_decay`, `early_stopping` and `best_by` decide what is among it.
        history: The run's, which comes first: the checkpoints ask it which epoch is the best.
        best: Where the best epoch's checkpoint goes.
        last: Where the last one's goes.
    """
    callbacks: list[pl.Callback] = [history]
    if sys.stdout.isatty():
        callbacks.append(EpochBar(leave=False))
    if config.average_decay:
        callbacks.append(WeightAveraging(avg_fn=partial(_average, config.average_decay)))
    if config.early_stopping:
        callbacks.append(
            _EarlyStopping(
                f"validation_{config.best_by}",
                mode="max" if config.best_by == "accuracy" else "min",
                patience=config.early_stopping,
            )
        )
    return [*callbacks, _Best(history, best), _OneFile(last)]


def _average(decay: float, average: Tensor, current: Tensor, count: Tensor | int) -> Tensor:
    """Move an average of the weights towards the current ones, faster in the first steps."""
    decay = min(decay, (1 + int(count)) / (10 + int(count)))
    return average + (1 - decay) * (current - average) if average.is_floating_point() else current


class _EarlyStopping(EarlyStopping):
    """Early stopping that stops again if a stopped run is resumed."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop again: Lightning restores the epochs waited, but not that it stopped."""
        trainer.should_stop = trainer.should_stop or self.wait_count >= self.patience


class _OneFile(ModelCheckpoint):
    """Keeps one checkpoint with a fixed name, by default the last epoch's."""

    def __init__(self, path: Path, **options: Any) -> None:
        super().__init__(
            path.parent,
            path.stem,
            save_top_k=1,
            enable_version_counter=False,
            save_on_train_epoch_end=True,  # after `History` has added the epoch's row
            **options,
        )
        self.FILE_EXTENSION = path.suffix


class _Best(_OneFile):
    """Keeps the best epoch's checkpoint, with the loss deciding between equal accuracies."""

    def __init__(self, history: History, path: Path) -> None:
        super().__init__(path, monitor="validation_accuracy", mode="max")
        self._history = history

    def check_monitor_top_k(self, trainer: pl.Trainer, current: Tensor | None = None) -> bool:
        """Return whether this epoch replaces the saved one."""
        return self._history.find_best() is self._history.rows[-1]
