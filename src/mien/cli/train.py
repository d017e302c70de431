"""`mien train`: train a model from a recipe."""

import functools
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.text import Text

from mien.cli.times import say_duration
from mien.data.audit import audit_dataset, check_trainable
from mien.data.datasets import Dataset, load_dataset, require_splits
from mien.errors import ConfigError, DataError
from mien.results.display import count
from mien.training.config import TrainConfig
from mien.training.recipes import read_config

if TYPE_CHECKING:
    from mien.training.model import CnnLstm  # needs mien[train]


def train(
    *,
    recipe: Path,
    data: Path,
    output: Path | None = None,
    resume: bool = False,
    overrides: Annotated[tuple[str, ...], Parameter(name="--set", show_default=False)] = (),
    seed: int | None = None,
    devices: int = 1,
    nodes: int = 1,
    allow_mismatch: bool = False,
) -> None:
    r"""Train a model on labelled faces.

    ```console
    $ mien train --recipe cnn-lstm --data fer2013.zip
    $ mien train --recipe fine-tune --data faces/ --output runs/mine \
          --set learning_rate=5e-4 --seed 2
    $ mien train --recipe cnn-lstm --data fer2013.zip --resume
    ```

    The run's folder receives the best and the last checkpoint, history.csv, the learning curves
    and TensorBoard logs. An interrupted run resumes with `--resume` and ends with the same
    weights. The model is chosen by the validation split; the test split is never used.

    Args:
        recipe: `cnn-lstm`, `baseline`, `fine-tune`, `accurate`, `fast` or `smoke`, or your own TOML
            file; docs/train.md explains every setting.
        data: A zip, a folder or a CSV file, as for `mien data audit`.
        output: The run's folder; runs/NAME by default, with the recipe's name.
        resume: Continue the run in the output folder after its last epoch.
        overrides: Override a setting of the recipe, as key=value; may be repeated.
        seed: Shorthand for `--set seed=N`.
        devices: Processes on each machine: GPUs, or parts of a CPU.
        nodes: Machines that train together; start the same command on each (docs/train.md).
        allow_mismatch: Train even if the audit finds a fault; see `mien data audit`.
    """
    together = {"devices": devices, "nodes": nodes}
    _check_counts(together)
    overrides = overrides if seed is None else (*overrides, f"seed={seed}")
    config = read_config(recipe, overrides)

    # Imported before the data is read, so that a missing extra is reported at once.
    from mien.cli.reports import tabulate
    from mien.cli.tables import print_table
    from mien.training.fit import LAST, fit, is_first_process
    from mien.training.memory import keep_freed_memory

    keep_freed_memory()
    output = Path("runs") / config.name if output is None else output
    dataset = load_dataset(data)
    if not allow_mismatch:
        _check(dataset)
    console = Console(highlight=False, quiet=not is_first_process())

    def announce(settled: TrainConfig, net: "CnnLstm") -> None:
        print_table(console, tabulate(_describe(settled, dataset, output, net)))
        console.print()

    def forecast(left_s: float) -> None:
        most = "at most " if config.early_stopping else ""
        console.print(f"about {most}{say_duration(left_s)} at the pace of the first steps\n")

    run = functools.partial(fit, config, dataset, output, resume=resume)
    try:
        result = run(devices=devices, nodes=nodes, on_start=announce, on_forecast=forecast)
    except KeyboardInterrupt:
        if not (output / LAST).exists():
            raise KeyboardInterrupt("stopped before the first epoch was done") from None
        options = ["--allow-mismatch"] if allow_mismatch else []
        options += [word for item in overrides for word in ("--set", item)]
        again = _name_resumption(recipe, data, output, [*options, *_spell(together)])
        raise KeyboardInterrupt(
            f"stopped after the last finished epoch. To resume: {again}"
        ) from None
    console.print()
    _print_lines(console, _look_ahead(result.best, result.validation_accuracy, data))


def _print_lines(console: Console, told: Mapping[str, str]) -> None:
    """Print names and values, not wrapped, so that commands can be copied."""
    for key, value in told.items():
        console.print(Text(f"{key:<9}", style="dim") + Text(f" {value}"), soft_wrap=True)


def _check_counts(together: Mapping[str, int]) -> None:
    for option, number in together.items():
        if number < 1:
            raise ConfigError(f"--{option} must be at least 1, got {number}")


def _spell(together: Mapping[str, int]) -> list[str]:
    return [word for key, n in together.items() if n > 1 for word in (f"--{key}", str(n))]


def _name_resumption(
    recipe: Path,
    data: Path,
    output: Path,
    options: Sequence[str],
) -> str:
    """Return the command that resumes a training, ready to copy."""
    words = ["mien", "train", "--recipe", str(recipe), "--data", str(data), "--output", str(output)]
    return shlex.join([*words, *options, "--resume"])


def _look_ahead(best: Path, accuracy: float, data: Path) -> Mapping[str, str]:
    """Print where the results are, and the next commands."""
    output, quoted = best.parent, shlex.quote(str(best))
    where = f"--data {shlex.quote(str(data))}"
    return {
        "best": f"{best}, validation accuracy {accuracy:.2%}",
        "history": f"{output / 'history.csv'} and {output / 'curves.png'}",
        "logs": f"tensorboard --logdir {shlex.quote(str(output))}",
        "evaluate": f"mien evaluate {quoted} {where}",
        "export": f"mien export {quoted} {where} --output models",
    }


def _check(dataset: Dataset) -> None:
    """Reject data with faults, and name the option to train anyway."""
    require_splits(dataset)
    try:
        check_trainable(audit_dataset(dataset))
    except DataError as error:
        raise DataError(f"{error} To train on it anyway: --allow-mismatch") from error


def _describe(
    config: TrainConfig, dataset: Dataset, output: Path, net: "CnnLstm"
) -> Mapping[str, str]:
    """Print the settings of a training before it starts."""
    counts = (f"{len(split.labels):,} {name}" for name, split in dataset.splits.items())
    widths = "-".join(map(str, config.model.widths))
    head = "CNN-LSTM" if config.model.head == "lstm" else "CNN"
    sizes = ", ".join(f"{stage.epochs} at {stage.size} px" for stage in config.stages)
    parameters = sum(weights.numel() for weights in net.parameters())

    return {
        "name": config.name,
        "data": f"{dataset.source}: {', '.join(counts)} faces",
        "classes": ", ".join(dataset.class_names),
        **({"left out": f"{len(dataset.broken):,} corrupt files"} if dataset.broken else {}),
        **({"note": " ".join(dataset.notes)} if dataset.notes else {}),
        "network": f"{head}, channels {widths}, {config.model.units} units: "
        f"{parameters:,} parameters",
        "epochs": f"{sizes}; batches of {config.batch_size}, seed {config.seed}",
        **({"start": config.start} if config.start else {}),
        **({"votes": config.votes} if config.votes else {}),
        **({"teachers": _describe_teachers(config)} if config.teachers else {}),
        "precision": config.precision,
        "output": str(output),
    }


def _describe_teachers(config: TrainConfig) -> str:
    """Describe the teachers of a distillation."""
    kind = "network" if config.asks_networks else "table"
    counted = count(len(config.teachers), kind)
    turns = ", one per step in turn" if config.asks_networks and len(config.teachers) > 1 else ""
    return f"{counted}{turns}; {config.distillation:.0%} of each target"
