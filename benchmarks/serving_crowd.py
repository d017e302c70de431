"""Measure the service with many clients that pause between their requests.

Command: python benchmarks/serving_crowd.py [SECONDS]

500 clients, each on a connection of its own, send a picture, wait for the answer, and pause for ten
seconds on average (exponentially distributed) before the next, for SECONDS (300 by default). A
client that is answered with 429 waits for a second and sends its picture again. On a machine that
cannot read the queue within `--answer-s`, because other programs take its cores, the service
answers with 503 as well, which counts as an error. The service shares the cores with its clients,
and each answer is compared with that of one picture at a time.
"""

import asyncio
import os
import random
import statistics
import sys
import time
from collections import Counter

from machine import write_result
from mien.analyzer import Analyzer
from serving_load import PICTURES, Connection, make_pictures, read_cpu_s, read_memory_mb, serve

CLIENTS = 500
THINK_S = 10.0
SECONDS = 300.0
OPTIONS = ("--max-connections", "600", "--idle-s", "120")
"""For 500 connections, most of which are idle."""


class Crowd:
    """The clients, and what they were answered."""

    def __init__(self, port: int, pictures: list[bytes], wanted: list[str]) -> None:
        self._port = port
        self._pictures = pictures
        self._wanted = wanted
        self.statuses: Counter[int] = Counter()
        self.broken = self.different = 0
        self.seconds: list[float] = []

    async def run(self, seconds: float) -> None:
        """Run all clients."""
        until = time.perf_counter() + seconds
        await asyncio.gather(*(self._be_client(number, until) for number in range(CLIENTS)))

    async def _be_client(self, number: int, until: float) -> None:
        """Ask, pause, and ask again."""
        chance = random.Random(number)
        await asyncio.sleep(chance.uniform(0, THINK_S))
        connection = Connection(self._port)
        await connection.open()
        while time.perf_counter() < until:
            began = time.perf_counter()
            try:
                status, text = await connection.ask(
                    "POST", "/v1/analyze", self._pictures[number % PICTURES]
                )
            except (OSError, EOFError):
                self.broken += 1
                connection = Connection(self._port)
                await connection.open()
                continue

            self.statuses[status] += 1
            if status != 200:  # the service closes a connection whose upload it did not read
                await connection.close()
                if status == 429:
                    await asyncio.sleep(1)
                # Opened only now: a new connection without a request is closed after a while.
                connection = Connection(self._port)
                await connection.open()
            if status == 429:
                continue

            self.seconds.append(time.perf_counter() - began)
            self.different += status == 200 and text != self._wanted[number % PICTURES]
            number += 1
            left_s = until - time.perf_counter()
            await asyncio.sleep(max(0, min(chance.expovariate(1 / THINK_S), left_s)))
        await connection.close()


async def wait_until_ready(port: int) -> None:
    """Wait until the networks are warm."""
    connection = Connection(port)
    await connection.open()
    while (await connection.ask("GET", "/readyz"))[0] != 200:
        await asyncio.sleep(0.05)
    await connection.close()


def main() -> None:
    """Measure, and write the results."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    pictures = make_pictures()
    analyzer = Analyzer(threads=1)
    wanted = [analyzer.analyze(picture).to_json() for picture in pictures]
    with serve(*OPTIONS) as (process, port):
        asyncio.run(wait_until_ready(port))
        crowd = Crowd(port, pictures, wanted)
        began, cpu_s = time.perf_counter(), read_cpu_s(process)
        asyncio.run(crowd.run(seconds))
        took_s, used_s = time.perf_counter() - began, read_cpu_s(process) - cpu_s
        memory_mb = read_memory_mb(process)
    ordered = sorted(crowd.seconds)
    answered = crowd.statuses[200]
    write_result(
        __file__,
        ("fastapi", "onnxruntime", "uvicorn"),
        {
            "clients": CLIENTS,
            "think_s": THINK_S,
            "seconds": took_s,
            "answered": answered,
            "refused": crowd.statuses[429],
            "errors": crowd.statuses.total() - answered - crowd.statuses[429] + crowd.broken,
            "broken_connections": crowd.broken,
            "statuses": {str(status): count for status, count in crowd.statuses.items()},
            "different": crowd.different,
            "pictures_per_s": answered / took_s,
            "cores_used": used_s / took_s,
            "cpu_ms_per_picture": 1e3 * used_s / answered,
            "median_s": statistics.median(ordered),
            "p99_s": ordered[int(0.99 * len(ordered))],
            "longest_s": ordered[-1],
            "memory_mb": memory_mb,
            "load_before": os.getloadavg()[0],
        },
    )


if __name__ == "__main__":
    main()
