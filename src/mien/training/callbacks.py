"""Turn a recipe into what goes on beside its training: averages, checkpoints, ends."""

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
    """Give what a training has beside its steps, in the order in which it is called.

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
    """Has nothing to add when a run that it has stopped is resumed."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop again; Lightning remembers how long it has waited, not that it was enough."""
        trainer.should_stop = trainer.should_stop or self.wait_count >= self.patience


class _OneFile(ModelCheckpoint):
    """Keeps one checkpoint under a fixed name: by itself, the last epoch's."""

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
    """Keeps the best epoch's. By accuracy alone, few faces would often keep an early epoch."""

    def __init__(self, history: History, path: Path) -> None:
        super().__init__(path, monitor="validation_accuracy", mode="max")
        self._history = history

    def check_monitor_top_k(self, trainer: pl.Trainer, current: Tensor | None = None) -> bool:
        """Tell whether this epoch takes the place of the one that is kept."""
        return self._history.find_best() is self._history.rows[-1]
