"""Read queued pictures on all cores and in batches.

One thread per core takes the next picture, decodes it and detects its faces. When the queue is
empty, or enough faces have been found, a thread reads all detected faces in one batch. No thread
waits for a timer or for another thread, and there are never more threads than cores. Results do not
depend on which pictures share a batch.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from mien.analyzer import Analyzer, FoundFaces
from mien.model.recognizer import CHUNK
from mien.results import ImageResult
from mien.serving.analyzers import Analyzers
from mien.serving.limits import Limits
from mien.serving.metrics import Metrics
from mien.serving.problems import Problem

Answer: TypeAlias = "Future[ImageResult]"

_PATIENCE_S = 0.1
"""How long a detected face waits for others while pictures keep arriving, in seconds."""
_FIRST_GUESS_S = 0.1
"""Assumed time per picture, in seconds, until some have been measured."""


@dataclass(frozen=True)
class _Found:
    """A picture with detected faces, and its pending result."""

    answer: Answer
    analyzer: Analyzer
    picture: FoundFaces
    since: float


class Workers:
    """Threads that share detectors and models; `submit` is thread-safe."""

    def __init__(self, analyzers: Analyzers, limits: Limits, metrics: Metrics) -> None:
        """Store the parts; `start` starts the work.

        Args:
            analyzers: Opened with `threads=1`, since these threads use the cores.
            limits: Number of threads, and length of the queue.
            metrics: The counters to update.
        """
        self._analyzers = analyzers
        self._limits = limits
        self._metrics = metrics
        self._changed = threading.Condition()
        self._waiting: deque[tuple[bytearray, Analyzer, Answer]] = deque()
        self._found: deque[_Found] = deque()
        self._open = 0  # pending results
        self._stopping = False
        self._warm = 0
        self._picture_s = _FIRST_GUESS_S
        self._threads = [
            threading.Thread(target=self._work, name=f"mien-worker-{number}", daemon=True)
            for number in range(limits.threads)
        ]

    def start(self) -> None:
        """Start the threads; each first runs every network once to warm up."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Cancel all pending results and end the threads."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            waiting = [answer for _, _, answer in self._waiting]
        for answer in waiting:
            answer.cancel()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    @property
    def is_ready(self) -> bool:
        """Return whether every thread is warmed up and none is stopping."""
        return self._warm == len(self._threads) and not self._stopping

    @property
    def waiting(self) -> int:
        """Return the number of pictures that are queued or being read."""
        return self._open

    def refuse_if_full(self, pictures: int = 1) -> None:
        """Raise the errors of `submit` before an upload is read.

        Raises:
            Problem: The queue is full.
        """
        if self._open + pictures > self._limits.max_waiting:
            raise self._full(pictures)

    def submit(
        self, pictures: Sequence[bytearray], analyzer: Analyzer | None = None
    ) -> list[Answer]:
        """Queue the pictures of one request, all or none.

        Cancelling a result removes its picture from the queue.

        Args:
            pictures: Encoded pictures.
            analyzer: The analyzer to use; None uses the default.

        Returns:
            The pending result of each picture, which may be an `ImageError`.

        Raises:
            Problem: The queue is full.
        """
        chosen = analyzer or self._analyzers.default
        answers: list[Answer] = [Future() for _ in pictures]
        pairs = list(zip(pictures, answers, strict=True))
        with self._changed:
            if self._open + len(pictures) > self._limits.max_waiting:
                raise self._full(len(pictures))
            self._open += len(pictures)
            self._waiting.extend((data, chosen, answer) for data, answer in pairs)
            self._metrics.waiting.set(self._open)
            self._changed.notify(len(pictures))
        for answer in answers:
            answer.add_done_callback(self._close)
        return answers

    def _full(self, pictures: int) -> Problem:
        left_s = (self._open + pictures) * self._picture_s / len(self._threads)
        return Problem(
            "queue-full",
            f"{self._open} pictures are queued and the limit is {self._limits.max_waiting}; "
            "try again after the seconds in Retry-After",
            retry_after_s=min(max(1, math.ceil(left_s / 2)), 60),
        )

    def _close(self, answer: Answer) -> None:
        """Remove a delivered or cancelled result."""
        with self._changed:
            self._open -= 1
            self._metrics.waiting.set(self._open)
            if answer.cancelled():  # drop its picture at once if it is still queued
                kept = [item for item in self._waiting if item[-1] is not answer]
                self._waiting = deque(kept)

    def _work(self) -> None:
        """Detect and read faces until the service stops."""
        self._warm_up()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._found or self._stopping)
                batch = self._take_found()
                if not batch and not self._waiting:
                    return
                picture = None if batch else self._waiting.popleft()
            if picture is None:
                self._read_batch(batch)
            else:
                self._find(*picture)
            batch, picture = [], None  # do not keep them in memory while idle

    def _take_found(self) -> list[_Found]:
        """Take the detected faces, once there are enough for a batch."""
        faces = sum(len(found.picture.crops) for found in self._found)
        patient = self._found and time.monotonic() - self._found[0].since < _PATIENCE_S
        if self._waiting and patient and faces < self._limits.batch_faces:
            return []
        batch: list[_Found] = []
        taken = 0
        while self._found and (not batch or taken + len(self._found[0].picture.crops) <= CHUNK):
            batch.append(self._found.popleft())
            taken += len(batch[-1].picture.crops)
        return batch

    def _find(self, data: bytearray, analyzer: Analyzer, answer: Answer) -> None:
        """Decode a picture and detect its faces; without faces, its result is ready at once."""
        began = time.monotonic()
        try:
            found = analyzer.find_faces(data, max_pixels=self._limits.max_pixels)
        except Exception as error:  # noqa: BLE001 - a client is waiting for the result
            _give(answer, error)
            return
        if answer.cancelled():
            return
        self._picture_s += 0.1 * (time.monotonic() - began - self._picture_s)
        if not len(found.crops):
            self._read([_Found(answer, analyzer, found, began)])
            return
        with self._changed:
            self._found.append(_Found(answer, analyzer, found, time.monotonic()))
            self._changed.notify()

    def _read_batch(self, batch: Sequence[_Found]) -> None:
        """Read the faces of several pictures, in one batch per model and settings."""
        groups: dict[int, list[_Found]] = {}
        for found in batch:
            groups.setdefault(id(found.analyzer), []).append(found)
        for group in groups.values():
            self._read(group)

    def _read(self, batch: Sequence[_Found]) -> None:
        """Read the faces of pictures with the same analyzer, except cancelled ones."""
        wanted = [found for found in batch if not found.answer.cancelled()]
        try:
            results = batch[0].analyzer.read_faces([found.picture for found in wanted])
        except Exception as error:  # noqa: BLE001 - a client is waiting for the result
            for found in wanted:
                _give(found.answer, error)
            return
        self._metrics.batch_faces.observe(sum(len(found.picture.crops) for found in wanted))
        for found, result in zip(wanted, results, strict=True):
            _give(found.answer, result)

    def _warm_up(self) -> None:
        """Run every network at its usual sizes, since the first run allocates memory."""
        for analyzer in self._analyzers.all:
            analyzer.find_faces(np.zeros((480, 640, 3), dtype=np.uint8))
            size = analyzer.recognizer.spec.input_size
            for faces in (1, self._limits.batch_faces):
                crops = np.zeros((faces, size, size), dtype=np.uint8)
                analyzer.recognizer.predict_probabilities(crops)
        with self._changed:
            self._warm += 1


def _give(answer: Answer, outcome: ImageResult | Exception) -> None:
    """Set a result, unless it was cancelled."""
    if not answer.set_running_or_notify_cancel():
        return
    if isinstance(outcome, ImageResult):
        answer.set_result(outcome)
    else:
        answer.set_exception(outcome)
