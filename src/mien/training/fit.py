"""This module turns a config and a dataset into a trained checkpoint."""

import hashlib
import importlib.metadata
import subprocess
import time
import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from filelock import FileLock, Timeout
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint, WeightAveraging
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities.rank_zero import rank_zero_only
from torch import Tensor, nn
from torch.utils.data import DataLoader, DistributedSampler
from torch.utils.data import Dataset as TorchDataset

from mien.errors import ConfigError, DataError
from mien.training.checkpoint import SafetensorsIO, read_description
from mien.training.config import TrainConfig
from mien.training.datasets import Dataset, Split
from mien.training.history import History
from mien.training.module import Batch, TrainingModule

BEST = "best.safetensors"
LAST = "last.safetensors"


@dataclass(frozen=True)
class FitResult:
    """What a training left behind.

    Attributes:
        best: The checkpoint with the best accuracy on the validation split.
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
        ConfigError: `output` holds another run, or one that is going on.
        DataError: A split is missing.
        TrainingError: The loss is no longer finite, or a checkpoint cannot be written.
    """
    for split in ("train", "validation"):
        if split not in dataset.splits:
            raise DataError(f"{dataset.source} has no {split} split, which training needs")
    output.mkdir(parents=True, exist_ok=True)
    lock = FileLock(output / ".lock")
    try:
        # Under DDP the first process starts the others, so it alone takes the lock.
        with lock.acquire(timeout=0) if rank_zero_only.rank == 0 else nullcontext():
            return _fit(config, dataset, output, resume, devices, nodes)
    except Timeout as error:
        raise ConfigError(
            f"another training is writing to {output}: wait for it or choose another --output"
        ) from error


def _fit(
    config: TrainConfig, dataset: Dataset, output: Path, resume: bool, devices: int, nodes: int
) -> FitResult:
    start = _find_start(config, dataset, output, resume)
    if start is not None:
        config = replace(config, precision=read_description(start)["config"]["precision"])
    elif config.precision == "auto":
        config = replace(config, precision=faster_precision())
    torch.manual_seed(config.seed)
    module = TrainingModule(config, len(dataset.class_names), _describe(config, dataset))
    best = _keep(output / BEST, monitor="validation_accuracy", mode="max")
    trainer = pl.Trainer(
        accelerator="auto",
        devices=devices,
        num_nodes=nodes,
        strategy="ddp" if devices * nodes > 1 else "auto",
        precision="bf16-mixed" if config.precision == "bfloat16" else "32-true",
        max_epochs=config.epochs,
        gradient_clip_val=config.gradient_clip or None,
        callbacks=[*_callbacks(config, output), best, _keep(output / LAST)],
        plugins=[SafetensorsIO()],
        logger=TensorBoardLogger(output, name="", version="tensorboard"),
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        default_root_dir=output,
    )
    if trainer.is_global_zero:
        (output / "config.toml").write_text(config.to_toml(), encoding="utf-8")
    ranks = (trainer.world_size, trainer.global_rank)
    train = _loader(dataset.splits["train"], config.batch_size, config.seed, ranks, shuffle=True)
    validation = _loader(dataset.splits["validation"], 256, 0, ranks, shuffle=False)
    with warnings.catch_warnings():
        # Faces lie in memory: worker processes would only copy them.
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*exists and is not empty.*")
        trainer.fit(module, train, validation, ckpt_path=start)
    if trainer.interrupted:
        raise KeyboardInterrupt
    score = best.best_model_score
    return FitResult(output / BEST, output / LAST, 0.0 if score is None else float(score))


class FaceBatches(TorchDataset[Batch]):
    """A split in memory, which gives a whole batch at once.

    Args:
        split: Faces (N, 48, 48) uint8 and their labels.
    """

    def __init__(self, split: Split) -> None:
        self.faces = torch.from_numpy(split.images)
        self.labels = torch.from_numpy(split.labels)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """Give faces (B, 48, 48) uint8 and labels (B,) int64."""
        chosen = torch.as_tensor(indices)
        return self.faces[chosen], self.labels[chosen]


def faster_precision() -> str:
    """Time one convolution, forward and back, in float32 and in bfloat16.

    Processors differ: with AMX, or on Zen 4 and later, bfloat16 is about twice as fast; elsewhere
    it is emulated, or its instructions run at half speed.

    Returns:
        `bfloat16` or `float32`.
    """
    if torch.cuda.is_available():
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    seconds = {dtype: _time_convolution(dtype) for dtype in (torch.float32, torch.bfloat16)}
    return "bfloat16" if seconds[torch.bfloat16] < seconds[torch.float32] else "float32"


