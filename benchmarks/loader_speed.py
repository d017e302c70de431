"""Compare the pace of the data loader, and of augmentation, with that of training steps.

Command: python benchmarks/loader_speed.py

Random faces, as many as in FER2013, are loaded as `mien train` loads them, without training. The
augmentation of the recipe `accurate`, which runs on the training device and not in the loader, is
timed alone. Whole steps of the networks of `accurate` and `fast` run on the same cores, in turn. A
pace is faces per second of processor time, all threads together: the median of the rounds.
"""

import os
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional

from machine import write_result
from mien.data.datasets import Split
from mien.training.augment import Augment
from mien.training.batches import make_loader
from mien.training.model import CnnLstm
from mien.training.module import to_unit
from mien.training.recipes import read_config

FACES = 28_709
BATCH = 64
ROUNDS = 3
STEPS = 2


def make_epoch() -> Callable[[], int]:
    """Return a function that loads one epoch and returns the number of its faces."""
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (FACES, 48, 48), dtype=np.uint8)
    labels = rng.integers(0, 7, FACES)
    split = Split("train", images, labels, tuple(map(str, range(FACES))))
    targets = np.eye(7, dtype=np.float32)[labels][:, None]
    loader = make_loader(split, targets, BATCH, seed=1, shuffle=True, world_size=1, rank=0)
    return lambda: sum(len(faces) for faces, _, _ in loader)


def make_augmentation() -> Callable[[], int]:
    """Return a function that augments some batches and returns the number of their faces."""
    augment = Augment(read_config("accurate").augment)
    faces = to_unit(torch.randint(0, 256, (BATCH, 48, 48), dtype=torch.uint8))
    return lambda: sum(len(augment(faces)) for _ in range(STEPS))


def make_steps(recipe: str) -> Callable[[], int]:
    """Return a function that takes some training steps, without augmentation."""
    net = CnnLstm(read_config(recipe).model, 7).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(net.parameters())
    faces = to_unit(torch.randint(0, 256, (BATCH, 48, 48), dtype=torch.uint8))
    labels = torch.randint(0, 7, (BATCH,))

    def take() -> int:
        for _ in range(STEPS):
            functional.cross_entropy(net(faces), labels).backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return BATCH * STEPS

    return take


def main() -> None:
    """Measure all of them in turn."""
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    works = {"loader": make_epoch(), "augmentation": make_augmentation()}
    works |= {recipe: make_steps(recipe) for recipe in ("accurate", "fast")}
    paces: dict[str, list[float]] = {name: [] for name in works}
    for number in range(ROUNDS + 1):
        for name, work in works.items():
            began = time.process_time()
            faces = work()
            if number:
                paces[name].append(faces / (time.process_time() - began))
    pace = {name: statistics.median(found) for name, found in paces.items()}
    figures = {
        "threads": torch.get_num_threads(),
        "faces_per_processor_s": {name: round(value) for name, value in pace.items()},
        "loader_over_training": {
            name: round(pace["loader"] / pace[name]) for name in ("accurate", "fast")
        },
        "augmentation_over_training": {
            name: round(pace["augmentation"] / pace[name], 1) for name in ("accurate", "fast")
        },
    }
    write_result(__file__, ("torch", "kornia"), figures)


if __name__ == "__main__":
    main()
