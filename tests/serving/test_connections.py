"""The service survives what clients do to it: leave, stall, send too much, send no HTTP."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import httpx
import pytest

import mien
from mien.serving.limits import Limits
from served import Client, serving

pytestmark = [pytest.mark.slow, pytest.mark.enable_socket]  # to this machine only

LIMITS = Limits(
    workers=1,
    max_image_bytes=2**20,
    max_request_bytes=2**21,
    max_waiting=8,
    max_images=4,
    head_s=0.4,
    upload_s=0.6,
    idle_s=1,
    write_s=0.5,
    max_connections=20,
    drain_s=5,
)
HEAD = b"POST /v1/analyze HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def client(analyzer: mien.Analyzer) -> Iterator[Client]:
    with serving(analyzer, LIMITS) as client:
        yield client


@contextmanager
def connect(client: Client) -> Iterator[socket.socket]:
    with closing(socket.create_connection(("127.0.0.1", client.port), timeout=5)) as connection:
        yield connection


def read_all(connection: socket.socket) -> bytes:
    """Read until the other side closes."""
    received = b""
    try:
        while chunk := connection.recv(65536):
            received += chunk
    except ConnectionResetError:
        pass
    return received


def check_refusal(answer: bytes, status: int) -> None:
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    assert json.loads(body)["status"] == status


def wait_for(condition, seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def test_a_head_that_never_ends_is_given_up(client):
    with connect(client) as connection:
        connection.sendall(HEAD[:10])
        began = time.monotonic()
        for byte in HEAD[10:15]:  # every byte in time, the head never
            time.sleep(0.05)
            connection.sendall(bytes([byte]))
        check_refusal(read_all(connection), 408)
        assert time.monotonic() - began < 2


def test_a_connection_that_says_nothing_is_given_up(client):
    with connect(client) as connection:
        check_refusal(read_all(connection), 408)


def test_a_second_head_that_never_ends_is_given_up(client):
    with connect(client) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wait_for(lambda: b"ok\n" in connection.recv(65536))
        connection.sendall(b"GET /heal")
        check_refusal(read_all(connection), 408)


def test_an_idle_connection_is_closed(client):
    with connect(client) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200 OK" in read_all(connection)


def test_a_body_that_never_ends_is_given_up(client):
    with connect(client) as connection:
        connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n")
        began = time.monotonic()
        for _ in range(10):
            time.sleep(0.05)
            connection.sendall(b"x")
        check_refusal(read_all(connection), 408)
        assert time.monotonic() - began < 4


def test_a_half_closed_connection_frees_its_work(client):
    with connect(client) as connection:
        connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\nxxx")
        connection.shutdown(socket.SHUT_WR)
        read_all(connection)
    wait_for(lambda: "mien_upload_bytes 0.0" in client.get("/metrics").text)
    assert client.service.workers.waiting == 0


def test_a_client_that_leaves_frees_its_work(analyzer, portrait_path):
    data = portrait_path.read_bytes()
    with serving(analyzer, LIMITS, working=False) as client:  # it would wait for ever
        with connect(client) as connection:
            connection.sendall(HEAD + f"Content-Length: {len(data)}\r\n\r\n".encode() + data)
            wait_for(lambda: client.service.workers.waiting == 1)
        wait_for(lambda: client.service.workers.waiting == 0)
        assert "mien_upload_bytes 0.0" in client.get("/metrics").text


def test_who_sends_too_much_still_reads_why(client):
    with connect(client) as connection:
        connection.sendall(HEAD + b"Content-Length: 5000000\r\n\r\n")
        connection.sendall(bytes(5_000_000))  # it does not listen while it sends
        check_refusal(read_all(connection), 413)


def test_who_asks_before_sending_is_spared_it(client):
    with connect(client) as connection:
        connection.sendall(HEAD + b"Content-Length: 5000000\r\nExpect: 100-continue\r\n\r\n")
        check_refusal(read_all(connection), 413)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"hello\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",  # no Host
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        HEAD + b"X: " + b"y" * 100_000,
    ],
    ids=range(9),
)
def test_what_is_no_http_gets_a_problem(client, sent):
    with connect(client) as connection:
        connection.sendall(sent)
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 4"), answer
    assert b"application/problem+json" in answer
    assert client.get("/healthz").status_code == 200


def test_there_is_a_limit_to_connections(client):
    wait_for(lambda: client.get("/healthz").status_code == 200)
    held = [socket.create_connection(("127.0.0.1", client.port)) for _ in range(40)]
    answers = [connection.recv(9) for connection in held]
    assert answers.count(b"HTTP/1.1 ") == 40
    for connection in held:
        connection.close()
    wait_for(lambda: client.get("/healthz").status_code == 200)


def test_a_client_that_does_not_read_is_cut_off(analyzer, tmp_path):
    from mien.serving.page import Page

    (tmp_path / "index.html").write_bytes(bytes(50_000_000))
    page = Page(tmp_path)
    with (
        serving(analyzer, LIMITS, page=page, working=False) as client,
        connect(client) as connection,
    ):
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(1.5)
        assert len(read_all(connection)) < 50_000_000


# --- the process ---------------------------------------------------------------------------------


@contextmanager
def process(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `mien serve` and give its address."""
    command = [sys.executable, "-m", "mien", "serve", *options]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as served:
        try:
            line = served.stderr.readline()
            found = re.search(r"http://\S+", line)
            assert found, line + served.stderr.read()
            wait_for(lambda: is_ready(found[0]), 30)
            yield served, found[0]
        finally:
            served.kill()


