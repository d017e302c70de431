"""This module turns a config and a dataset into a trained checkpoint."""

import hashlib
import importlib.metadata
import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from filelock import FileLock, Timeout
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint, WeightAveraging
from lightning.pytorch.loggers import TensorBoardLogger
from numpy.typing import NDArray
from torch import Tensor

from mien.errors import ConfigError, DataError, OutputError
from mien.files import write_whole
from mien.training.batches import make_loader
from mien.training.checkpoint import (
    SafetensorsIO,
    begin_with,
    load_teachers,
    read_description,
)
from mien.training.config import TrainConfig, config_from_dict
from mien.training.copies import find_originals
from mien.training.datasets import Dataset, Split
from mien.training.history import EpochBar, History
from mien.training.model import FaceNet
from mien.training.module import TrainingModule
from mien.training.precision import choose_precision
from mien.training.targets import class_weights, make_targets, one_hot

BEST = "best.safetensors"
LAST = "last.safetensors"


@dataclass(frozen=True)
class FitResult:
    """What a training left behind.

    Attributes:
        best: The checkpoint with the best accuracy on the validation split; of equals, the one with
            the least loss there.
        last: The checkpoint of the last epoch, which a resumed run starts from.
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
) -> FitResult:
    """Train a network, with a checkpoint each epoch.

    A run that was killed and is resumed ends with the very same weights as an unbroken one, on
    the same hardware with the same number of threads.

    Args:
        config: The recipe.
        dataset: Data with the splits `train` and `validation`; no other split is looked at.
        output: The run's folder: checkpoints, history.csv, curves.png, TensorBoard logs.
        resume: Go on from the last checkpoint in `output`, if there is one.
        devices: Processes on each machine (distributed data parallel above 1).
        nodes: Machines that train together.

    Returns:
        The checkpoints and the best validation accuracy.

    Raises:
        ConfigError: `output` holds another run, or one that is going on; or the checkpoint to
            start from holds another network.
        DataError: A split is missing.
        OutputError: `output` cannot be written.
        TrainingError: The loss is no longer finite, or a checkpoint cannot be written.
        KeyboardInterrupt: Ctrl-C; the last epoch is kept.
    """
    for split in ("train", "validation"):
        if split not in dataset.splits:
            raise DataError(f"{dataset.source} has no {split} split, which training needs")
    with _lock(output):
        return _fit(config, dataset, output, resume=resume, devices=devices, nodes=nodes)


@contextmanager
def _lock(output: Path) -> Iterator[None]:
    """Keep a run's folder to oneself. Under DDP the first process starts the others and does it."""
    lock = FileLock(output / ".lock")
    try:
        output.mkdir(parents=True, exist_ok=True)
        if is_first_process():
            lock.acquire(timeout=0)
    except Timeout as error:
        raise ConfigError(
            f"another training is writing to {output}: wait for it or choose another --output"
        ) from error
    except OSError as error:
        raise OutputError(
            f"{output} cannot be written ({error.strerror}); choose another folder as --output"
        ) from error
    try:
        yield
    finally:
        lock.release()


def is_first_process() -> bool:
    """Tell whether this process is the one that the user started, on the first machine."""
    node = os.environ.get("NODE_RANK") or os.environ.get("GROUP_RANK") or "0"
    return (os.environ.get("LOCAL_RANK", "0"), node) == ("0", "0")


def _fit(
    config: TrainConfig,
    dataset: Dataset,
    output: Path,
    *,
    resume: bool,
    devices: int,
    nodes: int,
) -> FitResult:
    split = dataset.splits["train"]
    if config.without_copies:
        split = _without_copies(split, dataset.splits["validation"])
    targets = make_targets(config, split, dataset.class_names)
    teachers: tuple[FaceNet, ...] = ()
    if config.asks_networks:
        teachers = load_teachers(config.teachers, dataset.class_names)
    description = _describe(config, dataset, targets, teachers)
    begun = _find_begun(description, output, resume=resume)
    if begun is not None:
        config = replace(config, precision=begun["config"]["precision"])
        own = {"commit": begun["commit"], "versions": begun["versions"]}
        description["begun"] = begun.get("begun", own)
    elif config.precision == "auto":
        config = replace(config, precision=choose_precision(devices * nodes))
    description["config"] = config.to_dict()
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    torch.manual_seed(config.seed)
    weights = None
    if config.class_balance:
        balanced = class_weights(split, dataset.class_names, config.class_balance)
        weights = torch.from_numpy(balanced)
    module = TrainingModule(
        config,
        len(dataset.class_names),
        description,
        class_weights=weights,
        teachers=teachers,
    )
    if config.start and begun is None:
        begin_with(module.net, config.start, config.model, dataset.class_names)
    history = History(output, config)
    best, last = output / BEST, output / LAST
    kept = _Best(history, best), _OneFile(last)
    trainer = pl.Trainer(
        accelerator="auto",
        devices=devices,
        num_nodes=nodes,
        strategy="ddp" if devices * nodes > 1 else "auto",
        precision="bf16-mixed" if config.precision == "bfloat16" else "32-true",
        max_epochs=config.epochs,
        gradient_clip_val=config.gradient_clip or None,
        callbacks=[history, *_callbacks(config), *kept],
        plugins=[SafetensorsIO()],
        logger=TensorBoardLogger(output, name="", version="tensorboard"),
        enable_model_summary=False,
        enable_progress_bar=sys.stdout.isatty(),
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        default_root_dir=output,
    )
    if trainer.is_global_zero:
        write_whole(output / "config.toml", config.to_toml())
    ranks = {"world_size": trainer.world_size, "rank": trainer.global_rank}
    train = make_loader(split, targets, config.batch_size, seed=config.seed, shuffle=True, **ranks)
    # Every process judges all of it: shares of equal length would count some faces twice.
    held_out = dataset.splits["validation"]
    answers = one_hot(held_out, dataset.class_names)
    validation = make_loader(held_out, answers, 256, seed=0, shuffle=False, world_size=1, rank=0)
    with warnings.catch_warnings():
        # Faces lie in memory: worker processes would only copy them.
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*exists and is not empty.*")
        warnings.filterwarnings("ignore", message=".*in eval mode at the start.*")  # start_rate 0
        # Lightning's own: it holds on to an old name of torch's.
        warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
        warnings.filterwarnings("ignore", message=".*smaller than the logging interval.*")
        try:
            trainer.fit(module, train, validation, ckpt_path=None if begun is None else last)
        except SystemExit as stop:  # Lightning's answer to Ctrl-C
            raise KeyboardInterrupt from stop
    return FitResult(best, last, history.find_best()["validation_accuracy"])


