"""Compare the rows and the pace of a Ray cluster with those of one machine.

Command: python benchmarks/cluster_speed.py [PHOTOS [NODES [FOLDER]]]

PHOTOS pictures (10,000 by default) are made as in many_files.py, in FOLDER if one is named, where a
later run finds them. `mien analyze` reads them on this machine, and then a Ray cluster does: a head
and NODES nodes (2 by default) of one processor each, all on this machine. The rows of both are
compared one by one.

A pace is photos per second of processor time, from the start of a process to its end: of the local
run; of Ray's actors, which open the model and read the photos; and of all of Ray, with the driver,
the nodes' own processes, and what they do before the first photo.
"""

import resource
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import psutil
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from machine import write_result
from many_files import Run, make_photos
from mien.analyzer import Analyzer
from mien.batch.items import Columns
from mien.batch.sources import Sources
from mien.cluster.parts import Done, Parts
from mien.cluster.ray_run import Reading, read_shares
from mien.video.reading import VideoSettings
from ray_nodes import running_nodes

PHOTOS: Final = 10_000
NODES: Final = 2
OBSERVE_EVERY_S: Final = 0.5


@dataclass(frozen=True)
class Reader:
    """What read all the photos.

    Attributes:
        rows: The tidy rows, in order.
        seconds: Time that passed, in seconds.
        processor_s: Processor time of the processes that read, in seconds.
        all_processor_s: Processor time of all processes that served them, in seconds.
    """

    rows: list[dict[str, Any]]
    seconds: float
    processor_s: float
    all_processor_s: float


def read_here(folder: Path, output: Path) -> Reader:
    """Read the photos with `mien analyze` on this machine."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = Run(folder, output)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Reader(pq.read_table(output).to_pylist(), run.seconds, used_s, used_s)


class Watch:
    """The processor time of this process and of all that it starts, also of those that end.

    Ray ends an actor as soon as no share is left for it, so the processes are observed regularly.
    """

    def __init__(self) -> None:
        """Count from now on, once the context is entered."""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._observe)
        self._own_s = count_seconds(psutil.Process())
        self._observing_s = 0.0
        self._seconds: dict[tuple[int, float], float] = {}
        self._readers: set[tuple[int, float]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def readers_s(self) -> float:
        """Processor time of the actors that read photos, in seconds."""
        return sum(self._seconds[key] for key in tuple(self._readers))

    @property
    def all_s(self) -> float:
        """Processor time of all processes, without that of observing them, in seconds."""
        own_s = count_seconds(psutil.Process()) - self._own_s - self._observing_s
        return own_s + sum(tuple(self._seconds.values()))

    def _observe(self) -> None:
        while not self._ended.wait(OBSERVE_EVERY_S):
            for child in psutil.Process().children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    key = child.pid, child.create_time()
                    self._seconds[key] = count_seconds(child)
                    if "MapWorker" in " ".join(child.cmdline()):
                        self._readers.add(key)
            self._observing_s = time.thread_time()


def count_seconds(process: psutil.Process) -> float:
    """Return the processor time of a process, in seconds."""
    return sum(process.cpu_times()[:2])


def read_on_ray(folder: Path, output: Path, nodes: int, watch: Watch) -> Reader:
    """Read the photos on the cluster to which this process is connected.

    Args:
        folder: Where the photos are.
        output: The folder for the parts.
        nodes: Number of actors.
        watch: Observes the cluster, from its start or from now on.
    """
    began = time.perf_counter()
    parts = Parts(str(output), {})
    reading = Reading(
        Analyzer(threads=1), VideoSettings(), Columns(), None, parts, str(output.parent)
    )
    sources = Sources([str(folder)], whole_archives=True)
    for _ in read_shares(sources, Done(), reading, nodes):
        pass
    seconds, readers_s, all_s = time.perf_counter() - began, watch.readers_s, watch.all_s

    paths = sorted(output.glob("*.parquet"))
    rows = [row for path in paths for row in pq.read_table(path).to_pylist()]
    return Reader(rows, seconds, readers_s, all_s)


def compare(here: Reader, ray: Reader, photos: int, nodes: int) -> dict[str, Any]:
    """Return the figures of both."""
    pace = photos / here.processor_s
    actors, everything = photos / ray.processor_s, photos / ray.all_processor_s
    return {
        "photos": photos,
        "nodes": nodes,
        "rows": len(here.rows),
        "same_rows": ray.rows == here.rows,
        "local_photos_per_processor_s": round(pace, 1),
        "actors_photos_per_processor_s": round(actors, 1),
        "all_of_ray_photos_per_processor_s": round(everything, 1),
        "actors_over_local": round(actors / pace, 2),
        "all_of_ray_over_local": round(everything / pace, 2),
        "local_seconds": round(here.seconds, 1),
        "ray_seconds": round(ray.seconds, 1),
    }


def main() -> None:
    """Make the photos, read them twice, and compare."""
    defaults = (str(PHOTOS), str(NODES), "")
    photos, nodes, named = (*sys.argv[1:], *defaults[len(sys.argv) - 1 :])
    with tempfile.TemporaryDirectory() as place:
        folder = Path(named or Path(place) / "photos")
        if not folder.exists():
            make_photos(folder, int(photos))
        here = read_here(folder, Path(place) / "alone.parquet")
        with Watch() as watch, running_nodes(int(nodes)):
            ray = read_on_ray(folder, Path(place) / "ray", int(nodes), watch)
    figures = compare(here, ray, int(photos), int(nodes))
    write_result(__file__, ("ray", "onnxruntime", "pillow"), figures)


if __name__ == "__main__":
    main()
