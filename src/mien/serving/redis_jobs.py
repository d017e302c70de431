"""Keep the jobs of several replicas in Redis, so that any of them answers for any job.

Whoever reads a job holds a lease on it and renews it. Where a lease runs out, because its process
died, the next replica takes the job over. Only the holder of a lease can end a job, so none ends
twice. Each step is one script on the server, whose clock is the only one that counts.
"""

import json
import logging
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final

from mien.analyzer import Analyzer
from mien.errors import ConfigError, describe_error, importing_extra
from mien.serving.jobs import (
    Job,
    ReadVideo,
    State,
    describe_full,
    describe_gone,
    read_job,
)
from mien.serving.limits import Limits
from mien.serving.metrics import Metrics
from mien.serving.problems import Problem
from mien.serving.redis_scripts import SCRIPTS
from mien.video.reading import VideoSettings

_LOG = logging.getLogger("mien.serving")

LEASE_S: Final = 10.0
"""Seconds without a sign of life after which a job is taken over."""
RENEW_S: Final = 1.0
POLL_S: Final = 0.25
AFTER_OUTAGE_S: Final = 2.5
"""Seconds after an outage before a job is claimed: whoever reads one renews its lease first."""
CONNECT_S: Final = 5.0
"""Seconds until a silent Redis counts as unreachable."""
MAX_TRIES: Final = 3
"""A job whose reader died so often is given up: it may be what kills them."""
_PREFIX: Final = "mien:"