def _time_convolution(dtype: torch.dtype) -> float:
    """Give the best of five rounds, in seconds."""
    layer = nn.Conv2d(64, 64, 3, padding=1, bias=False).to(dtype, memory_format=torch.channels_last)
    x = torch.rand(16, 64, 24, 24, dtype=dtype).to(memory_format=torch.channels_last)
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        layer(x.requires_grad_()).sum().backward()
        best = min(best, time.perf_counter() - began)
    return best


def _callbacks(config: TrainConfig, output: Path) -> list[pl.Callback]:
    callbacks: list[pl.Callback] = [History(output, config)]
    if config.average_decay:
        callbacks.append(WeightAveraging(avg_fn=partial(_average, config.average_decay)))
    if config.early_stopping:
        callbacks.append(
            EarlyStopping("validation_accuracy", mode="max", patience=config.early_stopping)
        )
    return callbacks


def _average(decay: float, average: Tensor, current: Tensor, count: Tensor | int) -> Tensor:
    """Move an average of the weights towards the current ones, faster in the first steps."""
    decay = min(decay, (1 + int(count)) / (10 + int(count)))
    return average + (1 - decay) * (current - average) if average.is_floating_point() else current


def _keep(path: Path, **options: Any) -> ModelCheckpoint:
    """Make a callback that keeps one checkpoint under a fixed name."""
    callback = ModelCheckpoint(
        path.parent,
        path.stem,
        save_top_k=1,
        enable_version_counter=False,
        save_on_train_epoch_end=True,  # after `History` has added the epoch's row
        **options,
    )
    callback.FILE_EXTENSION = path.suffix
    return callback


def _loader(
    split: Split, batch_size: int, seed: int, ranks: tuple[int, int], *, shuffle: bool
) -> DataLoader[Batch]:
    """Give a split's batches, in an order that depends on the seed and the epoch alone."""
    faces = FaceBatches(split)
    world_size, rank = ranks
    sampler: DistributedSampler[Batch] = DistributedSampler(
        faces, num_replicas=world_size, rank=rank, shuffle=shuffle, seed=seed
    )
    return DataLoader(
        faces,
        batch_size=batch_size,
        sampler=sampler,
        collate_fn=_as_is,
        # Its own, so that starting an epoch draws nothing from the seeded global one.
        generator=torch.Generator(),
        # A last batch of one face has no variance to normalise with.
        drop_last=shuffle and len(faces) > batch_size * world_size,
    )


def _as_is(batch: Batch) -> Batch:
    return batch


def _find_start(config: TrainConfig, dataset: Dataset, output: Path, resume: bool) -> Path | None:
    """Give the checkpoint to go on from, after checking that it is of this very run."""
    last = output / LAST
    if not last.exists():
        return None
    if not resume:
        raise ConfigError(
            f"{output} already holds a run: go on with --resume, or choose another --output"
        )
    begun = read_description(last)
    now = _describe(config, dataset)
    for key, value in begun["config"].items():
        wanted = now["config"][key]
        if wanted != value and not (key == "precision" and wanted == "auto"):
            raise ConfigError(
                f"{output} was begun with {key} = {value}, and this recipe says {wanted}: resume "
                f"it with its own config.toml, or choose another --output"
            )
    if begun["data_sha256"] != now["data_sha256"]:
        raise ConfigError(f"{output} was begun with other training data than {dataset.source}")
    return last


def _describe(config: TrainConfig, dataset: Dataset) -> dict[str, Any]:
    """Say what a checkpoint is, in JSON types."""
    digest = hashlib.sha256()
    for name in ("train", "validation"):
        digest.update(dataset.splits[name].images.tobytes())
        digest.update(dataset.splits[name].labels.tobytes())
    packages = ("mien", "torch", "lightning", "kornia")
    return {
        "config": config.to_dict(),
        "class_names": list(dataset.class_names),
        "data_source": Path(dataset.source).name,
        "data_sha256": digest.hexdigest(),
        "commit": _commit(),
        "versions": {package: importlib.metadata.version(package) for package in packages},
    }


def _commit() -> str | None:
    """Give the commit of the source tree this runs from, marked if it was changed since."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
