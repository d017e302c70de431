"""Compare bfloat16 with float32 for a training step on this processor.

Command: python benchmarks/training_precision.py accurate

Times whole steps of the recipe's network (augmentation, forward, backward, AdamW) at 48 px in
interleaved rounds, and reports medians. Requires mien[train].
"""

import statistics
import sys
import time

import torch
from torch.nn import functional

from machine import write_result
from mien.training.augment import Augment
from mien.training.config import TrainConfig
from mien.training.model import CnnLstm
from mien.training.precision import faster_precision
from mien.training.recipes import read_config

ROUNDS = 12


class Step:
    """One training step with a precision and a memory layout."""

    def __init__(
        self, config: TrainConfig, dtype: torch.dtype, layout: torch.memory_format
    ) -> None:
        self.net = CnnLstm(config.model, 7).to(memory_format=layout)
        self.optimizer = torch.optim.AdamW(self.net.parameters(), lr=1e-3)
        self.augment = Augment(config.augment)
        self.dtype, self.layout = dtype, layout
        self.faces = torch.rand(config.batch_size, 1, 48, 48)
        self.labels = torch.randint(0, 7, (config.batch_size,))

    def time(self) -> tuple[float, float]:
        """Run the step; return its total time, and that of the augmentation, in seconds."""
        began = time.perf_counter()
        x = self.augment(self.faces).contiguous(memory_format=self.layout)
        augmented = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.dtype == torch.bfloat16):
            logits = self.net(x)
        functional.cross_entropy(logits.float(), self.labels).backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return time.perf_counter() - began, augmented - began


def main(recipe: str) -> None:
    """Time the steps alternately."""
    config = read_config(recipe)
    plain, last = torch.contiguous_format, torch.channels_last
    steps = {
        "float32": Step(config, torch.float32, plain),
        "float32_channels_last": Step(config, torch.float32, last),
        "bfloat16_channels_last": Step(config, torch.bfloat16, last),
    }
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in steps}
    for _ in range(ROUNDS + 2):
        for name, step in steps.items():
            seconds[name].append(step.time())
    whole = {name: statistics.median(s for s, _ in rounds[2:]) for name, rounds in seconds.items()}
    augment = statistics.median(part for _, part in seconds["float32_channels_last"][2:])
    write_result(
        __file__,
        ("torch", "kornia"),
        {
            "batch_size": config.batch_size,
            "faces_per_s": {name: config.batch_size / s for name, s in whole.items()},
            "bfloat16_over_float32": whole["float32"] / whole["bfloat16_channels_last"],
            "channels_last_over_contiguous": whole["float32"] / whole["float32_channels_last"],
            "augmentation_share_of_a_step": augment / whole["float32_channels_last"],
            "precision_auto_chooses": faster_precision(),
        },
    )


if __name__ == "__main__":
    main(sys.argv[1])