class RedisJobs:
    """The jobs of all replicas that name the same Redis, and this replica's thread for them."""

    def __init__(
        self,
        url: str,
        read_video: ReadVideo,
        understand: Callable[[Mapping[str, object]], tuple[Analyzer, VideoSettings]],
        limits: Limits,
        metrics: Metrics,
        *,
        let_go: Callable[[int], None],
    ) -> None:
        """Connect; `start` begins.

        Args:
            url: Where Redis is, such as redis://host:6379/0.
            read_video: Reads one video.
            understand: Turns settings as they were asked for into what reads a video.
            limits: How many jobs all replicas take on, and how long their results are kept.
            metrics: The counters to update.
            let_go: Told the size of an upload that is not held any more.

        Raises:
            MissingExtraError: redis is not installed.
            ConfigError: There is no Redis at this address.
        """
        self._redis, self._error = _connect(url)
        self._scripts = {name: self._redis.register_script(text) for name, text in SCRIPTS.items()}
        self._read_video = read_video
        self._understand = understand
        self._limits = limits
        self._metrics = metrics
        self._let_go = let_go
        self._holder = secrets.token_hex(8)
        self._stopping = threading.Event()
        self._is_out = False
        self._current: Job | None = None
        self._thread = threading.Thread(target=self._work, name="mien-jobs", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Return the current job to the queue for other replicas, and end the thread."""
        self._stopping.set()
        current = self._current
        if current is not None:
            current.is_unwanted = True
        if self._thread.ident is not None:
            self._thread.join()

    def refuse_if_full(self) -> None:
        """Raise the errors of `submit` before an upload is read.

        Raises:
            Problem: All replicas together have as many jobs as there may be.
        """
        with self._answering():
            count = self._count()
        if count >= self._limits.max_jobs:
            raise describe_full(count)

    def measure(self) -> None:
        """Update the counts of jobs; where Redis cannot be reached, they stay as they were."""
        with suppress(self._error):
            self._count()

    def _count(self) -> int:
        """Count the jobs of all replicas, and those that nobody reads yet."""
        count, waiting = map(int, self._run_script("count"))
        self._metrics.jobs.set(count)
        self._metrics.jobs_waiting.set(waiting)
        return count

    def submit(
        self,
        upload: bytearray,
        analyzer: Analyzer | None = None,
        settings: VideoSettings | None = None,
        asked: Mapping[str, object] | None = None,
    ) -> Job:
        """Queue a video for any replica.

        Args:
            upload: The video.
            analyzer: Not used: the replica that reads it opens its own by `asked`.
            settings: Not used, in the same way.
            asked: The settings as they were asked for.

        Raises:
            Problem: All replicas together have as many jobs as there may be.
        """
        del analyzer, settings
        job = Job(secrets.token_urlsafe(16))
        with self._answering():
            most, told = self._limits.max_jobs, json.dumps(dict(asked or {}))
            count = int(self._run_script("submit", job.id, most, told, bytes(upload)))
        if count <= 0:
            raise describe_full(-count)
        self._metrics.jobs.set(count)
        self._let_go(len(upload))
        return job

    def find(self, job_id: str) -> Job:
        """Find a job, whichever replica has read it.

        Raises:
            Problem: There is no such job, or it has expired.
        """
        with self._answering():
            kept = self._redis.hgetall(f"{_PREFIX}job:{job_id}")
            result = self._redis.get(f"{_PREFIX}result:{job_id}")
        if not kept:
            raise describe_gone(self._limits.keep_job_s)
        state: State = kept[b"state"].decode()
        frames, time_s, duration_s = json.loads(kept.get(b"progress", b"[0, 0.0, null]"))
        job = Job(job_id, state, frames, time_s, duration_s, result)
        if kept.get(b"problem"):
            kind, detail = json.loads(kept[b"problem"])
            job.problem = Problem(kind, detail)
        return job

    def delete(self, job_id: str) -> None:
        """Cancel a job, or delete its result; its reader notices within `RENEW_S`.

        Raises:
            Problem: There is no such job.
        """
        with self._answering():
            if not self._run_script("delete", job_id):
                raise describe_gone(self._limits.keep_job_s)

    def _run_script(self, name: str, *arguments: str | bytes | float) -> Any:  # noqa: ANN401
        return self._scripts[name](keys=[_PREFIX], args=arguments)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Answer a request whose store cannot be reached with a problem."""
        try:
            yield
        except self._error as error:
            self._report(error)
            detail = "the store of jobs cannot be reached, or takes nothing now; try again soon"
            raise Problem("busy", detail, retry_after_s=5) from error

    def _report(self, error: Exception) -> None:
        """Log the first of the errors of an outage."""
        if not self._is_out:
            self._is_out = True
            _LOG.error("Redis: %s", describe_error(error))

    def _work(self) -> None:
        """Read one job after the other; neither an outage nor a job ends the thread."""
        while not self._stopping.is_set():
            try:
                claimed = self._claim()
            except self._error as error:
                self._report(error)
                self._wait_until_back()
                continue
            self._is_out = False
            if not claimed:
                self._stopping.wait(POLL_S)
                continue

            try:
                self._read(*claimed)
            except self._error as error:  # another replica takes the job over
                self._report(error)
            except Exception:  # noqa: BLE001 - the next video must still be read
                _LOG.exception("a video job failed")

    def _claim(self) -> Any:  # noqa: ANN401
        """Take the next job: its ID, the settings as they were asked for, and the video."""
        lost = json.dumps(["failed", "the processes that read this video died"])
        evicted = json.dumps(["failed", "the store of jobs has lost the video; send it again"])
        limits = (LEASE_S, MAX_TRIES, self._limits.keep_job_s)
        return self._run_script("claim", self._holder, *limits, lost, evicted)

    def _wait_until_back(self) -> None:
        """Wait until Redis answers again, and until the readers of jobs have renewed their leases.

        An outage may have been longer than a lease; its jobs are still read by those who have them.
        """
        while not self._stopping.wait(RENEW_S):
            try:
                self._redis.ping()
            except self._error:
                continue
            _LOG.warning("Redis answers again")
            self._stopping.wait(AFTER_OUTAGE_S)
            return

    def _read(self, job_id: bytes, asked: bytes, video: bytes) -> None:
        """Read a job that was claimed, and end it unless another replica has it by now."""
        job = Job(job_id.decode(), upload=bytearray(video))
        self._current = job
        ended = threading.Event()
        beat = threading.Thread(target=self._renew, args=(job, ended), daemon=True)
        beat.start()
        try:
            job.analyzer, job.settings = self._understand(json.loads(asked))
            state = read_job(self._read_video, job)
        except Problem as problem:  # this replica has no such model, for one
            job.problem, state = problem, "failed"
        finally:
            self._current = None
        try:
            self._end(job, state)
        finally:
            ended.set()
            beat.join()

    def _end(self, job: Job, state: State) -> None:
        """Write down how a job ended; an outage is waited for, with the result in hand."""
        if state == "cancelled":
            if self._stopping.is_set():
                self._run_script("hand_back", job.id, self._holder)
            return
        told = [job.problem.kind, job.problem.detail] if job.problem is not None else None
        problem_text = "" if told is None else json.dumps(told)
        keep = self._limits.keep_job_s
        end = (state, keep, job.result or b"", problem_text, _tell_progress(job))
        while True:
            try:
                self._run_script("finish", job.id, self._holder, *end)
            except self._error as error:
                self._report(error)
                if self._stopping.wait(RENEW_S):
                    raise
            else:
                return

    def _renew(self, job: Job, ended: threading.Event) -> None:
        """Renew a job's lease and note its progress until it ended, or is nobody's any more."""
        while not ended.wait(RENEW_S):
            try:
                told = (job.id, self._holder, LEASE_S, _tell_progress(job))
                if not self._run_script("renew", *told):
                    job.is_unwanted = True
                    return
            except self._error as error:
                self._report(error)


def _tell_progress(job: Job) -> str:
    return json.dumps([job.frames, job.time_s, job.duration_s])


def _connect(url: str) -> tuple[Any, type[Exception]]:
    """Connect to a Redis; return its client, and what that raises where it cannot be reached.

    Raises:
        MissingExtraError: redis is not installed.
        ConfigError: There is no Redis at this address.
    """
    with importing_extra("redis", "--jobs redis://"):
        import redis
        from redis.backoff import ExponentialBackoff
        from redis.retry import Retry

    again = Retry(ExponentialBackoff(cap=0.5, base=0.05), retries=2)  # a request waits for it
    try:
        client = redis.Redis.from_url(
            url,
            socket_timeout=CONNECT_S,
            socket_connect_timeout=CONNECT_S,
            health_check_interval=30,
            retry=again,
        )
        client.ping()
    except (ValueError, redis.RedisError) as error:
        raise ConfigError(
            f"--jobs: Redis cannot be reached ({describe_error(error)}); is it running?"
        ) from error
    return client, redis.RedisError
