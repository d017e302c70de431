"""Keep the jobs of several replicas in Redis, so that each of them knows every job.

The replica that reads a job holds a lease on it and renews it. If a lease expires because its
process died, another replica takes over the job. Only the holder of a lease can end a job, so no
job ends twice. Each step is one script on the server, and only the server's clock is used.
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
"""Duration of a lease, in seconds, after which a job is taken over."""
RENEW_S: Final = 1.0
POLL_S: Final = 0.25
AFTER_OUTAGE_S: Final = 2.5
"""Pause after an outage before jobs are claimed, in seconds: readers renew their leases first."""
CONNECT_S: Final = 5.0
"""Timeout for an unresponsive Redis, in seconds."""
MAX_TRIES: Final = 3
"""Maximum number of attempts to read a job: the video may be what crashes the readers."""
_PREFIX: Final = "mien:"


class RedisJobs:
    """The jobs of all replicas with the same Redis, and this replica's thread."""

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
        """Connect to Redis; `start` starts the work.

        Args:
            url: Address of Redis, such as redis://host:6379/0.
            read_video: Reads one video.
            understand: Converts settings as requested to an analyzer and video settings.
            limits: Maximum number of jobs of all replicas, and how long results are kept.
            metrics: The counters to update.
            let_go: Called with the size of an upload that was freed.

        Raises:
            MissingExtraError: redis is not installed.
            ConfigError: Redis cannot be reached at this address.
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
            Problem: All replicas together have reached the maximum number of jobs.
        """
        with self._answering():
            count = self._count()
        if count >= self._limits.max_jobs:
            raise describe_full(count)

    def measure(self) -> None:
        """Update the counts of jobs; they stay unchanged if Redis cannot be reached."""
        with suppress(self._error):
            self._count()

    def _count(self) -> int:
        """Count the jobs of all replicas, and those that are waiting."""
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
            upload: Content of the video.
            analyzer: Unused: the replica that reads the video opens its own from `asked`.
            settings: Unused for the same reason.
            asked: The settings as requested.

        Raises:
            Problem: All replicas together have reached the maximum number of jobs.
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
        """Find a job of any replica.

        Raises:
            Problem: The job does not exist, or has expired.
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
            Problem: The job does not exist.
        """
        with self._answering():
            if not self._run_script("delete", job_id):
                raise describe_gone(self._limits.keep_job_s)

    def _run_script(self, name: str, *arguments: str | bytes | float) -> Any:  # noqa: ANN401
        return self._scripts[name](keys=[_PREFIX], args=arguments)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Convert a failure of the store to a problem."""
        try:
            yield
        except self._error as error:
            self._report(error)
            detail = "the job store cannot be reached or accepts no data; try again soon"
            raise Problem("busy", detail, retry_after_s=5) from error

    def _report(self, error: Exception) -> None:
        """Log the first error of an outage."""
        if not self._is_out:
            self._is_out = True
            _LOG.error("Redis: %s", describe_error(error))

    def _work(self) -> None:
        """Read one job after another; neither an outage nor a failing job ends the thread."""
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
        """Claim the next job: its ID, the settings as requested, and the video."""
        lost = json.dumps(["failed", "the processes reading this video died"])
        evicted = json.dumps(["failed", "the job store has lost the video; send it again"])
        limits = (LEASE_S, MAX_TRIES, self._limits.keep_job_s)
        return self._run_script("claim", self._holder, *limits, lost, evicted)

    def _wait_until_back(self) -> None:
        """Wait until Redis is back and the readers of jobs have renewed their leases.

        An outage may last longer than a lease, but jobs still belong to their readers.
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
        """Read a claimed job, and end it unless another replica has taken it over."""
        job = Job(job_id.decode(), upload=bytearray(video))
        self._current = job
        ended = threading.Event()
        beat = threading.Thread(target=self._renew, args=(job, ended), daemon=True)
        beat.start()
        try:
            job.analyzer, job.settings = self._understand(json.loads(asked))
            state = read_job(self._read_video, job)
        except Problem as problem:  # for example, this replica lacks the model
            job.problem, state = problem, "failed"
        finally:
            self._current = None
        try:
            self._end(job, state)
        finally:
            ended.set()
            beat.join()

    def _end(self, job: Job, state: State) -> None:
        """Store how a job ended; keep the result and wait during an outage."""
        if state == "cancelled":
            if self._stopping.is_set():
                self._run_script("hand_back", job.id, self._holder)
            return

        told = [job.problem.kind, job.problem.detail] if job.problem is not None else None
        problem_text = "" if told is None else json.dumps(told)
        keep = self._limits.keep_job_s
        end = (state, keep, job.result or b"", problem_text, _tell_progress(job))

        # An outage must not lose the result: retry until Redis answers or the service stops.
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
        """Renew a job's lease and update its progress until it ends or is taken over."""
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
    """Connect to Redis; return the client and its base exception.

    Raises:
        MissingExtraError: redis is not installed.
        ConfigError: Redis cannot be reached at this address.
    """
    with importing_extra("redis", "--jobs redis://"):
        import redis
        from redis.backoff import ExponentialBackoff
        from redis.retry import Retry

    again = Retry(ExponentialBackoff(cap=0.5, base=0.05), retries=2)  # while a request waits
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
            f"--jobs: Redis cannot be reached ({describe_error(error)}); check that it is running"
        ) from error
    return client, redis.RedisError
