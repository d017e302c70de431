"""Time the recipe `fine-tune` with and without AVX-512.

Command: python benchmarks/fine_tune_time.py

It trains on 100 drawn faces with one thread, once with all instruction sets of the processor and
once limited to AVX2 by the environment variables of PyTorch and oneDNN. Measured is the processor
time of an epoch after the first; a whole training takes a multiple of this.
"""

import csv
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from machine import write_result
from mien.training.recipes import read_config

FACES = 100
"""The faces to train on, in two classes."""
EPOCHS = 3
HELD_TO = {
    "all instruction sets": {},
    "AVX2": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
}


def main() -> None:
    """Train with each set of instructions, and write the measurements."""
    epochs = read_config("fine-tune").epochs
    with tempfile.TemporaryDirectory() as folder:
        write_faces(Path(folder))
        seconds = {name: time_epoch(Path(folder), held) for name, held in HELD_TO.items()}
    figures = {
        "faces": FACES,
        "threads": 1,
        "epochs": epochs,
        "processor_seconds": {name: round(epochs * one) for name, one in seconds.items()},
    }
    write_result(__file__, ("torch",), figures)


def write_faces(folder: Path) -> None:
    """Write noise as faces: their content does not affect the time."""
    rng = np.random.default_rng(0)
    for split, count in (("train", FACES), ("val", 20)):
        for number in range(count):
            place = folder / "faces" / split / ("calm" if number % 2 else "glad")
            place.mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(0, 256, (48, 48), dtype=np.uint8)
            Image.fromarray(pixels).save(place / f"{number}.png")


def time_epoch(folder: Path, held: dict[str, str]) -> float:
    """Return the minimum processor time of an epoch after the first, in seconds."""
    output = folder / f"run-{len(held)}"
    words = ["train", "--recipe", "fine-tune", "--data", str(folder / "faces")]
    words += ["--output", str(output), "--set", f"stages=[{{size = 48, epochs = {EPOCHS}}}]"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **held}
    subprocess.run([sys.executable, "-m", "mien", *words], env=environment, check=True)
    with (output / "history.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return min(float(row["cpu_seconds"]) for row in rows[1:])


if __name__ == "__main__":
    main()
