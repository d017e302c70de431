"""Google's, Azure's and Hugging Face's stores are read like folders, on emulators on this machine.

S3 is in test_archives.py. Each test is skipped, visibly, without the packages that it needs.
"""

import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import mien
from mien.batch import remote
from mien.batch.sources import Sources
from mien.errors import SourceError

pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.slow,
    # The stores' libraries leave sessions and loops to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning"),
]


@pytest.fixture(scope="module")
def files(portrait_path: Path) -> dict[str, bytes]:
    photo = portrait_path.read_bytes()
    return {"in/a.jpg": photo, "in/b/c.jpg": photo, "in/notes.txt": b"notes", "in/empty.jpg": b""}


@pytest.fixture(autouse=True)
def new_stores() -> Iterator[None]:
    remote.open_store.cache_clear()
    yield
    remote.open_store.cache_clear()


def find_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def wait_for(port: int) -> None:
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the emulator does not start")


@contextmanager
def running(command: list[str], port: int) -> Iterator[None]:
    """Run an emulator until the end of the block."""
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        yield
    finally:
        server.kill()
        server.wait()


def check_folder(top: str, files: dict[str, bytes]) -> None:
    """Check that a folder of a store is listed, matched and read as one on a disk is."""
    photos = sorted(name for name in files if name.endswith(".jpg"))
    found = {source.name: source for source in Sources([f"{top}/in"])}
    assert sorted(found) == [f"{top}/{name}" for name in photos]
    assert {name: source.given() for name, source in found.items()} == {
        f"{top}/{name}": files[name] for name in photos
    }
    matched = [source.name for source in Sources([f"{top}/in/a*"])]
    assert matched == [f"{top}/in/a.jpg"]
    (none,) = mien.analyze_files(f"{top}/in/missing.jpg", threads=1)
    assert none.message == f"{top}/in/missing.jpg does not exist"


def check_output(folder: str) -> None:
    """Check that parts are written to a store, listed and read again."""
    store = remote.store_of(folder)
    assert store.names(folder) == ()
    store.write(f"{folder}/part-1.parquet", b"one")
    store.write(f"{folder}/part-1.parquet", b"two")
    assert store.names(folder) == ("part-1.parquet",)
    assert store.read(f"{folder}/part-1.parquet") == b"two"


def test_google_cloud_storage(files, monkeypatch: pytest.MonkeyPatch) -> None:
    # By default it asks Google's own servers by gRPC how a bucket is laid out, and waits for them.
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    gcsfs = pytest.importorskip("gcsfs")
    pytest.importorskip("gcp_storage_emulator")
    port = find_port()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
    command = ["-m", "gcp_storage_emulator", "start", f"--port={port}", "--in-memory"]
    with running([sys.executable, *command, "--host=127.0.0.1"], port):
        google = gcsfs.GCSFileSystem(project="test", token="anon", skip_instance_cache=True)
        google.mkdir("photos")
        for name, data in files.items():
            google.pipe(f"photos/{name}", data)
        check_folder("gs://photos", files)
        check_output("gs://photos/out")


AZURE_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
"""Azurite's, which its documentation publishes."""


def test_azure_blob_storage(files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adlfs = pytest.importorskip("adlfs")
    azurite = shutil.which("azurite-blob")
    if azurite is None:
        pytest.skip("azurite-blob is not installed (npm install --global azurite)")
    port = find_port()
    monkeypatch.setenv(
        "AZURE_STORAGE_CONNECTION_STRING",
        "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;"
        f"AccountKey={AZURE_KEY};BlobEndpoint=http://127.0.0.1:{port}/devstoreaccount1;",
    )
    place = ["--blobPort", str(port), "--location", str(tmp_path), "--silent"]
    with running([azurite, *place, "--skipApiVersionCheck", "--inMemoryPersistence"], port):
        azure = adlfs.AzureBlobFileSystem(skip_instance_cache=True)
        azure.mkdir("photos")
        for name, data in files.items():
            azure.pipe(f"photos/{name}", data)
        check_folder("az://photos", files)
        check_output("az://photos/out")


class Hub(BaseHTTPRequestHandler):
    """A data set of the Hugging Face Hub: what `huggingface_hub` asks to list and read it."""

    files: dict[str, bytes]
    status = 200

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        if self.status != 200:
            refused = ("X-Error-Message", "Invalid credentials in Authorization header")
            self.reply(self.status, b"{}", refused)
            return
        path = unquote(urlsplit(self.path).path)
        if "/resolve/main/" in path:
            self.send(path.partition("/resolve/main/")[2])
        elif "/tree/" in path:
            self.list(path.partition("/tree/")[2].partition("/")[2])
        else:
            self.tell({"id": "ann/photos", "sha": "0" * 40, "siblings": []})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        asked = json.loads(body)["paths"] if body.startswith(b"{") else [unquote(body.decode())]
        self.tell([entry for path in asked for entry in self.entries() if entry["path"] == path])

    def entries(self) -> list[dict]:
        folders = {str(parent) for name in self.files for parent in Path(name).parents} - {"."}
        told = [{"type": "directory", "path": name, "oid": "0" * 40} for name in sorted(folders)]
        for name, data in self.files.items():
            told.append({"type": "file", "path": name, "size": len(data), "oid": "0" * 40})
        return told

    def list(self, folder: str) -> None:
        whole = "recursive=true" in self.path.lower()
        names = [entry for entry in self.entries() if entry["path"] != folder]
        inside = [
            entry for entry in names if entry["path"].startswith(f"{folder}/" if folder else "")
        ]
        depth = len(Path(folder).parts) + 1
        self.tell([e for e in inside if whole or len(Path(e["path"]).parts) == depth])

    def send(self, name: str) -> None:
        data = self.files.get(name)
        if data is None:
            self.reply(404, b"{}", ("X-Error-Code", "EntryNotFound"))
            return
        begin, end = 0, len(data)
        if wanted := self.headers.get("Range"):
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            begin, end = int(first), min(int(last or end) + 1, end)
        range_told = ("Content-Range", f"bytes {begin}-{end - 1}/{len(data)}")
        self.reply(206 if wanted else 200, data[begin:end], range_told, ("ETag", '"0"'))

    def tell(self, answer: object) -> None:
        self.reply(200, json.dumps(answer).encode(), ("Content-Type", "application/json"))

    def reply(self, status: int, data: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for header in (*headers, ("Content-Length", str(len(data)))):
            self.send_header(*header)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def hub(files, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[type[Hub]]:
    huggingface_hub = pytest.importorskip("huggingface_hub")
    from huggingface_hub import constants

    handler = type("OneHub", (Hub,), {"files": files})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(
        constants,
        "HUGGINGFACE_CO_URL_TEMPLATE",
        url + "/{repo_id}/resolve/{revision}/{filename}",
    )
    huggingface_hub.HfFileSystem.clear_instance_cache()
    yield handler
    huggingface_hub.HfFileSystem.clear_instance_cache()
    server.shutdown()
    server.server_close()


def test_the_hugging_face_hub(hub: type[Hub], files) -> None:
    files = {name: data for name, data in files.items() if data}
    hub.files = files
    check_folder("hf://datasets/ann/photos", files)


def test_a_hub_that_refuses_the_token_stops_the_run(hub: type[Hub]) -> None:
    hub.status = 401
    with pytest.raises(SourceError, match="renew the credentials"):
        list(mien.analyze_files("hf://datasets/ann/photos/in", threads=1))
