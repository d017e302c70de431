"""Check that a run over many photos keeps its pace, its memory use and, after a kill, its table.

Command: python benchmarks/many_files.py [PHOTOS]

Generates PHOTOS pictures (10,000 by default) from the sample photo in a temporary folder, with
different cuts, sizes, rotations and brightness, one in fifty corrupt. `mien analyze` reads them
once without interruption, and once killed in the middle and restarted. Meanwhile its threads and
memory are sampled (Linux). A thread may run, or be ready but wait for a core used by another
program; `share_of_cores_had` counts only running threads, and is lower if the machine has other
load.
"""

import contextlib
import hashlib
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance

from machine import write_result

SAMPLE = Path(__file__).parent.parent / "examples" / "astronaut.jpg"
PHOTOS = 10_000
FOLDERS = 20
BROKEN_EVERY = 50
SAMPLE_EVERY_S = 0.25


def make_photo(folder: Path, number: int) -> None:
    """Write one photo, determined by its number."""
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
    """Write all photos in parallel."""
    for name in range(FOLDERS):
        (folder / f"{name:02d}").mkdir(parents=True)
    with ProcessPoolExecutor() as pool:
        for _ in pool.map(make_photo, [folder] * photos, range(photos), chunksize=50):
            pass


@dataclass
class Sample:
    """State of a run at one moment.

    Attributes:
        time_s: Time since its start, in seconds.
        ran_s: Processor time of all its threads, in seconds.
        ready: Number of threads that run or wait for a core.
        memory_mb: Memory in use, in MB.
        results: Number of results in its journal.
    """

    time_s: float
    ran_s: float
    ready: int
    memory_mb: float
    results: int


class Run:
    """A run of the command, observed from outside."""

    def __init__(self, folder: Path, output: Path, *, kill_at: int | None = None) -> None:
        """Start it; kill it once its journal has `kill_at` results."""
        words = [sys.executable, "-m", "mien", "analyze", str(folder), "--output", str(output)]
        self._journal = output.with_name(f"{output.name}.partial")
        self._read_to = self._results = 0
        self.samples: list[Sample] = []
        began = time.perf_counter()
        process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        while process.poll() is None:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError, IndexError):
                self.samples.append(self._look(process.pid, time.perf_counter() - began))
            if kill_at is not None and self._results > kill_at:
                process.send_signal(signal.SIGKILL)
                break
            time.sleep(SAMPLE_EVERY_S)
        self.told = process.communicate()[1].splitlines()
        self.exit_code = process.returncode
        self.seconds = time.perf_counter() - began

    def _look(self, process: int, time_s: float) -> Sample:
        """Take a sample."""
        ran = ready = 0
        for task in Path(f"/proc/{process}/task").iterdir():
            ran += int((task / "schedstat").read_text(encoding="ascii").split()[0])
            state = (task / "stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
            ready += state == "R"
        pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
        with self._journal.open("rb") as file:
            file.seek(self._read_to)
            new = file.read()
        self._read_to += len(new)
        self._results += new.count(b"\n")
        held = pages * os.sysconf("SC_PAGE_SIZE") / 1e6
        return Sample(time_s, ran / 1e9, ready, held, self._results)


def describe(run: Run, photos: int) -> dict[str, Any]:
    """Return the figures of an uninterrupted run."""
    cores = os.cpu_count() or 1
    steady = [sample for sample in run.samples if 0 < sample.results < photos * 0.98]
    third = len(steady) // 3
    thirds = [(steady[0], steady[third]), (steady[-third - 1], steady[-1])]
    wall = cores * (steady[-1].time_s - steady[0].time_s)
    ran = steady[-1].ran_s - steady[0].ran_s
    wanted = statistics.mean(min(sample.ready, cores) for sample in steady) / cores
    pace = [(b.results - a.results) / (b.ran_s - a.ran_s) for a, b in thirds]
    memory = [
        statistics.mean(sample.memory_mb for sample in part)
        for part in (steady[:third], steady[-third:])
    ]
    return {
        "photos": photos,
        "seconds": round(run.seconds, 1),
        "photos_per_s": round(photos / run.seconds, 1),
        "cores": cores,
        "share_of_cores_had": round(ran / wall, 3),
        "share_of_cores_kept_busy": round(wanted, 3),
        "photos_per_core_second_first_third": round(pace[0], 1),
        "photos_per_core_second_last_third": round(pace[1], 1),
        "memory_first_third_mb": round(memory[0]),
        "memory_last_third_mb": round(memory[1]),
        "memory_mb": [round(sample.memory_mb) for sample in steady[:: max(1, len(steady) // 12)]],
        "memory_peak_mb": round(max(sample.memory_mb for sample in run.samples)),
        "exit_code": run.exit_code,
        "told": run.told[0],
    }


def main() -> None:
    """Generate the photos, read them twice, and compare."""
    photos = int(sys.argv[1]) if len(sys.argv) > 1 else PHOTOS
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "photos"
        make_photos(folder, photos)
        whole = Run(folder, Path(place) / "whole.csv")
        killed = Run(folder, Path(place) / "resumed.csv", kill_at=photos // 2)
        again = Run(folder, Path(place) / "resumed.csv")
        tables = [
            hashlib.sha256((Path(place) / f"{name}.csv").read_bytes()).hexdigest()
            for name in ("whole", "resumed")
        ]
        rows = sum(1 for _ in (Path(place) / "whole.csv").open(encoding="utf-8")) - 1
    write_result(
        __file__,
        ("onnxruntime", "pillow"),
        describe(whole, photos)
        | {
            "rows": rows,
            "killed_after_s": round(killed.seconds, 1),
            "killed_exit_code": killed.exit_code,
            "resumed_seconds": round(again.seconds, 1),
            "same_table_after_kill": tables[0] == tables[1],
        },
    )


if __name__ == "__main__":
    main()
