"""Does a Ray cluster read the rows of one machine, at which pace, and after losing a node?

Command: python benchmarks/cluster_speed.py [PHOTOS [NODES]]

PHOTOS pictures (10,000 unless told) are made as in many_files.py and read twice: by `mien analyze`,
and by `mien analyze --engine ray` on a cluster of a head and NODES nodes (3 unless told) of one
processor each, all on this machine. A pace is photos per processor-second, between the first and
the last results: of the local run, of Ray's actors, and of all of Ray's processes, the driver
included. Then the photos are read once more, and meanwhile an actor is killed and a node removed.
"""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
from ray_nodes import Nodes, running_nodes

PHOTOS = 10_000
NODES = 3


def list_actors() -> list[psutil.Process]:
    """Return the actors that read, among the processes that this one started."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if "MapWorker" in " ".join(child.cmdline())]


def count_seconds(processes: list[psutil.Process]) -> float:
    """Sum the processor time of processes."""
    return sum(sum(process.cpu_times()[:2]) for process in processes)


class RayRun:
    """A run on the cluster, watched from the driver."""

    def __init__(
        self, folder: Path, output: Path, *, nodes: int, disturb: Callable[[int], None] | None
    ) -> None:
        """Read a folder into parts; `disturb` is called after each part with their number."""
        parts = Parts(str(output), {})
        reading = Reading(
            Analyzer(threads=1), VideoSettings(), Columns(), None, parts, str(output.parent)
        )
        sources = Sources([str(folder)], whole_archives=True)
        seen: list[tuple[int, float, float]] = []
        counted, began = 0, time.perf_counter()
        for number, tally in enumerate(read_shares(sources, Done(), reading, (nodes, nodes))):
            counted += tally.sources
            everything = [psutil.Process(), *psutil.Process().children(recursive=True)]
            seen.append((counted, count_seconds(list_actors()), count_seconds(everything)))
            if disturb is not None:
                disturb(number)
        self.seconds = time.perf_counter() - began
        first, last = seen[0], seen[-1]
        photos = last[0] - first[0]
        self.pace_of_actors, self.pace_of_all = (
            photos / max(last[kind] - first[kind], 1e-9) for kind in (1, 2)
        )
        self.rows = [
            row for path in sorted(output.iterdir()) for row in pq.read_table(path).to_pylist()
        ]


def lose(nodes: Nodes) -> Callable[[int], None]:
    """Return what kills an actor after the third part, and a node after the fifth."""

    def disturb(number: int) -> None:
        if number == 2:
            os.kill(list_actors()[0].pid, signal.SIGKILL)
        if number == 4:
            nodes.cluster.remove_node(next(iter(nodes.cluster.worker_nodes)), allow_graceful=False)

    return disturb


def main() -> None:
    """Make the photos, read them three times, and compare."""
    photos, count = (int(text) for text in (*sys.argv[1:], *(PHOTOS, NODES)[len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory() as place, running_nodes(count) as nodes:
        folder = Path(place) / "photos"
        make_photos(folder, photos)
        alone = Run(folder, Path(place) / "alone.parquet")
        ray = RayRun(folder, Path(place) / "ray", nodes=count, disturb=None)
        lost = RayRun(folder, Path(place) / "lost", nodes=count, disturb=lose(nodes))
        rows = pq.read_table(Path(place) / "alone.parquet").to_pylist()
    steady = [sample for sample in alone.samples if sample.results]
    pace = (steady[-1].results - steady[0].results) / (steady[-1].ran_s - steady[0].ran_s)
    figures: dict[str, Any] = {
        "photos": photos,
        "nodes": count,
        "local_photos_per_processor_s": round(pace, 1),
        "actors_photos_per_processor_s": round(ray.pace_of_actors, 1),
        "all_of_ray_photos_per_processor_s": round(ray.pace_of_all, 1),
        "actors_over_local": round(ray.pace_of_actors / pace, 2),
        "all_of_ray_over_local": round(ray.pace_of_all / pace, 2),
        "seconds": {"local": round(alone.seconds, 1), "ray": round(ray.seconds, 1)},
        "same_rows": ray.rows == rows,
        "same_rows_after_losing_an_actor_and_a_node": lost.rows == rows,
    }
    command = f"python benchmarks/cluster_speed.py {photos} {count}"
    write_result(__file__, command, ("ray", "onnxruntime", "pillow"), figures)


if __name__ == "__main__":
    main()
