"""Compare the speed of training steps with that of the same network in Keras 3 on TensorFlow.

Command: python benchmarks/training_peers.py --keras ENV/bin/python [--rounds 5] [--steps 1]
    [--network NAME ...] [--threads 1 ...] [--kinds NAME ...] [--add]

ENV is an environment with keras and tensorflow-cpu. Both take whole steps on the same batch of 64
faces at 48 px: forward, loss, backward and AdamW, without augmentation, teachers or data loading.
Keras runs as a graph and compiled with XLA; mien as it is, compiled with `torch.compile`, and
without keeping freed memory (`trimming`). Each runs in a process of its own, all of them in turn,
on one core and on all that this process may use; once with AVX2 at most, as on older processors,
and once with all instruction sets, then also in bfloat16. A figure is the median of the rounds.
Keras's LSTM has one bias, PyTorch's has two. `--rounds 1` is a quick run, `--kinds` measures
fewer columns, and `--add` keeps the settings that earlier runs measured.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from machine import describe_machine, write_result
from mien.training.config import ModelConfig
from mien.training.cost import count_cost
from mien.training.model import CnnLstm
from mien.training.recipes import read_config

HERE: Final = Path(__file__).parent / "peers"
BATCH: Final = 64
NETWORKS: Final = {
    "cnn-lstm": read_config("cnn-lstm").model,
    "small": ModelConfig(
        widths=(16, 48, 80), block_dropout=(0.0, 0.0, 0.05), units=96, head_dropout=0.1
    ),
}
AVX2_ONLY: Final = {
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "TORCHINDUCTOR_CPP_MARCH": "haswell",
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
}
"""Keeps oneDNN (of both), PyTorch, Inductor and XLA from instructions after AVX2."""
FLOAT32: Final = (
    "keras-graph",
    "keras-xla",
    "mien-float32",
    "mien-float32-compiled",
    "mien-float32-trimming",
)
BFLOAT16: Final = (
    "keras-graph-bfloat16",
    "keras-xla-bfloat16",
    "mien-bfloat16",
    "mien-bfloat16-compiled",
    "mien-bfloat16-trimming",
)


class Worker:
    """A process that takes training steps.

    Args:
        name: One of `FLOAT32` or `BFLOAT16`.
        keras: The Python of Keras's environment.
        model: The network.
        threads: Number of threads.
        limits: Environment variables that limit the instruction sets.
    """

    def __init__(
        self, name: str, keras: Path, model: ModelConfig, threads: int, limits: dict[str, str]
    ) -> None:
        library, kind = name.split("-", 1)
        python = str(keras) if library == "keras" else sys.executable
        script = str(HERE / f"steps_of_{library}.py")
        own = {
            "OMP_NUM_THREADS": str(threads),
            "KERAS_BACKEND": "tensorflow",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "TF_ENABLE_ONEDNN_OPTS": "1",  # TensorFlow's default depends on the processor
        }
        self.process = subprocess.Popen(
            [python, script, json.dumps(asdict(model)), kind, str(threads), str(BATCH)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | own | limits,
        )
        self.cores = sorted(os.sched_getaffinity(0))[:threads]

    def wait(self) -> int:
        """Wait until the network is built; return the number of its parameters."""
        parameters: int = self._read_answer()["parameters"]
        return parameters

    def take(self, steps: int) -> tuple[float, float]:
        """Take some steps; return their wall seconds and processor seconds."""
        self.start(steps)
        seconds, cpu = self._read_answer()
        return seconds, cpu

    def start(self, steps: int) -> None:
        """Start to take some steps."""
        assert self.process.stdin is not None
        print(steps, file=self.process.stdin, flush=True)

    def finish_warmup(self) -> None:
        """Wait for the first steps, which compile; then limit all threads to the cores."""
        self._read_answer()
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), self.cores)

    def close(self) -> None:
        """End the process."""
        self.process.communicate()

    def _read_answer(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())


def compare(
    model: ModelConfig, limits: dict[str, str], threads: int, given: argparse.Namespace
) -> dict[str, Any]:
    """Time a network's steps in turn, in milliseconds per step."""
    sets = describe_machine()["instruction_sets"] or ()
    has_bfloat16 = "AMX bf16" in sets and not limits  # elsewhere it is emulated
    names = [name for name in FLOAT32 + BFLOAT16 * has_bfloat16 if name in given.kinds]
    workers = {name: Worker(name, given.keras, model, threads, limits) for name in names}
    parameters = {name.split("-")[0]: worker.wait() for name, worker in workers.items()}

    for worker in workers.values():
        worker.start(2)
    for worker in workers.values():
        worker.finish_warmup()

    rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for _ in range(given.rounds):
        for name, worker in workers.items():
            rounds[name].append(worker.take(given.steps))
    for worker in workers.values():
        worker.close()

    ms, cpu_ms = (
        {
            name: round(1000 * statistics.median(one[kind] for one in taken) / given.steps, 1)
            for name, taken in rounds.items()
        }
        for kind in (0, 1)
    )
    return {
        "instruction_sets": ["AVX2"] if limits else sets,
        "threads": threads,
        "parameters": parameters,
        "ms": ms,
        "processor_ms": cpu_ms,
    }


def find_versions(keras: Path) -> dict[str, str]:
    """Return the versions of the peer's packages."""
    code = (
        "import json; from importlib.metadata import version; "
        "print(json.dumps({n: version(n) for n in ('keras', 'tensorflow-cpu')}))"
    )
    done = subprocess.run([str(keras), "-c", code], check=True, capture_output=True, text=True)
    versions: dict[str, str] = json.loads(done.stdout)
    return versions


def main() -> None:
    """Compare each network, on one core and on all, with AVX2 and with all instruction sets."""
    everything = sorted({1, len(os.sched_getaffinity(0))})
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keras", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--network", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--threads", nargs="+", type=int, default=everything)
    parser.add_argument("--kinds", nargs="+", default=FLOAT32 + BFLOAT16)
    parser.add_argument("--add", action="store_true")
    given = parser.parse_args()

    versions = find_versions(given.keras)
    networks: dict[str, Any] = {}
    if given.add:
        path = Path(__file__).with_suffix(".json")
        networks = json.loads(path.read_text(encoding="utf-8"))["figures"]["networks"]
    for name in given.network:
        macs = count_cost(CnnLstm(NETWORKS[name], 7)).macs
        settings = networks.setdefault(name, {"macs": macs, "settings": []})["settings"]
        for limits in (AVX2_ONLY, {}):
            for threads in given.threads:
                settings.append(compare(NETWORKS[name], limits, threads, given))
                write(networks, versions, given)  # at once: the whole takes minutes


def write(networks: dict[str, Any], versions: dict[str, str], given: argparse.Namespace) -> None:
    """Write what was measured so far."""
    write_result(
        __file__,
        ("torch",),
        {
            "versions": versions,
            "batch_size": BATCH,
            "rounds": given.rounds,
            "steps_per_round": given.steps,
            "networks": networks,
        },
    )


if __name__ == "__main__":
    main()