def is_ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/readyz").status_code == 200
    except httpx.HTTPError:
        return False


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_a_stopped_service_finishes_what_it_began(tiny_model, portrait_path):
    data = portrait_path.read_bytes()
    head = HEAD + f"Connection: close\r\nContent-Length: {len(data)}\r\n\r\n".encode()
    half = len(data) // 2
    with (
        process("--port", "0", "--model", str(tiny_model), "--workers", "1") as (served, address),
        ExitStack() as stack,
    ):
        # Half a picture each, so that none is answered before the service is stopped.
        where = ("127.0.0.1", int(address.rpartition(":")[2]))
        held = [stack.enter_context(socket.create_connection(where, timeout=20)) for _ in range(6)]
        for connection in held:
            connection.sendall(head + data[:half])
        received = f"mien_upload_bytes {float(6 * half)}"
        wait_for(lambda: received in httpx.get(f"{address}/metrics").text)

        served.send_signal(signal.SIGTERM)
        wait_for(lambda: not is_ready(address))
        for connection in held:
            connection.sendall(data[half:])
        answers = [read_all(connection) for connection in held]

        assert served.wait(10) == 0
        assert served.stderr.read() == ""
    assert [answer[:15] for answer in answers] == [b"HTTP/1.1 200 OK"] * 6


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_a_killed_service_loses_nothing_of_clients_that_retry(tiny_model, portrait_path):
    data = portrait_path.read_bytes()
    wanted = mien.Analyzer(tiny_model, threads=1).analyze(data).to_json()
    with process("--port", "0", "--model", str(tiny_model)) as (served, address):
        port = address.rpartition(":")[2]
        answers: list[str] = []

        def ask() -> None:
            for _ in range(5):
                while True:
                    try:
                        answer = httpx.post(f"{address}/v1/analyze", content=data, timeout=20)
                    except httpx.HTTPError:
                        time.sleep(0.05)
                        continue
                    if answer.status_code == 200:
                        answers.append(answer.text)
                        break
                    time.sleep(0.05)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        wait_for(lambda: len(answers) >= 2)
        served.kill()
        served.wait()
        with process("--port", port, "--model", str(tiny_model)):
            for thread in threads:
                thread.join()
    assert answers == [wanted] * 20


def test_ctrl_c_ends_it(tiny_model):
    with process("--port", "0", "--model", str(tiny_model)) as (served, _):
        served.send_signal(signal.SIGINT)
        assert served.wait(10) == 130
        assert "Traceback" not in served.stderr.read()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--port", "99999"), "--port must be 0 to 65535"),
        (("--host", "192.0.2.1", "--port", "0"), "cannot be used"),
        (("--model", "nowhere.onnx"), "nowhere"),
        (("--token-file", "nowhere.txt"), "cannot be read"),
        (("--allow-origin", "example.org"), "like https://example.org"),
        (("--allow-frame", "https://example.org/a"), "--allow-frame must be like"),
        (("--allow-frame", "https://example.org; script-src *"), "--allow-frame must be like"),
        (("--lang", "tlh"), "lang must be one of en, de"),
        (("--max-images", "0"), "--max-images must be above 0"),
    ],
)
def test_what_cannot_be_served_is_a_sentence(capsys, tiny_model, options, sentence):
    from mien.cli import main

    model = () if "--model" in options else ("--model", str(tiny_model))
    assert main(["serve", *model, *options]) == 2
    told = capsys.readouterr().err
    assert told.startswith("mien: ")
    assert sentence in told


def test_a_port_that_is_taken_is_a_sentence(capsys, tiny_model):
    from mien.cli import main

    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])
        assert main(["serve", "--model", str(tiny_model), "--port", port]) == 2
    assert "in use" in capsys.readouterr().err


def test_a_token_comes_from_a_file_or_the_environment(tiny_model, tmp_path, monkeypatch):
    from mien.cli.serve import _read_token

    path = tmp_path / "token"
    path.write_text("abc\n")
    assert _read_token(path) == "abc"
    monkeypatch.setenv("MIEN_TOKEN", "def")
    assert _read_token(None) == "def"
    monkeypatch.setenv("MIEN_TOKEN", " ")
    with pytest.raises(mien.ConfigError, match="empty"):
        _read_token(None)


def test_nothing_is_written(client, portrait_path):
    """Audit every file that is opened while pictures are answered: none is for writing."""
    written: list[str] = []
    watching = threading.Event()

    def watch(event: str, arguments: tuple) -> None:
        if event == "open" and watching.is_set() and set(str(arguments[1])) & set("wax+"):
            written.append(str(arguments[0]))

    sys.addaudithook(watch)  # for good: there is no taking it back
    data = portrait_path.read_bytes()
    watching.set()
    try:
        assert client.post("/v1/analyze", content=data).status_code == 200
        files = [("image", bytes(2**20)), ("image", data)]
        assert client.post("/v1/analyze", files=files).status_code == 200
    finally:
        watching.clear()
    assert written == []
