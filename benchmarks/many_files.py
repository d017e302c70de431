"""Does a run over many photos keep its pace, its memory and, after a kill, its table?

Command: python benchmarks/many_files.py [PHOTOS]

PHOTOS pictures (10,000 unless told) are made from the sample photo in a temporary folder: cuts,
sizes, turns and brightness of it, one in fifty broken. They are read by `mien analyze` as a user
starts it: once unbroken; and once killed without warning in the middle and started again. While it
runs, processor time and memory are read from the system.
"""

import hashlib
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance

from machine import write_result

SAMPLE = Path(__file__).parent.parent / "examples" / "astronaut.jpg"
PHOTOS = 10_000
FOLDERS = 20
BROKEN_EVERY = 50
SAMPLE_EVERY_S = 1.0


def make_photo(folder: Path, number: int) -> None:
    """Write one photo, the same for the same number."""
    path = folder / f"{number % FOLDERS:02d}" / f"{number:06d}.jpg"
    rng = np.random.default_rng(number)
    with Image.open(SAMPLE) as image:
        left, top = (int(side) for side in rng.integers(0, 120, 2))
        right, bottom = (int(side) for side in rng.integers(300, 513, 2))
        cut = image.convert("RGB").crop((left, top, right, bottom))
    side = int(rng.integers(400, 1281))
    cut = cut.resize((side, round(side * cut.height / cut.width)))
    cut = ImageEnhance.Brightness(cut).enhance(float(rng.uniform(0.5, 1.4)))
    cut.save(path, quality=int(rng.integers(70, 95)))
    if number % BROKEN_EVERY == 0:
        data = path.read_bytes()
        path.write_bytes((b"", data[: len(data) // 2], b"no picture")[number // BROKEN_EVERY % 3])


def make_photos(folder: Path, photos: int) -> None:
    """Write all photos, side by side."""
    for name in range(FOLDERS):
        (folder / f"{name:02d}").mkdir(parents=True)
    with ProcessPoolExecutor() as pool:
        for _ in pool.map(make_photo, [folder] * photos, range(photos), chunksize=50):
            pass


def read_usage(process: int) -> tuple[float, float]:
    """Give a process's processor time in seconds, and the memory it holds in MB."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    seconds = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    held = int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    return seconds, held


def run(folder: Path, output: Path, *, kill_at: int | None = None) -> dict[str, Any]:
    """Run the command; kill it without warning once its journal holds `kill_at` results."""
    words = [sys.executable, "-m", "mien", "analyze", str(folder), "--output", str(output)]
    journal = output.with_name(f"{output.name}.partial")
    began = time.perf_counter()
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    samples: list[tuple[float, float, float]] = []
    while process.poll() is None:
        try:
            samples.append((time.perf_counter() - began, *read_usage(process.pid)))
        except (FileNotFoundError, ProcessLookupError, IndexError):
            break
        if kill_at is not None and journal.exists():
            with journal.open("rb") as file:
                if sum(1 for _ in file) > kill_at:
                    process.send_signal(signal.SIGKILL)
                    break
        time.sleep(SAMPLE_EVERY_S)
    told = process.communicate()[1]
    return {
        "exit_code": process.returncode,
        "seconds": time.perf_counter() - began,
        "samples": samples,
        "told": told.splitlines(),
    }


def describe(found: dict[str, Any], photos: int) -> dict[str, Any]:
    """Give the figures of an unbroken run."""
    samples = found["samples"]
    cores = os.cpu_count() or 1
    # Of the run itself, without the start and the writing of the table at the end.
    first, last = samples[2], samples[-2]
    busy = (last[1] - first[1]) / (last[0] - first[0]) / cores
    held = [sample[2] for sample in samples]
    third = len(held) // 3
    return {
        "photos": photos,
        "seconds": round(found["seconds"], 1),
        "photos_per_s": round(photos / found["seconds"], 1),
        "cores": cores,
        "cores_busy": round(busy, 3),
        "memory_first_third_mb": round(statistics.mean(held[2:third])),
        "memory_last_third_mb": round(statistics.mean(held[-third:])),
        "memory_peak_mb": round(max(held)),
        "exit_code": found["exit_code"],
        "told": found["told"][0],
    }


def main() -> None:
    """Make the photos, read them twice, and compare."""
    photos = int(sys.argv[1]) if len(sys.argv) > 1 else PHOTOS
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "photos"
        make_photos(folder, photos)
        whole = run(folder, Path(place) / "whole.csv")
        killed = run(folder, Path(place) / "resumed.csv", kill_at=photos // 2)
        again = run(folder, Path(place) / "resumed.csv")
        tables = [
            hashlib.sha256((Path(place) / f"{name}.csv").read_bytes()).hexdigest()
            for name in ("whole", "resumed")
        ]
        rows = sum(1 for _ in (Path(place) / "whole.csv").open(encoding="utf-8")) - 1
    write_result(
        __file__,
        f"python benchmarks/many_files.py {photos}",
        ("onnxruntime", "pillow"),
        describe(whole, photos)
        | {
            "rows": rows,
            "killed_after_s": round(killed["seconds"], 1),
            "killed_exit_code": killed["exit_code"],
            "resumed_seconds": round(again["seconds"], 1),
            "same_table_after_kill": tables[0] == tables[1],
        },
    )


if __name__ == "__main__":
    main()
