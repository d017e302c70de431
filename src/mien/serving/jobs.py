"""Run uploaded videos as jobs: progress while they are read, then their results.

Videos are read one at a time, in their own thread. Jobs and videos are only kept in memory; a video
is dropped once it has been read, a result when it expires or is deleted.
"""

import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol, TypeAlias

from mien.analyzer import Analyzer
from mien.errors import MienError
from mien.results import VideoResult
from mien.serving.limits import Limits
from mien.serving.metrics import Metrics
from mien.serving.problems import Problem
from mien.video.reading import VideoSettings

_LOG = logging.getLogger("mien.serving")

State: TypeAlias = Literal["waiting", "running", "done", "failed", "cancelled"]
_OVER: Final = ("done", "failed", "cancelled")


class Cancelled(Exception):  # noqa: N818 - it is not an error
    """Raised while reading a video whose job was cancelled."""


@dataclass
class Job:
    """One video to read.

    Attributes:
        id: Unguessable identifier.
        state: The state of the job.
        frames: Number of frames analysed so far.
        time_s: Position in the video, in seconds.
        duration_s: Duration stated in the file, in seconds; None if unknown.
        result: Result as JSON, once done.
        problem: Reason of a failure.
        analyzer: The analyzer to use; None uses the service's default.
        settings: Which frames to analyse, and how; None uses the defaults.
        upload: Content of the video.
    """

    id: str
    state: State = "waiting"
    frames: int = 0
    time_s: float = 0.0
    duration_s: float | None = None
    result: bytes | None = None
    problem: Problem | None = None
    analyzer: Analyzer | None = None
    settings: VideoSettings | None = None
    upload: bytearray = field(default_factory=bytearray, repr=False)
    over_since: float | None = None
    is_unwanted: bool = False

    def stop_if_unwanted(self) -> None:
        """Stop reading a video whose job was cancelled.

        Raises:
            Cancelled: The job was cancelled.
        """
        if self.is_unwanted:
            raise Cancelled

    def advance(self, frames: int, time_s: float, duration_s: float | None) -> None:
        """Update the progress.

        Raises:
            Cancelled: The job was cancelled.
        """
        self.stop_if_unwanted()
        self.frames, self.time_s, self.duration_s = frames, time_s, duration_s

    @property
    def progress(self) -> float | None:
        """Fraction done, in [0, 1]; None if the duration is unknown."""
        if self.state == "done":
            return 1.0
        return min(self.time_s / self.duration_s, 1.0) if self.duration_s else None

    def to_dict(self) -> dict[str, Any]:
        """Return the job as JSON types."""
        progress = self.progress
        return {
            "id": self.id,
            "state": self.state,
            "progress": None if progress is None else round(progress, 4),
            "frames": self.frames,
            "time_s": round(self.time_s, 3),
            "duration_s": None if self.duration_s is None else round(self.duration_s, 3),
            "result": f"/v1/jobs/{self.id}/result" if self.state == "done" else None,
            "problem": None if self.problem is None else self.problem.to_dict(),
        }


ReadVideo: TypeAlias = Callable[[Job], VideoResult]
"""Reads a job's upload, and calls the job's `advance` for each frame."""


class JobStore(Protocol):
    """The jobs of a service, wherever they are stored; every method may raise `Problem`."""

    def start(self) -> None:
        """Start to process jobs."""
        ...

    def stop(self) -> None:
        """Stop to process jobs."""
        ...

    def refuse_if_full(self) -> None:
        """Raise the errors of `submit` before an upload is read."""
        ...

    def measure(self) -> None:
        """Update the counts of jobs in the metrics."""
        ...

    def submit(
        self,
        upload: bytearray,
        analyzer: Analyzer | None = None,
        settings: VideoSettings | None = None,
        asked: Mapping[str, object] | None = None,
    ) -> Job:
        """Queue a video."""
        ...

    def find(self, job_id: str) -> Job:
        """Find a job."""
        ...

    def delete(self, job_id: str) -> None:
        """Cancel a job, or delete its result."""
        ...


def describe_full(jobs: int) -> Problem:
    """Return the problem of too many jobs."""
    return Problem(
        "queue-full",
        f"the limit of {jobs} videos is reached; try again later, and delete jobs "
        "whose results you have fetched",
        retry_after_s=10,
    )


def describe_gone(keep_job_s: float) -> Problem:
    """Return the problem of an unknown or expired job."""
    return Problem(
        "not-found",
        f"no such job, or its result was not fetched within {keep_job_s:g} seconds; send the "
        "video again",
    )


