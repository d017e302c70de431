"""Train a network from a config and a dataset."""

import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from filelock import FileLock, Timeout
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.strategies import DDPStrategy
from numpy.typing import NDArray

from mien.data.datasets import Dataset, Split, require_splits
from mien.data.duplicates import find_originals
from mien.data.votes import Votes, read_votes
from mien.errors import ConfigError, OutputError, describe_error
from mien.files import write_whole
from mien.tables import check_emotions
from mien.training.batches import make_loader
from mien.training.callbacks import make_callbacks
from mien.training.checkpoint import SafetensorsIO, Teacher, begin_with, load_teachers
from mien.training.config import TrainConfig
from mien.training.forecast import Forecast
from mien.training.history import History
from mien.training.joint_norm import normalize_jointly
from mien.training.model import CnnLstm
from mien.training.module import TrainingModule
from mien.training.precision import choose_precision
from mien.training.provenance import describe, find_begun
from mien.training.targets import class_weights, make_targets

BEST = "best.safetensors"
LAST = "last.safetensors"


@dataclass(frozen=True)
class FitResult:
    """The result of a training.

    Attributes:
        best: The checkpoint of the epoch that is best on the validation split, by the recipe's
            `best_by`.
        last: The checkpoint of the last epoch, from which a run is resumed.
        validation_accuracy: Of `best`, 0 to 1.
    """

    best: Path
    last: Path
    validation_accuracy: float


def fit(
    config: TrainConfig,
    dataset: Dataset,
    output: Path,
    *,
    resume: bool = False,
    devices: int = 1,
    nodes: int = 1,
    on_start: Callable[[TrainConfig, CnnLstm], None] | None = None,
    on_forecast: Callable[[float], None] | None = None,
) -> FitResult:
    """Train a network, with a checkpoint after every epoch.

    A killed and resumed run ends with the same weights as an uninterrupted one, on the same
    hardware with the same number of threads.

    Args:
        config: The recipe.
        dataset: Data with the splits `train` and `validation`; no other split is used.
        output: The run's folder: checkpoints, history.csv, curves.png, TensorBoard logs.
        resume: Continue from the last checkpoint in `output`, if there is one.
        devices: Processes on each machine (distributed data parallel above 1).
        nodes: Machines that train together.
        on_start: Called before the first step, with the final recipe (its precision resolved) and
            the network.
        on_forecast: Called once, within the first epoch, with the seconds that are left at the pace
            of its first steps.

    Returns:
        The checkpoints and the best validation accuracy.

    Raises:
        ConfigError: `output` contains another run, or one in progress; or the checkpoint to start
            from has another architecture.
        DataError: A split is missing.
        OutputError: `output` cannot be written.
        TrainingError: The loss is no longer finite, or a checkpoint cannot be written.
        KeyboardInterrupt: Ctrl-C; the last finished epoch is kept.
    """
    require_splits(dataset)
    with _lock(output):
        run = _prepare(config, dataset, output, resume=resume, devices=devices, nodes=nodes)
        if on_start is not None:
            on_start(run.config, run.module.net)
        forecast = on_forecast and Forecast(run.config, len(run.held_out.labels), on_forecast)
        return _train(run, output, devices=devices, nodes=nodes, forecast=forecast)


@contextmanager
def _lock(output: Path) -> Iterator[None]:
    """Lock a run's folder. With DDP, the first process starts the others and holds the lock."""
    lock = FileLock(output / ".lock")
    try:
        output.mkdir(parents=True, exist_ok=True)
        if is_first_process():
            lock.acquire(timeout=0)
    except Timeout as error:
        raise ConfigError(
            f"another training is writing to {output}; wait for it or choose another --output"
        ) from error
    except OSError as error:
        raise OutputError(
            f"{output} cannot be written ({describe_error(error)}); "
            "choose another folder as --output"
        ) from error

    try:
        yield
    finally:
        lock.release()


def is_first_process() -> bool:
    """Return whether this is the process that the user started, on the first machine."""
    node = os.environ.get("NODE_RANK") or os.environ.get("GROUP_RANK") or "0"
    return (os.environ.get("LOCAL_RANK", "0"), node) == ("0", "0")


@dataclass(frozen=True)
class _Run:
    """Everything a training needs, ready to start or resume.

    Attributes:
        config: The recipe, its precision resolved.
        module: The network and its loss.
        train: The faces to train on.
        targets: (N, L, K), their targets.
        held_out: The faces to validate on.
        answers: (M, L, K), their targets.
        resumes: Whether to continue from the last checkpoint.
    """

    config: TrainConfig
    module: TrainingModule
    train: Split
    targets: NDArray[np.float32]
    held_out: Split
    answers: NDArray[np.float32]
    resumes: bool


