"""No surface of mien reports its use: no file in an empty home, no name looked up, no connection.

onnxruntime stays quiet where `CI` is set, so every process here runs without that variable.
"""

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clips import write_clip
from mien.telemetry import SWITCHES, switch_off

ROOT = Path(__file__).parents[1]
PHOTO = ROOT / "examples" / "astronaut.jpg"
LINGER_S = 3  # telemetry is sent in the background; a process that ends sooner might hide it

LISTENER = """
import atexit, os, sys
LOG = open(os.environ["SOCKET_LOG"], "a")
OWN = ("127.0.0.1", "::1", "localhost")
def listen(event, values):
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        address = values[1]
        if isinstance(address, tuple) and address[0] not in OWN:
            print(event, address, file=LOG, flush=True)
    elif event in {"socket.getaddrinfo", "socket.gethostbyname"} and values[0] not in OWN:
        print(event, values, file=LOG, flush=True)
sys.addaudithook(listen)
"""
"""Runs in every process at its start (sitecustomize), and logs what leaves this machine."""

LIBRARY = f"""
import time, mien
assert mien.analyze({str(PHOTO)!r}).faces
time.sleep({LINGER_S})
"""
STREAM = f"""
import time, mien
with mien.Live.open("clip.ts", threads=1) as stream:
    assert next(iter(stream)).faces
time.sleep({LINGER_S})
"""
TRAINING = f"""
import sys, time
from dataclasses import replace
from pathlib import Path
from drawn_faces import drawn_dataset
from mien.export.export import export
from mien.training.config import Stage
from mien.training.recipes import read_config
from mien.training.fit import fit

recipe = replace(read_config(Path(sys.argv[1])), stages=(Stage(48, 1),))
dataset = drawn_dataset(validation=3)
export(fit(recipe, dataset, Path("run")).best, dataset, Path("models"))
from mien.export import quantization  # imports more of onnxruntime
time.sleep({LINGER_S})
"""


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An environment without CI and with an empty home; afterwards, both must have stayed quiet."""
    home, log = tmp_path / "home", tmp_path / "sockets.log"
    start = tmp_path / "start"
    home.mkdir()
    start.mkdir()
    (start / "sitecustomize.py").write_text(LISTENER)
    hidden = {"CI", "GITHUB_ACTIONS", "TF_BUILD", *SWITCHES}
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in hidden and not name.startswith("XDG_")
    }
    path = os.pathsep.join(
        [str(start), str(ROOT / "tests"), str(ROOT / "src"), kept.get("PYTHONPATH", "")]
    )
    yield {**kept, "HOME": str(home), "PYTHONPATH": path, "SOCKET_LOG": str(log)}
    assert log.read_text() == ""
    assert sorted(str(file) for file in home.rglob("*") if not file.is_dir()) == []


def run(*arguments: str, environment: dict[str, str], folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr


@contextmanager
def running(*arguments: str, environment: dict[str, str], folder: Path) -> Iterator[str]:
    """Run a command that serves; give the address that it prints."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mien", *arguments],
        env=environment,
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stderr.readline()
        yield re.search(r"http://(\S+)", line)[1]
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


@pytest.mark.slow
def test_the_library_reports_nothing(quiet: dict[str, str], tmp_path: Path) -> None:
    run("-c", LIBRARY, environment=quiet, folder=tmp_path)


@pytest.mark.slow
def test_a_stream_reports_nothing(quiet: dict[str, str], tmp_path: Path) -> None:
    pytest.importorskip("av")
    faces = [np.asarray(Image.open(PHOTO).convert("RGB"))] * 4
    (tmp_path / "clip.ts").write_bytes(write_clip(faces, [0, 0.2, 0.4, 0.6], container="mpegts"))
    run("-c", STREAM, environment=quiet, folder=tmp_path)


@pytest.mark.parametrize("command", ["analyze", "explain"])
@pytest.mark.slow
def test_commands_report_nothing(quiet: dict[str, str], tmp_path: Path, command: str) -> None:
    run("-m", "mien", command, str(PHOTO), environment=quiet, folder=tmp_path)


@pytest.mark.enable_socket  # to this machine only
@pytest.mark.parametrize("command", ["serve", "watch"])
@pytest.mark.slow
def test_services_report_nothing(quiet: dict[str, str], tmp_path: Path, command: str) -> None:
    pytest.importorskip("fastapi")
    options = ["--no-browser"] if command == "watch" else []
    with running(command, "--port", "0", *options, environment=quiet, folder=tmp_path) as address:
        host, _, token = address.rstrip("/").partition("/")
        path = "/v1/analyze"
        headers = {}
        if command == "watch":
            path = f"/{token}/frames?session=s&time_s=0&frame=0"
            headers = {"Origin": f"http://{host}"}
        with closing(http.client.HTTPConnection(host, timeout=30)) as client:
            client.request("POST", path, PHOTO.read_bytes(), headers)
            answer = client.getresponse()
            assert answer.status == 200
            assert len(json.loads(answer.read())["faces"]) == 1
        time.sleep(LINGER_S)


@pytest.mark.slow
def test_training_and_export_report_nothing(quiet: dict[str, str], tmp_path: Path) -> None:
    pytest.importorskip("lightning")
    # matplotlib and torch keep caches of their own, which tell nobody anything.
    caches = {
        name: str(tmp_path / "caches") for name in ("MPLCONFIGDIR", "TORCHINDUCTOR_CACHE_DIR")
    }
    one_thread = {"OMP_NUM_THREADS": "1"}
    recipe = "smoke"
    run("-c", TRAINING, recipe, environment=quiet | caches | one_thread, folder=tmp_path)


@pytest.mark.slow
def test_native_code_connects_to_nobody(quiet: dict[str, str], tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace, which sees the connections of native code, is not installed")
    log = tmp_path / "calls.log"
    run(
        "-c",
        f"import os; os.execv({strace!r}, ['strace', '-f', '-e', 'trace=network', '-o', "
        f"{str(log)!r}, {sys.executable!r}, '-c', {LIBRARY!r}])",
        environment=quiet,
        folder=tmp_path,
    )
    assert "AF_INET" not in log.read_text()


def test_a_users_own_setting_wins() -> None:
    environment = {"ORT_DISABLE_TELEMETRY": "0"}
    switch_off(environment)
    assert environment == {**SWITCHES, "ORT_DISABLE_TELEMETRY": "0"}


def test_the_container_has_the_same_settings() -> None:
    text = (ROOT / "Dockerfile").read_text()
    for name, value in SWITCHES.items():
        assert f"{name}={value}" in text