def _without_copies(train: Split, held_out: Split) -> Split:
    """Leave out of train what `find_originals` does not mark."""
    return train.take(np.flatnonzero(find_originals(train.images, held_out.images)))


def _callbacks(config: TrainConfig) -> list[pl.Callback]:
    callbacks: list[pl.Callback] = []
    if sys.stdout.isatty():
        callbacks.append(EpochBar(leave=False))
    if config.average_decay:
        callbacks.append(WeightAveraging(avg_fn=partial(_average, config.average_decay)))
    if config.early_stopping:
        callbacks.append(
            _EarlyStopping("validation_accuracy", mode="max", patience=config.early_stopping)
        )
    return callbacks


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


def _find_begun(now: dict[str, Any], output: Path, *, resume: bool) -> dict[str, Any] | None:
    """Give the description of the run to go on with, after checking that it is this very one."""
    last = output / LAST
    if not last.exists():
        return None
    if not resume:
        raise ConfigError(
            f"{output} already holds a run: go on with --resume, or choose another --output"
        )
    begun = read_description(last)
    # Read anew: a run begun before a setting existed has its default.
    for key, value in config_from_dict(begun["config"]).to_dict().items():
        wanted = now["config"][key]
        if wanted != value and not (key == "precision" and wanted == "auto"):
            raise ConfigError(
                f"{output} was begun with {key} = {value}, and this recipe says {wanted}: resume "
                f"it with its own config.toml, or choose another --output"
            )
    if begun["data_sha256"] != now["data_sha256"]:
        raise ConfigError(f"{output} was begun with other training data than {now['data_source']}")
    return begun


def _describe(
    config: TrainConfig,
    dataset: Dataset,
    targets: NDArray[np.float32],
    teachers: Sequence[FaceNet],
) -> dict[str, Any]:
    """Say what a checkpoint is, in JSON types."""
    digest = hashlib.sha256()
    for name in ("train", "validation"):
        digest.update(dataset.splits[name].images.tobytes())
        digest.update(dataset.splits[name].labels.tobytes())
    if config.teachers:  # what they say is data too
        digest.update(targets.tobytes())
    for teacher in teachers:
        for weight in teacher.state_dict().values():
            digest.update(weight.numpy().tobytes())
    packages = ("mien", "torch", "lightning", "kornia")
    return {
        "config": config.to_dict(),
        "class_names": list(dataset.class_names),
        "data_source": Path(dataset.source).name,
        "data_sha256": digest.hexdigest(),
        "commit": _own_commit(),
        "versions": {package: importlib.metadata.version(package) for package in packages},
    }


@cache
def _own_commit() -> str | None:
    """Give the commit of the code in memory, whatever is checked out while it runs."""
    return find_commit(Path(__file__).parent.parent)


def find_commit(package: Path) -> str | None:
    """Give the commit that a package's source is of, with `-dirty` if it was changed since.

    Args:
        package: Its folder. Only what is in there counts as changed: results that a run leaves
            elsewhere in its repository do not make the next run another.

    Returns:
        None where the package is not kept in git, as when it is installed, be it in a folder
        within the repository of something else.
    """

    def git(*arguments: str) -> str:
        return subprocess.run(  # noqa: S603 (nothing in it comes from outside)
            ["git", "-C", str(package), *arguments],  # noqa: S607 (the user's own git)
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        ).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", "__init__.py")
        changed = git("status", "--porcelain", "--untracked-files=no", "--", ".")
        return git("describe", "--always") + ("-dirty" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return None