def _prepare(
    config: TrainConfig,
    dataset: Dataset,
    output: Path,
    *,
    resume: bool,
    devices: int,
    nodes: int,
) -> _Run:
    """Load everything that a recipe names, and check it against the data and the run's folder."""
    check_emotions(dataset.class_names)
    split, held_out = dataset.splits["train"], dataset.splits["validation"]
    if config.without_copies:
        split = _without_copies(split, held_out)

    # The targets of validation faces are labels or votes, never predictions of teachers.
    votes = read_votes(Path(config.votes), dataset.class_names) if config.votes else None
    untaught = replace(config, teachers=(), distillation=0.0)
    split, targets = _ask_for(config, split, dataset.class_names, votes)
    held_out, answers = _ask_for(untaught, held_out, dataset.class_names, votes)
    teachers: tuple[Teacher, ...] = ()
    if config.asks_networks:
        teachers = load_teachers(config.teachers, dataset.class_names)

    now = describe(config, dataset, targets, teachers)
    begun = find_begun(now, output / LAST, resume=resume)
    config, description = _settle(config, now, begun, devices * nodes)

    module = _make_module(config, split, dataset.class_names, description, teachers)
    if config.start and begun is None:
        begin_with(module.net, config.start, config.model, dataset.class_names)
    if devices * nodes > 1:
        normalize_jointly(module.net)
    return _Run(config, module, split, targets, held_out, answers, begun is not None)


def _train(
    run: _Run, output: Path, *, devices: int, nodes: int, forecast: Forecast | None
) -> FitResult:
    """Train until the last epoch, or until it stops early."""
    config, last = run.config, output / LAST
    history = History(output, config)
    callbacks = make_callbacks(config, history, output / BEST, output / LAST)
    if forecast is not None:
        callbacks.append(forecast)
    trainer = _make_trainer(config, output, callbacks, devices, nodes)
    if trainer.is_global_zero:
        write_whole(output / "config.toml", config.to_toml())

    ranks = {"world_size": trainer.world_size, "rank": trainer.global_rank}
    train = make_loader(
        run.train, run.targets, config.batch_size, seed=config.seed, shuffle=True, **ranks
    )
    if len(run.held_out.labels) < trainer.world_size:  # too few to share: each process reads all
        ranks = {"world_size": 1, "rank": 0}
    validation = make_loader(run.held_out, run.answers, 256, seed=0, shuffle=False, **ranks)

    try:
        with _quiet():
            trainer.fit(run.module, train, validation, ckpt_path=last if run.resumes else None)
    except SystemExit as stop:  # Lightning raises it on Ctrl-C
        raise KeyboardInterrupt from stop
    return FitResult(output / BEST, last, history.find_best()["validation_accuracy"])


def _ask_for(
    config: TrainConfig, split: Split, class_names: tuple[str, ...], votes: Votes | None
) -> tuple[Split, NDArray[np.float32]]:
    """Return a split with the labels to measure its accuracy against, and its targets (N, L, K).

    With votes, the label is the word that most people chose, or -1 if nobody chose one.
    """
    if votes is None:
        return split, make_targets(config, split, class_names)
    chosen = votes.of(split.paths)
    targets = make_targets(config, split, class_names, chosen)
    return replace(split, labels=chosen.plurality()), targets


def _without_copies(train: Split, held_out: Split) -> Split:
    """Remove faces from train that `find_originals` does not mark."""
    return train.take(np.flatnonzero(find_originals(train.images, held_out.images)))


def _settle(
    config: TrainConfig, now: dict[str, Any], begun: dict[str, Any] | None, processes: int
) -> tuple[TrainConfig, dict[str, Any]]:
    """Choose the precision, or that of the resumed run, and record it in the description."""
    if begun is not None:
        config = replace(config, precision=begun["config"]["precision"])
        own = {"commit": begun["commit"], "versions": begun["versions"]}
        now = now | {"begun": begun.get("begun", own)}
    elif config.precision == "auto":
        config = replace(config, precision=choose_precision(processes))
    return config, now | {"config": config.to_dict()}


def _make_module(
    config: TrainConfig,
    split: Split,
    class_names: tuple[str, ...],
    description: dict[str, Any],
    teachers: tuple[Teacher, ...],
) -> TrainingModule:
    """Create the network and its loss from the seed."""
    torch.manual_seed(config.seed)
    weights = None
    if config.class_balance:
        weights = torch.from_numpy(class_weights(split, class_names, config.class_balance))
    return TrainingModule(
        config, len(class_names), description, class_weights=weights, teachers=teachers
    )


def _make_trainer(
    config: TrainConfig, output: Path, callbacks: list[pl.Callback], devices: int, nodes: int
) -> pl.Trainer:
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)

    return pl.Trainer(
        accelerator="auto",
        devices=devices,
        num_nodes=nodes,
        # Joint normalization keeps the buffers of all processes equal.
        strategy=DDPStrategy(broadcast_buffers=False) if devices * nodes > 1 else "auto",
        precision="bf16-mixed" if config.precision == "bfloat16" else "32-true",
        max_epochs=config.epochs,
        gradient_clip_val=config.gradient_clip or None,
        callbacks=callbacks,
        plugins=[SafetensorsIO()],
        logger=TensorBoardLogger(output / "tensorboard", name="", version=config.name),
        enable_model_summary=False,
        enable_progress_bar=sys.stdout.isatty(),
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        default_root_dir=output,
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence warnings that do not concern the user."""
    with warnings.catch_warnings():
        # Faces are in memory: worker processes would only copy them.
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*exists and is not empty.*")
        warnings.filterwarnings("ignore", message=".*in eval mode at the start.*")  # start_rate 0
        # Lightning's own: it uses a deprecated name of torch.
        warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
        warnings.filterwarnings("ignore", message=".*smaller than the logging interval.*")
        yield