def read_job(read_video: ReadVideo, job: Job) -> State:
    """Read a job's video, store its result or problem in the job, and return the final state."""
    try:
        job.result = read_video(job).to_json().encode()
    except Cancelled:
        return "cancelled"
    except Problem as problem:
        job.problem = problem
    except MienError as error:
        job.problem = Problem.of(error)
    except Exception:  # noqa: BLE001 - the next video must still be read
        _LOG.exception("a video job failed")
        job.problem = Problem("failed", "the error is in the server's log")
    return "failed" if job.problem is not None else "done"


class Jobs:
    """The jobs of one service, and the thread that works on them."""

    def __init__(
        self,
        read_video: ReadVideo,
        limits: Limits,
        metrics: Metrics,
        let_go: Callable[[int], None],
    ) -> None:
        """Store the parts; `start` starts the work.

        Args:
            read_video: Reads one video.
            limits: Maximum number of jobs, and how long results are kept.
            metrics: The counters to update.
            let_go: Called from any thread with the size of an upload that was freed.
        """
        self._read_video = read_video
        self._limits = limits
        self._metrics = metrics
        self._let_go = let_go
        self._changed = threading.Condition()
        self._jobs: dict[str, Job] = {}
        self._waiting: deque[Job] = deque()
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="mien-jobs", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Cancel every job and end the thread."""
        with self._changed:
            self._stopping = True
            for job in self._jobs.values():
                job.is_unwanted = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join()

    def refuse_if_full(self) -> None:
        """Raise the errors of `submit` before an upload is read.

        Raises:
            Problem: The maximum number of jobs is reached.
        """
        with self._changed:
            self._forget_old()
            if len(self._jobs) >= self._limits.max_jobs:
                raise describe_full(len(self._jobs))

    def measure(self) -> None:
        """Update the counts of jobs in the metrics."""
        with self._changed:
            self._forget_old()
            self._metrics.jobs_waiting.set(len(self._waiting))

    def submit(
        self,
        upload: bytearray,
        analyzer: Analyzer | None = None,
        settings: VideoSettings | None = None,
        asked: Mapping[str, object] | None = None,
    ) -> Job:
        """Queue a video; its bytes count as in use until `let_go` is called.

        Args:
            upload: Content of the video.
            analyzer: The analyzer to use; None uses the service's default.
            settings: Which frames to analyse, and how; None uses the defaults.
            asked: The settings as requested, for stores that other processes read.

        Raises:
            Problem: The maximum number of jobs is reached.
        """
        del asked
        with self._changed:
            self.refuse_if_full()
            job = Job(
                secrets.token_urlsafe(16), analyzer=analyzer, settings=settings, upload=upload
            )
            self._jobs[job.id] = job
            self._waiting.append(job)
            self._metrics.jobs.set(len(self._jobs))
            self._changed.notify()
        return job

    def find(self, job_id: str) -> Job:
        """Find a job.

        Raises:
            Problem: The job does not exist, or has expired.
        """
        with self._changed:
            self._forget_old()
            job = self._jobs.get(job_id)
        if job is None:
            raise describe_gone(self._limits.keep_job_s)
        return job

    def delete(self, job_id: str) -> None:
        """Cancel a job, or delete its result.

        Raises:
            Problem: The job does not exist.
        """
        job = self.find(job_id)
        with self._changed:
            job.is_unwanted = True
            self._jobs.pop(job_id, None)
            self._metrics.jobs.set(len(self._jobs))
            if job in self._waiting:
                self._waiting.remove(job)
                self._end(job, "cancelled")

    def _forget_old(self) -> None:
        """Drop expired results."""
        oldest = time.monotonic() - self._limits.keep_job_s
        for job in list(self._jobs.values()):
            if job.over_since is not None and job.over_since < oldest:
                del self._jobs[job.id]
        self._metrics.jobs.set(len(self._jobs))

    def _work(self) -> None:
        while True:
            with self._changed:
                # Wake up regularly, so that results expire even without requests.
                self._changed.wait_for(lambda: self._waiting or self._stopping, timeout=10)
                self._forget_old()
                if self._stopping:
                    return
                if not self._waiting:
                    continue
                job = self._waiting.popleft()
                job.state = "running"
            self._run(job)
            del job

    def _run(self, job: Job) -> None:
        state = read_job(self._read_video, job)
        with self._changed:
            self._end(job, state)

    def _end(self, job: Job, state: State) -> None:
        job.state, job.over_since = state, time.monotonic()
        held, job.upload = len(job.upload), bytearray()
        self._let_go(held)
