"""How fast is a training step, compared with the same network in Keras 3 on TensorFlow?

Command: python benchmarks/training_peers.py PYTHON [RECIPE ...] [compiled]

PYTHON is that of an environment with `keras` and `tensorflow-cpu`; RECIPE is `accurate` and `fast`
unless told. Both take whole steps on the same faces at 48 px with batches of 64: forward, loss,
backward, AdamW; nothing of augmentation, teachers or data loading. They run in turn, in rounds, on
as many cores as this process may use (`taskset -c 0`), and each figure is the median of the rounds.
`compiled` adds our network under `torch.compile`.
`ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2` keeps both to AVX2, if their builds allow it.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch
from torch.nn import functional

from machine import write_result
from mien.training.config import ModelConfig
from mien.training.model import CnnLstm
from mien.training.recipes import read_config

BATCH = 64
ROUNDS = 5
STEPS = 3

KERAS = """
import json, os, sys, time
os.environ["KERAS_BACKEND"] = "tensorflow"
import numpy as np, keras, tensorflow as tf
from keras import layers
model, threads, batch = json.loads(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
tf.config.threading.set_intra_op_parallelism_threads(threads)
tf.config.threading.set_inter_op_parallelism_threads(1)
x = inputs = keras.Input((48, 48, 1))
for width, depth, dropout in zip(model["widths"], model["depths"], model["block_dropout"]):
    for _ in range(depth):
        x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.MaxPooling2D()(x)
    if dropout:
        x = layers.SpatialDropout2D(dropout)(x)
x = layers.Reshape((36, model["widths"][-1]))(x)
x = layers.GlobalAveragePooling1D()(layers.LSTM(model["units"], return_sequences=True)(x))
x = layers.Dense(7)(layers.Dropout(model["head_dropout"])(x))
net = keras.Model(inputs, x)
net.compile(
    keras.optimizers.AdamW(1e-3, weight_decay=0.05),
    keras.losses.CategoricalCrossentropy(from_logits=True),
)
rng = np.random.default_rng(1)
faces = rng.random((batch, 48, 48, 1), dtype=np.float32)
targets = np.eye(7, dtype=np.float32)[rng.integers(0, 7, batch)]
faces, targets = tf.constant(faces), tf.constant(targets)
train = net.make_train_function() or net.train_function
data = tf.data.Dataset.from_tensors((faces, targets)).repeat()
net.reset_metrics()
iterator = iter(data)
print(json.dumps({"keras": keras.__version__, "tensorflow": tf.__version__,
                  "parameters": net.count_params()}), flush=True)
for line in sys.stdin:
    began, cpu = time.perf_counter(), time.process_time()
    for _ in range(int(line)):
        logs = train(iterator)
    float(np.asarray(list(logs.values())[0] if hasattr(logs, "values") else logs).ravel()[0])
    print(json.dumps([time.perf_counter() - began, time.process_time() - cpu]), flush=True)
"""
"""The peer: takes as many steps as each line of its input says, and answers with the seconds."""


class Ours:
    """Steps of the network as `mien train` takes them."""

    def __init__(self, model: ModelConfig, dtype: torch.dtype, *, is_compiled: bool) -> None:
        torch.manual_seed(1)
        self.net = CnnLstm(model, 7).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.answer = torch.compile(self.net) if is_compiled else self.net
        self.optimizer = torch.optim.AdamW(self.net.parameters(), lr=1e-3, weight_decay=0.05)
        faces = torch.rand(BATCH, 1, 48, 48)
        self.faces = faces.contiguous(memory_format=torch.channels_last)
        self.labels = torch.randint(0, 7, (BATCH,))
        self.dtype = dtype

    def take(self, steps: int) -> tuple[float, float]:
        """Take some steps; return their seconds and their processor-seconds."""
        began, cpu = time.perf_counter(), time.process_time()
        for _ in range(steps):
            with torch.autocast("cpu", torch.bfloat16, enabled=self.dtype == torch.bfloat16):
                logits = self.answer(self.faces)
            functional.cross_entropy(logits.float(), self.labels).backward()
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
        return time.perf_counter() - began, time.process_time() - cpu


class Peer:
    """The same steps in Keras, in a process of another Python."""

    def __init__(self, python: str, model: ModelConfig, threads: int) -> None:
        command = [python, "-c", KERAS, json.dumps(asdict(model)), str(threads), str(BATCH)]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": str(threads)},
        )
        self.told = self._answer()

    def take(self, steps: int) -> tuple[float, float]:
        """Take some steps; return their seconds and their processor-seconds."""
        assert self.process.stdin is not None
        print(steps, file=self.process.stdin, flush=True)
        seconds, cpu = self._answer()
        return seconds, cpu

    def close(self) -> None:
        """End the process."""
        self.process.communicate()

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())


def compare(python: str, recipe: str, threads: int, *, compiled: bool) -> dict[str, Any]:
    """Time the steps of a recipe's network side by side."""
    model = read_config(recipe).model
    peer = Peer(python, model, threads)
    takers: dict[str, Callable[[int], tuple[float, float]]] = {"keras": peer.take}
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        takers[name] = Ours(model, dtype, is_compiled=False).take
        if compiled:
            takers[f"{name}_compiled"] = Ours(model, dtype, is_compiled=True).take
    rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in takers}
    for number in range(ROUNDS + 1):
        for name, take in takers.items():
            taken = take(STEPS if number else 2)  # the first round compiles
            if number:
                rounds[name].append(taken)
    peer.close()
    seconds, cpu = (
        {name: statistics.median(pair[kind] for pair in pairs) for name, pairs in rounds.items()}
        for kind in (0, 1)
    )
    return {
        "peer": peer.told,
        "parameters": sum(p.numel() for p in CnnLstm(model, 7).parameters()),
        "faces_per_s": {name: round(BATCH * STEPS / s, 1) for name, s in seconds.items()},
        "seconds_of_keras_over_ours": {
            name: round(seconds["keras"] / s, 2) for name, s in seconds.items() if name != "keras"
        },
        "processor_seconds_of_keras_over_ours": {
            name: round(cpu["keras"] / s, 2) for name, s in cpu.items() if name != "keras"
        },
    }


def main() -> None:
    """Compare each recipe."""
    python, *words = sys.argv[1:]
    recipes = [word for word in words if word != "compiled"] or ["accurate", "fast"]
    threads = len(os.sched_getaffinity(0))
    torch.set_num_threads(threads)
    limits = {name: os.environ.get(name) for name in ("ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY")}
    compiled = "compiled" in words
    figures = {recipe: compare(python, recipe, threads, compiled=compiled) for recipe in recipes}
    write_result(
        __file__,
        f"python benchmarks/training_peers.py PYTHON {' '.join(words)}".strip(),
        ("torch",),
        {"threads": threads, "instruction_sets_limited_to": limits, **figures},
    )


if __name__ == "__main__":
    main()
