"""Record the history of a training: history.csv, learning curves, a line per epoch."""

import csv
import io
import itertools
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import RichProgressBar
from rich import get_console

from mien.drawing.fonts import fitting_letters
from mien.files import write_whole
from mien.training.config import TrainConfig

if TYPE_CHECKING:  # matplotlib is slow to import, and only drawing needs it
    from matplotlib.figure import Figure

COLUMNS = (
    "epoch",
    "size",
    "learning_rate",
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "validation_macro_f1",
    "seconds",
    "cpu_seconds",
)

_CURVES_EVERY_S = 10.0
"""Seconds between two plots of the curves: one takes longer than an epoch of a few faces."""

_HEADING = "  epoch  size  train loss  train acc. valid. loss valid. acc.   best  time    left"


class History(pl.Callback):
    """Keeps one row per epoch; rows are saved in the checkpoint, so a resumed run has all.

    Args:
        output: The run's folder.
        config: The recipe.
    """

    def __init__(self, output: Path, config: TrainConfig) -> None:
        self.output = output
        self.config = config
        self.rows: list[dict[str, Any]] = []
        self._began = self._cpu_began = 0.0
        self._drawn = -math.inf
        self._has_printed = False

    def state_dict(self) -> dict[str, Any]:
        """Return the rows, for the checkpoint."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the rows from a checkpoint."""
        self.rows = list(state_dict["rows"])

    def find_best(self) -> dict[str, Any]:
        """Return the best epoch's row, by the recipe's criterion."""
        return choose_best(self.rows, self.config.best_by)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock of an epoch."""
        self._began, self._cpu_began = time.monotonic(), time.process_time()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Add a row, rewrite the table, print a line, and redraw the curves if it is time."""
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        epoch = trainer.current_epoch
        row: dict[str, Any] = {
            "epoch": epoch + 1,
            "size": self.config.size_at(epoch),
            "learning_rate": trainer.optimizers[0].param_groups[0]["lr"],
            **{name: metrics.get(name) for name in COLUMNS[3:-2]},
            "seconds": round(time.monotonic() - self._began, 1),
            "cpu_seconds": round(time.process_time() - self._cpu_began, 1),
        }
        self.rows.append(row)
        if trainer.logger is not None:  # values that the module does not log
            own = ("size", "learning_rate", "seconds", "cpu_seconds")
            trainer.logger.log_metrics({name: row[name] for name in own}, step=row["epoch"])
        if trainer.is_global_zero:
            self._write()
            self._print(row)
            if time.monotonic() - self._drawn >= _CURVES_EVERY_S:
                self._draw()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draw the final curves."""
        if trainer.is_global_zero:
            self._draw()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Draw the curves of an interrupted run."""
        if trainer.is_global_zero:
            self._draw()

    def _draw(self) -> None:
        if self.rows:
            draw_curves(
                self.rows,
                self.output / "curves.png",
                name=self.config.name,
                best_by=self.config.best_by,
            )
            self._drawn = time.monotonic()

    def _write(self) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_whole(self.output / "history.csv", text.getvalue())

    def _print(self, row: dict[str, Any]) -> None:
        best = self.find_best()["validation_accuracy"]

        # The time of a step is roughly proportional to the pixels of its faces.
        left = sum(
            row["seconds"] * (self.config.size_at(epoch) / row["size"]) ** 2
            for epoch in range(row["epoch"], self.config.epochs)
        )

        if not self._has_printed:
            get_console().print(_HEADING, style="dim", highlight=False, soft_wrap=True)
            self._has_printed = True
        get_console().print(
            f"{row['epoch']:>3}/{self.config.epochs:<3} {row['size']} px"
            f" {row['train_loss']:>11.3f} {row['train_accuracy']:>11.1%}"
            f" {row['validation_loss']:>11.3f} {row['validation_accuracy']:>11.2%}"
            f" {best:>6.2%} {row['seconds']:>3.0f} s {left / 60:>3.0f} min",
            highlight=False,
            soft_wrap=True,
        )


def choose_best(rows: list[dict[str, Any]], best_by: str = "accuracy") -> dict[str, Any]:
    """Return the best of rows of history.csv, by validation.

    Args:
        rows: One row per epoch.
        best_by: "accuracy", with ties broken by the lowest loss; or "loss".
    """
    if best_by == "loss":
        return min(rows, key=lambda row: row["validation_loss"])
    return max(rows, key=lambda row: (row["validation_accuracy"], -row["validation_loss"]))


class EpochBar(RichProgressBar):
    """The progress bar of the current epoch, with its loss and accuracy so far."""

    def _get_train_description(self, current_epoch: int) -> str:
        """Count epochs from 1, as history.csv does; Lightning counts from 0."""
        return f"Epoch {current_epoch + 1}/{self.trainer.max_epochs}"

    def get_metrics(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule
    ) -> dict[str, int | str | float | dict[str, float]]:
        """Return the numbers to show next to the bar."""
        shown = {"train_loss": "loss", "validation_accuracy": "validation accuracy"}
        metrics = trainer.progress_bar_metrics
        return {title: float(metrics[name]) for name, title in shown.items() if name in metrics}


def draw_curves(
    rows: list[dict[str, Any]], path: Path, *, name: str = "", best_by: str = "accuracy"
) -> None:
    """Draw loss and accuracy over the epochs, as a PNG.

    Args:
        rows: Rows of history.csv.
        path: The file to write.
        name: The model's name, for the title.
        best_by: Criterion for `choose_best`.
    """
    picture = io.BytesIO()
    figure = plot_curves(rows, name, best_by)
    with fitting_letters(figure):
        figure.savefig(picture, format="png")
    write_whole(path, picture.getvalue())


def plot_curves(rows: list[dict[str, Any]], name: str, best_by: str = "accuracy") -> "Figure":
    """Plot loss and accuracy over the epochs, the best epoch marked."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    figure = Figure(figsize=(10, 4), layout="constrained")
    epochs = [row["epoch"] for row in rows]
    best = choose_best(rows, best_by)
    for axes, measure in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for split, colour in (("train", "#0072b2"), ("validation", "#d55e00")):
            values = [row[f"{split}_{measure}"] for row in rows]
            axes.plot(epochs, values, color=colour, label=split, marker=".", markersize=4)
        for before, row in itertools.pairwise(rows):
            if row["size"] != before["size"]:  # mark the change of size, which shows in the curves
                axes.axvline(before["epoch"] + 0.5, color="#888888", linestyle=":")
                place = (before["epoch"] + 0.7, 0.02)
                where = axes.get_xaxis_transform()
                axes.text(*place, f"{row['size']} px", transform=where, color="#555555")
        kept = f"best epoch, {best['epoch']}"
        at = ([best["epoch"]], [best[f"validation_{measure}"]])
        axes.plot(*at, "o", color="#d55e00", markersize=9, fillstyle="none", label=kept)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.set_title(f"{name} {measure}".strip())
        axes.grid(alpha=0.3)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))  # accuracy, the last one
    lines, titles = axes.get_legend_handles_labels()
    figure.legend(lines, titles, loc="outside upper center", ncols=3)  # outside, to hide no curve
    return figure
