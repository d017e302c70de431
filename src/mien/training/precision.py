"""Choose the precision to train with on this processor, by a short benchmark."""

import time
from typing import Literal

import torch
from torch import nn


def choose_precision(processes: int) -> Literal["float32", "bfloat16"]:
    """Resolve `precision = "auto"`.

    Args:
        processes: Number of processes; on CPUs, several could each find another precision.

    Returns:
        The faster precision for one process or for GPUs, `float32` for several CPU processes.
    """
    is_sure = processes == 1 or torch.cuda.is_available()
    return faster_precision() if is_sure else "float32"


def faster_precision() -> Literal["float32", "bfloat16"]:
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
    """Return the best of five rounds, in seconds."""
    layer = nn.Conv2d(64, 64, 3, padding=1, bias=False, dtype=dtype)
    x = torch.rand(16, 64, 24, 24, dtype=dtype).to(memory_format=torch.channels_last)
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        layer(x.requires_grad_()).sum().backward()
        best = min(best, time.perf_counter() - began)
    return best
