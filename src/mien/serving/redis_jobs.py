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
from contextlib import contextmanager
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
from mien.video.reading import VideoSettings

_LOG = logging.getLogger("mien.serving")

LEASE_S: Final = 10.0
"""Seconds without a sign of life after which a job is taken over."""
RENEW_S: Final = 1.0
POLL_S: Final = 0.25
MAX_TRIES: Final = 3
"""A job whose reader died so often is given up: it may be what kills them."""
_PREFIX: Final = "mien:"

# Every script begins with the server's time, and forgets results that were kept long enough.
_HEAD: Final = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
local p = KEYS[1]
redis.call('ZREMRANGEBYSCORE', p .. 'jobs', '-inf', now)
"""
_COUNT: Final = _HEAD + "return redis.call('ZCARD', p .. 'jobs')"
_SUBMIT: Final = (
    _HEAD
    + """
local id, most, asked, video = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local count = redis.call('ZCARD', p .. 'jobs')
if count >= most then return -count end
redis.call('HSET', p .. 'job:' .. id, 'state', 'waiting', 'asked', asked, 'tries', 0)
redis.call('SET', p .. 'video:' .. id, video)
redis.call('ZADD', p .. 'jobs', '+inf', id)
redis.call('RPUSH', p .. 'waiting', id)
return count + 1
"""
)
_END: Final = """
local function finish(id, state, keep, result, problem)
  local job = p .. 'job:' .. id
  local kept_ms = math.floor(keep * 1000)
  redis.call('HSET', job, 'state', state, 'problem', problem)
  redis.call('HDEL', job, 'holder')
  if result ~= '' then redis.call('SET', p .. 'result:' .. id, result, 'PX', kept_ms) end
  redis.call('DEL', p .. 'video:' .. id)
  redis.call('ZREM', p .. 'leases', id)
  redis.call('PEXPIRE', job, kept_ms)
  redis.call('ZADD', p .. 'jobs', now + keep, id)
end
"""
_CLAIM: Final = (
    _HEAD
    + _END
    + """
local holder, lease, lost = ARGV[1], ARGV[2], ARGV[5]
local most, keep = tonumber(ARGV[3]), tonumber(ARGV[4])
for _, id in ipairs(redis.call('ZRANGEBYSCORE', p .. 'leases', '-inf', now)) do
  redis.call('ZREM', p .. 'leases', id)
  if redis.call('EXISTS', p .. 'job:' .. id) == 1 then
    if tonumber(redis.call('HGET', p .. 'job:' .. id, 'tries')) >= most then
      finish(id, 'failed', keep, '', lost)
    else
      redis.call('HSET', p .. 'job:' .. id, 'state', 'waiting')
      redis.call('LPUSH', p .. 'waiting', id)
    end
  end
end
while true do
  local id = redis.call('LPOP', p .. 'waiting')
  if not id then return false end
  if redis.call('EXISTS', p .. 'job:' .. id) == 1 then
    redis.call('HSET', p .. 'job:' .. id, 'state', 'running', 'holder', holder)
    redis.call('HINCRBY', p .. 'job:' .. id, 'tries', 1)
    redis.call('ZADD', p .. 'leases', now + lease, id)
    local asked = redis.call('HGET', p .. 'job:' .. id, 'asked')
    return {id, asked, redis.call('GET', p .. 'video:' .. id)}
  end
end
"""
)
_RENEW: Final = (
    _HEAD
    + """
local id, holder, lease, progress = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if redis.call('HGET', p .. 'job:' .. id, 'holder') ~= holder then return 0 end
redis.call('HSET', p .. 'job:' .. id, 'progress', progress)
redis.call('ZADD', p .. 'leases', now + lease, id)
return 1
"""
)
_FINISH: Final = (
    _HEAD
    + _END
    + """
local id, holder, state, keep, result, problem, progress = unpack(ARGV)
if redis.call('HGET', p .. 'job:' .. id, 'holder') ~= holder then return 0 end
redis.call('HSET', p .. 'job:' .. id, 'progress', progress)
finish(id, state, tonumber(keep), result, problem)
return 1
"""
)
_HAND_BACK: Final = (
    _HEAD
    + """
