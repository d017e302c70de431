"""Estimate the duration of a training from its first steps."""

import time
from collections.abc import Callable
from typing import Any, Final

import lightning.pytorch as pl

from mien.training.config import TrainConfig

MEASURED_S: Final = 3.0
"""Duration of the measurement, in seconds; it ends with the first epoch's steps at the latest."""
_READING: Final = 1 / 3
"""Cost of evaluating a face, relative to training on it."""


class Forecast(pl.Callback):
    """Report the remaining seconds once, after some steps of the first epoch.

    Args:
        config: The recipe.
        held_out: Number of faces evaluated after each epoch.
        on_forecast: Called with the seconds, including validation.
    """

    def __init__(
        self, config: TrainConfig, held_out: int, on_forecast: Callable[[float], None]
    ) -> None:
        self._config = config
        self._held_out = held_out
        self._on_forecast: Callable[[float], None] | None = on_forecast
        self._began: float | None = None
        self._steps = 0

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Start the clock: after the first step, which is slow, or before the only one."""
        is_warm = batch_idx > 0 or trainer.num_training_batches == 1
        if self._began is None and is_warm:
            self._began = time.monotonic()

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Count a step, and report once enough steps have been measured."""
        if self._on_forecast is None or self._began is None:
            return
        self._steps += 1
        elapsed = time.monotonic() - self._began
        batches = int(trainer.num_training_batches)
        if elapsed < MEASURED_S and batch_idx < batches - 1:
            return
        if trainer.is_global_zero:
            left = self._count_steps(trainer.current_epoch, batches) - batch_idx - 1
            self._on_forecast(left * elapsed / self._steps)
        self._on_forecast = None

    def _count_steps(self, epoch: int, batches: int) -> float:
        """Count the steps of the remaining epochs, in units of this epoch's steps."""
        now = self._config.size_at(epoch)
        # The time of a step is roughly proportional to the pixels of its faces.
        epochs = sum(
            (self._config.size_at(later) / now) ** 2 for later in range(epoch, self._config.epochs)
        )
        return epochs * (batches + _READING * self._held_out / self._config.batch_size)
