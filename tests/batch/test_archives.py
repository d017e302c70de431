"""Photos in archives, tables and object stores give what the same photos give as files."""

import io
import socket
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image

import mien
from mien.batch import remote
from mien.batch.items import Columns, find_kind
from mien.batch.sources import Source, Sources
from mien.cli import main
from mien.errors import ConfigError, SourceError

KEYS = ("b/01.png", "a/02.png", "03.png")


@pytest.fixture(scope="module")
def photos() -> dict[str, bytes]:
    """Three photos by their keys, each of its own size."""
    made = {}
    for number, key in enumerate(KEYS, start=1):
        stream = io.BytesIO()
        Image.new("RGB", (20 * number, 30), (0, 40 * number, 90)).save(stream, "PNG")
        made[key] = stream.getvalue()
    return made


def given(source: Source) -> object:
    return source.problem or source.given()


def below(sources: Sources, top: Path | str) -> dict[str, object]:
    """What the sources are, by their names below a folder, in order."""
    return {source.name.removeprefix(f"{top}/"): given(source) for source in sources}


def write_zip(path: Path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def write_tar(path: Path, files: dict[str, bytes], mode: str = "w") -> None:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def write_table(path: Path, columns: dict[str, list]) -> None:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    pq.write_table(pa.table(columns), path)


# --- archives ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["photos.zip", "photos.tar", "photos.tar.gz", "photos.tbz2"])
def test_an_archive_holds_its_photos(name: str, photos, tmp_path: Path) -> None:
    path = tmp_path / name
    sidecars = {"03.json": b"{}", "03.cls": b"4", ".hidden.png": b"x", "__MACOSX/03.png": b"x"}
    unnamed = {"no ending": photos["03.png"]}
    files = {**photos, **sidecars, **unnamed}
    if name.endswith("zip"):
        write_zip(path, files)
    else:
        write_tar(path, files, {"gz": "w:gz", "z2": "w:bz2"}.get(name[-2:], "w"))
    sources = Sources([str(path)])
    assert below(sources, path) == {**photos, **unnamed}
    assert list(below(sources, path)) == [*KEYS, "no ending"]  # in the archive's own order
    assert sources.left_out == 4


def test_results_are_those_of_the_files(analyzer, portrait_path: Path, tmp_path: Path) -> None:
    jpeg = portrait_path.read_bytes()
    write_zip(tmp_path / "a.zip", {"x/portrait.jpg": jpeg})
    write_tar(tmp_path / "a.tar", {"x/portrait.jpg": jpeg})
    write_table(tmp_path / "a.parquet", {"id": ["x/portrait.jpg"], "jpg": [jpeg]})
    places = [str(tmp_path / name) for name in ("a.zip", "a.tar", "a.parquet")]
    results = list(mien.analyze_files(*places, analyzer=analyzer, key_column=None))
    faces = analyzer.analyze(portrait_path).faces
    assert [result.faces for result in results] == [faces] * 3
    assert [result.source for result in results] == [
        *(f"{place}/x/portrait.jpg" for place in places[:2]),
        f"{places[2]}/0",
    ]


def test_patterns_and_lists_name_shards(photos, tmp_path: Path) -> None:
    for number in range(2):
        write_tar(tmp_path / f"shard-{number}.tar", {f"{number}0.png": photos["03.png"]})
    names = [f"{tmp_path}/shard-{number}.tar/{number}0.png" for number in range(2)]
    assert [s.name for s in Sources([f"{tmp_path}/*.tar"])] == names
    listed = io.BytesIO("\n".join(f"{tmp_path}/shard-{n}.tar" for n in range(2)).encode())
    assert [s.name for s in Sources([], listed=listed)] == names


def test_names_do_not_leave_the_folder_of_copies(photos, tmp_path: Path) -> None:
    path = tmp_path / "evil.zip"
    write_zip(path, {"../../up.png": photos["03.png"], "/root.png": photos["03.png"]})
    assert [source.below for source in Sources([str(path)])] == ["evil/up.png", "evil/root.png"]


def test_damaged_members_are_named_and_stop_no_other(photos, tmp_path: Path) -> None:
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in photos.items():
            archive.writestr(name, data)
    raw = bytearray(path.read_bytes())
    at = raw.find(photos["a/02.png"]) + 40
    raw[at] ^= 0xFF
    path.write_bytes(raw)
    results = list(mien.analyze_files(str(path), threads=1))
    assert [isinstance(result, mien.Failure) for result in results] == [False, True, False]
    assert results[1].source == f"{path}/a/02.png"
    assert "is damaged in its archive" in results[1].message


@pytest.mark.parametrize("cut", [600, 1024, 1400, -512])
def test_a_tar_that_was_cut_off_is_told(cut: int, photos, tmp_path: Path) -> None:
    path = tmp_path / "shard.tar"
    write_tar(path, photos)
    with tarfile.open(path) as archive:
        end = archive.getmembers()[-1].offset_data + 512
    whole = path.read_bytes()[: end + 1024]
    path.write_bytes(whole[:cut] if cut > 0 else whole[: end - 1])
    *_, last = Sources([str(path)])
    assert last.name == str(path)
    assert last.problem is not None
    assert "is not a complete tar file" in last.problem
    assert "the rest was not read" in last.problem


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz", "x.parquet"])
def test_what_is_no_archive_is_told(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    (missing,) = Sources([str(path)])
    assert missing.problem == f"{path} cannot be opened: No such file or directory"
    for content in (b"", b"not an archive, only text" * 40):
        path.write_bytes(content)
        (source,) = Sources([str(path)])
        assert f"{path} is not a complete {find_kind(name)} file" in str(source.problem)


def test_encrypted_members_are_told(photos, tmp_path: Path) -> None:
    path = tmp_path / "locked.zip"
    write_zip(path, {"03.png": photos["03.png"]})
    raw = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.find(mark) + place] |= 1
    path.write_bytes(raw)
    (source,) = Sources([str(path)])
    assert source.problem is not None
    assert source.problem.endswith("is encrypted; unpack it with its password first")


@pytest.mark.slow
def test_copies_are_not_drawn_of_what_can_be_read_only_once(photos, tmp_path: Path, capsys) -> None:
    write_tar(tmp_path / "a.tar", photos)
    write_zip(tmp_path / "a.zip", photos)
    out = tmp_path / "drawn"
    assert main(["analyze", str(tmp_path / "a.tar"), "--output", str(out)]) == 2
    assert "can be read only once" in capsys.readouterr().err
    assert main(["analyze", str(tmp_path / "a.zip"), "--output", str(out)]) == 0
    assert sorted(path.name for path in out.rglob("*.jpg")) == [
        f"{number}-annotated.jpg" for number in ("01", "02", "03")
    ]


# --- tables --------------------------------------------------------------------------------------


def test_tables_of_bytes_keep_their_keys(photos, tmp_path: Path) -> None:
    path = tmp_path / "photos.parquet"
    cells = [*photos.values(), None]
    write_table(path, {"id": ["x", "y", "x", "z"], "photo": cells, "age": [1, 2, 3, 4]})
    assert [s.name for s in Sources([str(path)])] == [f"{path}/{row}" for row in range(4)]
    found = list(Sources([str(path)], columns=Columns(key="id")))
    assert [source.name for source in found] == [f"{path}/{key}" for key in "xyxz"]
    assert [source.given() for source in found[:3]] == cells[:3]
    assert found[3].problem == f"{path}/z has an empty cell instead of a picture"


def test_tables_of_paths(photos, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "x.png").write_bytes(photos["03.png"])
    path = tmp_path / "photos.parquet"
    cells = ["deep/x.png", str(tmp_path / "deep" / "x.png"), "missing.png"]
    write_table(path, {"id": [1, 2, 3], "path": cells})
    found = list(Sources([str(path)], columns=Columns(key="id")))
    assert [source.name for source in found] == [f"{path}/{key}" for key in (1, 2, 3)]
    named = [source.name for source in Sources([str(path)])]
    assert named == [str(tmp_path / cell) for cell in cells]
    results = list(mien.analyze_files(str(path), key_column="id", threads=1))
    assert [isinstance(result, mien.Failure) for result in results] == [False, False, True]


def test_tables_as_hugging_face_writes_them(photos, tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    data = photos["03.png"]
    write_table(path, {"image": [{"bytes": data, "path": "a.png"}], "label": [3]})
    (source,) = Sources([str(path)])
    assert source.given() == data


def test_columns_that_are_not_there_are_told(photos, tmp_path: Path) -> None:
    path = tmp_path / "photos.parquet"
    write_table(path, {"one": [b"x"], "two": [b"y"]})
    (source,) = Sources([str(path)])
    assert "has no single column of pictures, only one (binary)" in str(source.problem)
    with pytest.raises(ConfigError, match="has no column 'three', only one"):
        list(Sources([str(path)], columns=Columns(image="three")))


@pytest.mark.slow
def test_a_run_over_archives_resumes(photos, tmp_path: Path, tiny_model: Path) -> None:
    write_tar(tmp_path / "a.tar", photos)
    output = tmp_path / "faces.csv"
    command = ["analyze", str(tmp_path / "a.tar"), "--model", str(tiny_model), "--output"]
    assert main([*command, str(output)]) == 0
    whole = output.read_bytes()
    assert whole.count(b"\n") == 4
    write_tar(tmp_path / "a.tar", {**photos, "04.png": b""})
    assert main([*command, str(output)]) == 1
    assert output.read_bytes().startswith(whole)


# --- object stores -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bucket(photos) -> Iterator[str]:
    """A bucket on a real S3 server on this machine."""
    for module in ("s3fs", "moto.server", "flask"):
        pytest.importorskip(module)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    settings = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    patch = pytest.MonkeyPatch()
    for name, value in settings.items():
        patch.setenv(name, value)
    try:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        remote.open_store.cache_clear()
        import s3fs

        files = s3fs.S3FileSystem()
        files.mkdir("photos")
        for key, data in photos.items():
            files.pipe(f"photos/in/{key}", data)
        files.pipe("photos/in/notes.txt", b"notes")
        files.pipe("photos/in/.hidden.png", b"x")
        files.pipe("photos/empty.png", b"")
        yield "s3://photos"
    finally:
        patch.undo()
        server.kill()
        server.wait()


@pytest.mark.enable_socket
@pytest.mark.slow
def test_a_bucket_is_read_like_a_folder(bucket: str, photos) -> None:
    found = list(Sources([f"{bucket}/in/"]))
    assert [source.name for source in found] == [f"{bucket}/in/{key}" for key in sorted(photos)]
    assert [source.below for source in found] == sorted(photos)
    assert [source.given() for source in found] == [photos[source.below] for source in found]
    assert [source.name for source in Sources([f"{bucket}/in/*.png"])] == [f"{bucket}/in/03.png"]
    (none,) = Sources([f"{bucket}/in/*.gif"])
    assert none.problem == f"{bucket}/in/*.gif has no pictures or videos"


@pytest.mark.enable_socket
@pytest.mark.slow
def test_objects_that_are_missing_or_empty_stop_no_other(bucket: str) -> None:
    places = [f"{bucket}/{key}" for key in ("in/missing.png", "empty.png", "in/03.png")]
    results = list(mien.analyze_files(*places, "s3://no-such-bucket/x.png", threads=1))
    missing, empty, whole, no_bucket = results
    assert isinstance(whole, mien.ImageResult)
    assert missing.message == f"{places[0]} does not exist"
    assert "is empty" in empty.message
    assert no_bucket.message == "s3://no-such-bucket/x.png does not exist"


@pytest.mark.enable_socket
@pytest.mark.slow
@pytest.mark.parametrize("name", ["photos.zip", "photos.tar.gz", "photos.parquet"])
def test_archives_in_a_bucket(name: str, bucket: str, photos, tmp_path: Path) -> None:
    import s3fs

    path = tmp_path / name
    if name.endswith("zip"):
        write_zip(path, photos)
    elif name.endswith("gz"):
        write_tar(path, photos, "w:gz")
    else:
        write_table(path, {"__key__": list(photos), "image": list(photos.values())})
    s3fs.S3FileSystem().put(str(path), f"photos/{name}")
    sources = Sources([f"{bucket}/{name}"], columns=Columns(key="__key__"))
    assert below(sources, f"{bucket}/{name}") == photos


@pytest.mark.enable_socket
@pytest.mark.slow
def test_tables_and_lists_name_objects(bucket: str, photos, tmp_path: Path, tiny_model) -> None:
    import s3fs

    urls = [f"{bucket}/in/{key}" for key in photos]
    write_table(tmp_path / "list.parquet", {"id": [3, 1, 2], "url": urls})
    found = list(Sources([str(tmp_path / "list.parquet")], columns=Columns(key="id")))
    assert [source.given() for source in found] == list(photos.values())
    s3fs.S3FileSystem().pipe("photos/list.txt", "\n".join(urls).encode())
    output = tmp_path / "faces.csv"
    listed = ["--from-list", f"{bucket}/list.txt", "--model", str(tiny_model)]
    assert main(["analyze", *listed, "--output", str(output)]) == 0
    assert [line.split(",")[0] for line in output.read_text().splitlines()[1:]] == urls


# --- stores that fail ----------------------------------------------------------------------------

EXPIRED = b"""<?xml version="1.0"?><Error><Code>ExpiredToken</Code>
<Message>The provided token has expired.</Message></Error>"""


class Store(ThreadingHTTPServer):
    """A web server, and a store that refuses: what it does with each path is set by a test."""

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.files = files
        self.breaks = dict.fromkeys(files, 0)
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Answer(BaseHTTPRequestHandler):
    """Answers with a file; with its half and a broken connection as often as is set."""

    server: Store

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        name = self.path.strip("/").split("?")[0]
        data = self.server.files.get(name)
        if data is None:
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(403 if data == EXPIRED else 200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.server.breaks[name]:
            self.server.breaks[name] -= 1
            self.wfile.write(data[: len(data) // 2])
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def web(photos, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    pytest.importorskip("aiohttp")
    monkeypatch.setattr(remote, "_WAIT_S", 0.01)
    remote.open_store.cache_clear()
    store = Store({Path(key).name: data for key, data in photos.items()})
    yield store
    store.shutdown()
    store.server_close()
    remote.open_store.cache_clear()


@pytest.mark.enable_socket
def test_a_connection_that_breaks_is_tried_again(web: Store, photos) -> None:
    web.breaks["03.png"] = 2
    (source,) = Sources([f"{web.url}/03.png"])
    assert source.given() == photos["03.png"]
    web.breaks["03.png"] = 99
    with pytest.raises(mien.ImageError, match=r"03\.png cannot be fetched"):
        source.given()
    (missing,) = mien.analyze_files(f"{web.url}/none.png?sig=secret", threads=1)
    assert missing.message.endswith("none.png?sig=*** does not exist")


@pytest.mark.slow
@pytest.mark.enable_socket
def test_a_store_that_is_gone_stops_the_run_which_resumes(
    web: Store, photos, tiny_model: Path, tmp_path: Path, capsys
) -> None:
    names = [f"{web.url}/{Path(key).name}" for key in photos] * 5
    listed = tmp_path / "list.txt"
    listed.write_text("\n".join(names))
    output = tmp_path / "faces.csv"
    command = ["analyze", "--from-list", str(listed), "--model", str(tiny_model)]
    assert main([*command, "--output", str(tmp_path / "whole.csv")]) == 0

    web.breaks["03.png"] = 99  # only this one fails, time and again
    assert main([*command, "--output", str(tmp_path / "other.csv")]) == 1
    assert (tmp_path / "other.failed.csv").read_text().count("cannot be fetched") == 5
    web.breaks = dict.fromkeys(web.files, 99)
    capsys.readouterr()
    assert main([*command, "--output", str(output)]) == 2
    told = capsys.readouterr().err
    assert "the connection to" in told
    assert "run the same command again when it is back (the results are kept in" in told
    assert not output.exists()

    web.breaks = dict.fromkeys(web.files, 0)
    assert main([*command, "--output", str(output)]) == 0
    assert output.read_bytes() == (tmp_path / "whole.csv").read_bytes()


@pytest.mark.slow
@pytest.mark.enable_socket
def test_expired_credentials_stop_the_run(
    web: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("s3fs")
    for name, value in (
        ("AWS_ENDPOINT_URL", web.url),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    web.files = {"photos/a.png": EXPIRED}
    web.breaks = {"photos/a.png": 0}
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    write_table(tmp_path / "list.parquet", {"path": ["s3://photos/a.png"]})
    with pytest.raises(SourceError, match="renew the credentials and run the same command again"):
        list(mien.analyze_files(str(tmp_path / "list.parquet"), threads=1))
    s3fs.S3FileSystem.clear_instance_cache()


def test_what_a_url_needs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fsspec")
    monkeypatch.setitem(sys.modules, "adlfs", None)
    with pytest.raises(mien.MissingExtraError, match=r"az:// requires adlfs.*pip install adlfs"):
        remote.Store("az")
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(mien.MissingExtraError, match=r"pip install 'mien\[cloud\]'"):
        remote.Store("s3")