local id, holder = ARGV[1], ARGV[2]
if redis.call('HGET', p .. 'job:' .. id, 'holder') ~= holder then return 0 end
redis.call('HDEL', p .. 'job:' .. id, 'holder')
redis.call('HSET', p .. 'job:' .. id, 'state', 'waiting')
redis.call('HINCRBY', p .. 'job:' .. id, 'tries', -1)
redis.call('ZREM', p .. 'leases', id)
redis.call('LPUSH', p .. 'waiting', id)
return 1
"""
)
_DELETE: Final = (
    _HEAD
    + """
local id = ARGV[1]
local there = redis.call('DEL', p .. 'job:' .. id)
redis.call('DEL', p .. 'video:' .. id, p .. 'result:' .. id)
redis.call('LREM', p .. 'waiting', 0, id)
redis.call('ZREM', p .. 'leases', id)
redis.call('ZREM', p .. 'jobs', id)
return there
"""
)


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
        with importing_extra("redis", "--jobs redis://"):
            import redis
        self._error: type[Exception] = redis.RedisError
        try:
            self._redis: Any = redis.Redis.from_url(
                url, socket_timeout=5, socket_connect_timeout=5, health_check_interval=30
            )
            self._redis.ping()
        except (ValueError, redis.RedisError) as error:
            raise ConfigError(
                f"--jobs: Redis cannot be reached ({describe_error(error)}); is it running?"
            ) from error
        scripts = {
            "count": _COUNT,
            "submit": _SUBMIT,
            "claim": _CLAIM,
            "renew": _RENEW,
            "finish": _FINISH,
            "hand_back": _HAND_BACK,
            "delete": _DELETE,
        }
        self._scripts = {name: self._redis.register_script(text) for name, text in scripts.items()}
        self._read_video = read_video
        self._understand = understand
        self._limits = limits
        self._metrics = metrics
        self._let_go = let_go
        self._holder = secrets.token_hex(8)
        self._stopping = threading.Event()
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
            count = int(self._run_script("count"))
        self._metrics.jobs.set(count)
        if count >= self._limits.max_jobs:
            raise describe_full(count)

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
            _LOG.error("Redis: %s", describe_error(error))
            detail = "the store of jobs cannot be reached; try again soon"
            raise Problem("busy", detail, retry_after_s=5) from error

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                lost = json.dumps(["failed", "the processes that read this video died"])
                limits = (LEASE_S, MAX_TRIES, self._limits.keep_job_s, lost)
                claimed = self._run_script("claim", self._holder, *limits)
                if claimed:
                    self._read(*claimed)
                    continue
            except self._error as error:  # it may come back; a job under way is taken over
                _LOG.error("Redis: %s", describe_error(error))
                self._stopping.wait(RENEW_S)
            self._stopping.wait(POLL_S)

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
            ended.set()
            beat.join()
            self._current = None

        if state == "cancelled":
            if self._stopping.is_set():
                self._run_script("hand_back", job.id, self._holder)
            return
        told = [job.problem.kind, job.problem.detail] if job.problem is not None else None
        problem_text = "" if told is None else json.dumps(told)
        keep = self._limits.keep_job_s
        end = (state, keep, job.result or b"", problem_text, _tell_progress(job))
        self._run_script("finish", job.id, self._holder, *end)

    def _renew(self, job: Job, ended: threading.Event) -> None:
        """Renew a job's lease and note its progress until it ended, or is nobody's any more."""
        while not ended.wait(RENEW_S):
            try:
                told = (job.id, self._holder, LEASE_S, _tell_progress(job))
                if not self._run_script("renew", *told):
                    job.is_unwanted = True
                    return
            except self._error as error:
                _LOG.error("Redis: %s", describe_error(error))


def _tell_progress(job: Job) -> str:
    return json.dumps([job.frames, job.time_s, job.duration_s])
