"""Measure the service under load, and the cost of HTTP.

Command: python benchmarks/serving_load.py

`mien serve` runs in a separate process. First, a single client sends a hundred pictures. Then 64
clients send requests for two minutes in total, each as soon as it has its previous response. These
rounds alternate with rounds that read the same pictures without HTTP, in one process with as many
threads as the service has workers. The service shares the cores with its clients. Other load on the
machine affects the rate of a round, but hardly the median ratio of rounds or the processor time per
picture. Every response is compared with a sequential one.
"""

import asyncio
import io
import os
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from machine import write_result
from mien.analyzer import Analyzer
from mien.results import ImageResult

SAMPLE = Path(__file__).parent.parent / "examples" / "astronaut.jpg"
PICTURES = 24
CLIENTS = 64
LOAD_S = 120.0
ROUND_S = 8.0
OWN_S = 2.0
LONE = 100


@dataclass
class Tally:
    """The responses that clients received."""

    statuses: Counter[int] = field(default_factory=Counter)
    different: int = 0
    seconds: list[float] = field(default_factory=list)


def make_pictures() -> list[bytes]:
    """Cut the sample photo in many ways, with one face in each."""
    pictures = []
    with Image.open(SAMPLE) as image:
        for number in range(PICTURES):
            cut = image.convert("RGB").crop((number * 3, number, 512 - number, 512 - 2 * number))
            stream = io.BytesIO()
            cut.resize((640, 640)).save(stream, "JPEG", quality=90)
            pictures.append(stream.getvalue())
    return pictures


@contextmanager
def serve(*options: str) -> Iterator[tuple[int, int]]:
    """Run the service; return its process and port."""
    command = [sys.executable, "-m", "mien", "serve", "--port", "0", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        found = re.search(r":(\d+)$", process.stderr.readline().strip())
        assert found is not None
        try:
            yield process.pid, int(found[1])
        finally:
            process.send_signal(signal.SIGTERM)


class Connection:
    """A minimal HTTP client with a persistent connection."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def open(self) -> None:
        """Connect."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)

    async def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, str]:
        """Send a request; return the status and the body of the response."""
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        self._writer.write(head.encode() + body)
        answer = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        found = re.search(r"content-length: (\d+)", answer, re.IGNORECASE)
        assert found is not None
        text = (await self._reader.readexactly(int(found[1]))).decode()
        return int(answer.split(" ")[1]), text

    async def close(self) -> None:
        """Disconnect."""
        self._writer.close()
        await self._writer.wait_closed()


async def be_client(
    port: int, number: int, pictures: list[bytes], wanted: list[str], *, tally: Tally, until: float
) -> None:
    """Send requests repeatedly."""
    connection = Connection(port)
    await connection.open()
    while time.perf_counter() < until:
        began = time.perf_counter()
        status, text = await connection.ask("POST", "/v1/analyze", pictures[number % PICTURES])
        tally.statuses[status] += 1
        tally.seconds.append(time.perf_counter() - began)
        if status == 200:
            tally.different += text != wanted[number % PICTURES]
        else:
            await asyncio.sleep(0.2)
        number += 1
    await connection.close()


async def ask_alone(port: int, picture: bytes) -> tuple[float, float]:
    """Wait until the service is ready; return the seconds of the first and of the last requests."""
    connection = Connection(port)
    await connection.open()
    while (await connection.ask("GET", "/readyz"))[0] != 200:
        await asyncio.sleep(0.01)
    seconds = []
    for _ in range(LONE):
        began = time.perf_counter()
        await connection.ask("POST", "/v1/analyze", picture)
        seconds.append(time.perf_counter() - began)
    await connection.close()
    return seconds[0], statistics.median(seconds[-10:])


async def load(port: int, pictures: list[bytes], wanted: list[str], tally: Tally) -> float:
    """Run one round with all clients; return the pictures per second."""
    began, before = time.perf_counter(), tally.statuses[200]
    clients = (
        be_client(port, number * 7, pictures, wanted, tally=tally, until=began + ROUND_S)
        for number in range(CLIENTS)
    )
    await asyncio.gather(*clients)
    return (tally.statuses[200] - before) / (time.perf_counter() - began)


def read_alone(analyzer: Analyzer, pictures: list[bytes], threads: int) -> float:
    """Read the pictures without HTTP for one round; return the pictures per second."""
    began = time.perf_counter()
    counts = [0] * threads

    def work(thread: int) -> None:
        def endless() -> Iterator[bytes]:
            while time.perf_counter() < began + OWN_S:
                yield from pictures[:16]

        counts[thread] = sum(isinstance(r, ImageResult) for r in analyzer.analyze_many(endless()))

    workers = [threading.Thread(target=work, args=(thread,)) for thread in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts) / (time.perf_counter() - began)


def read_cpu_s(process: int) -> float:
    """Return the processor time of a process, in seconds."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def read_memory_mb(process: int) -> float:
    """Return the memory of a process, in MB."""
    pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    """Measure, and write the results."""
    pictures = make_pictures()
    analyzer = Analyzer(threads=1)
    wanted = [analyzer.analyze(picture).to_json() for picture in pictures]
    threads = len(os.sched_getaffinity(0))
    tally = Tally()
    service_rates, own_rates, memory_mb = [], [], []
    service_cpu_s = own_cpu_s = own_read = 0.0
    with serve() as (process, port):
        first_s, hundredth_s = asyncio.run(ask_alone(port, pictures[0]))
        loaded_s = 0.0
        while loaded_s < LOAD_S:
            began, cpu_s = time.perf_counter(), time.process_time()
            own_rates.append(read_alone(analyzer, pictures, threads))
            own_cpu_s += time.process_time() - cpu_s
            own_read += own_rates[-1] * (time.perf_counter() - began)
            began, cpu_s = time.perf_counter(), read_cpu_s(process)
            service_rates.append(asyncio.run(load(port, pictures, wanted, tally)))
            loaded_s += time.perf_counter() - began
            service_cpu_s += read_cpu_s(process) - cpu_s
            memory_mb.append(read_memory_mb(process))
    ratios = [s / o for s, o in zip(service_rates, own_rates, strict=True)]
    ordered = sorted(tally.seconds)
    errors = sum(n for status, n in tally.statuses.items() if status not in {200, 429})
    service_cpu_ms = 1e3 * service_cpu_s / tally.statuses[200]
    own_cpu_ms = 1e3 * own_cpu_s / own_read
    write_result(
        __file__,
        ("fastapi", "onnxruntime", "uvicorn"),
        {
            "clients": CLIENTS,
            "rounds": len(ratios),
            "seconds": loaded_s,
            "answered": tally.statuses[200],
            "refused": tally.statuses[429],
            "errors": errors,
            "different": tally.different,
            "service_pictures_per_s": statistics.median(service_rates),
            "own_pictures_per_s": statistics.median(own_rates),
            "ratio": statistics.median(ratios),
            "ratio_lowest": min(ratios),
            "ratio_highest": max(ratios),
            "service_cpu_ms_per_picture": service_cpu_ms,
            "own_cpu_ms_per_picture": own_cpu_ms,
            "cpu_ratio": own_cpu_ms / service_cpu_ms,
            "median_s": statistics.median(ordered),
            "p99_s": ordered[int(0.99 * len(ordered))],
            "first_ms": 1e3 * first_s,
            "hundredth_ms": 1e3 * hundredth_s,
            "memory_early_mb": memory_mb[len(ratios) // 4],
            "memory_late_mb": memory_mb[-1],
        },
    )


if __name__ == "__main__":
    main()
