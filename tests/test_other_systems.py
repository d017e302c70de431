"""What Windows and macOS do differently, shown on Linux where a fake can show it."""

import errno
import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onnxruntime  # noqa: F401 - it asks for the system when it is imported, before the fakes
import pytest

import mien
from clips import even, numbered, write_clip
from mien.batch.annotated import Copies
from mien.batch.journal import LOCKED_BYTE, Journal
from mien.batch.sources import Source
from mien.cli import exit_codes, main
from mien.files import identify
from mien.video.container import import_av

WINDOWS = SimpleNamespace(**{**vars(sys), "platform": "win32"})
RUN = {"model": "tiny"}


# --- files ---------------------------------------------------------------------------------------


@pytest.fixture
def no_change_of_open_files(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Refuse, as Windows does, to rename, replace or delete a file that is open."""
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("this system does not list its open files")
    changed: list[str] = []

    def is_open(path: str) -> bool:
        files = []
        for number in Path("/proc/self/fd").iterdir():
            with suppress(OSError):  # the list's own
                files.append(str(number.readlink()))
        return os.path.realpath(path) in files

    def guard(name: str) -> None:
        plain = getattr(os, name)

        def change(*paths: Any, **more: Any) -> Any:
            for path in paths:
                if is_open(os.fspath(path)):
                    raise PermissionError(errno.EACCES, "the file is in use", os.fspath(path))
            changed.append(name)
            return plain(*paths, **more)

        monkeypatch.setattr(os, name, change)

    for name in ("replace", "rename", "unlink", "remove"):
        guard(name)
    return changed


@pytest.mark.slow
@pytest.mark.parametrize("table", ["faces.csv", "faces.jsonl", "faces.parquet"])
def test_no_open_file_is_replaced_or_deleted(
    no_change_of_open_files, table, portrait_path, tiny_model, tmp_path
):
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(portrait_path.read_bytes())
    (folder / "torn.jpg").write_bytes(portrait_path.read_bytes()[:900])
    (folder / "clip.mp4").write_bytes(write_clip(numbered(4), even(4)))
    target = tmp_path / table
    command = ["analyze", str(folder), "--model", str(tiny_model), "--output", str(target)]
    extra = ["--report", str(tmp_path / "r.html"), "--annotate", str(tmp_path / "copies")]
    for _ in range(2):  # the second run replaces what the first has written
        assert main([*command, *extra]) in (0, 1)
    assert {"replace", "unlink"} <= set(no_change_of_open_files)
    kept = {path.name for path in tmp_path.iterdir()}
    assert kept == {
        "photos",
        table,
        "faces.failed.csv",
        "r.html",
        "r-photos-clip.mp4.html",
        "copies",
    }


def test_the_guard_of_open_files_refuses(no_change_of_open_files, tmp_path):
    path = tmp_path / "a"
    with path.open("w"), pytest.raises(PermissionError):
        path.unlink()
    path.unlink()


def test_names_that_differ_by_case_alone_may_be_the_same_file(portrait_path, tiny_model, tmp_path):
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(portrait_path.read_bytes())
    shouted = tmp_path / "PHOTO.JPG"
    if not shouted.exists():
        os.link(photo, shouted)  # what a file system that ignores case shows
    assert identify(photo) == identify(shouted) != identify(tmp_path)
    assert identify("\0") == "\0"
    assert identify(tmp_path / "none") == identify(tmp_path / "x" / ".." / "none")
    before = photo.read_bytes()
    command = ["analyze", str(photo), "--model", str(tiny_model), "--annotate", str(shouted)]
    assert main(command) == exit_codes.REFUSED
    assert photo.read_bytes() == before


def test_copies_differ_by_more_than_case(tmp_path):
    sources = [Source(str(tmp_path / name), name) for name in ("A.jpg", "a.jpg")]
    copies = Copies(tmp_path / "out", [str(tmp_path)])
    names = [copies.path(source, ".jpg").name for source in copies.plan(sources)]
    assert names == ["A-annotated.jpg", "a-2-annotated.jpg"]


@pytest.mark.parametrize(
    ("below", "wanted"),
    [
        ("zip/con/a.jpg", "zip/con_/a-annotated.jpg"),
        ("zip/AUX.x/COM1.jpg", "zip/AUX.x_/COM1_-annotated.jpg"),
        ("zip/12:30?.jpg", "zip/12_30_-annotated.jpg"),
        ("zip/end. /a.jpg", "zip/end/a-annotated.jpg"),
        ("zip/icon/console.jpg", "zip/icon/console-annotated.jpg"),
    ],
)
def test_an_archive_may_hold_names_that_windows_cannot_write(monkeypatch, tmp_path, below, wanted):
    source = Source("some.zip/x", below, load=lambda: b"")
    on_linux = Copies(tmp_path, []).plan([source])[0].below
    assert on_linux == below.removesuffix(".jpg") + "-annotated"
    monkeypatch.setattr("mien.batch.annotated.sys", WINDOWS)
    copies = Copies(tmp_path, [])
    (planned,) = copies.plan([source])
    assert copies.path(planned, ".jpg") == tmp_path / wanted


class Msvcrt:
    """Locks as Windows has them: by bytes, and refused by an error."""

    LK_NBLCK = 2

    def __init__(self) -> None:
        self.locked: set[tuple[int, int]] = set()

    def locking(self, file: int, mode: int, count: int) -> None:
        byte = os.fstat(file).st_ino, os.lseek(file, 0, os.SEEK_CUR)
        assert (mode, count, byte[1]) == (self.LK_NBLCK, 1, LOCKED_BYTE)
        if byte in self.locked:
            raise PermissionError(errno.EACCES, "Permission denied")
        self.locked.add(byte)


def test_two_runs_do_not_write_to_one_journal_on_windows_either(monkeypatch, tmp_path):
    monkeypatch.setattr("mien.batch.journal.sys", WINDOWS)
    monkeypatch.setitem(sys.modules, "msvcrt", Msvcrt())
    failure = mien.results.Failure("a.jpg", "image", "torn")
    with Journal(tmp_path / "t", RUN) as journal:
        journal.append(failure)
        with pytest.raises(mien.ConfigError, match="another run"):
            Journal(tmp_path / "t", RUN)
        assert [record["source"] for record in journal.records()] == ["a.jpg"]
    assert (tmp_path / "t").stat().st_size < 1000  # the lock made it no longer


# --- the console ---------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {"PYTHONIOENCODING": "cp1252"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
)
def test_json_is_utf_8_whatever_the_console_speaks(portrait_path, tiny_model, tmp_path, settings):
    name = "é日😀.jpg"
    (tmp_path / name).write_bytes(portrait_path.read_bytes())
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONUTF8", "LC_ALL")}
    for more in ([], ["--output", "faces.csv"]):
        words = [sys.executable, "-m", "mien", "analyze", ".", "--model", str(tiny_model)]
        done = subprocess.run(
            [*words, "--json", *more],
            capture_output=True,
            timeout=60,
            cwd=tmp_path,
            env={**environment, **settings},
        )
        assert done.returncode == 0, done.stderr
        (line,) = done.stdout.decode("utf-8").splitlines()
        source = json.loads(line)["source"]
        assert source.encode("utf-8", "surrogateescape") == name.encode()
    # What people read is escaped where the console lacks the letter.
    done = subprocess.run(
        words, capture_output=True, timeout=60, cwd=tmp_path, env={**environment, **settings}
    )
    assert done.returncode == 0, done.stderr
    assert rb"\u" in done.stdout


def test_a_reader_that_leaves_is_no_error_on_windows(monkeypatch):
    """There, a closed pipe is an invalid argument."""
    from mien import cli

    monkeypatch.setattr(cli.os, "dup2", lambda *_: None)
    error = OSError(errno.EINVAL, "Invalid argument")
    with pytest.raises(OSError, match="Invalid"):
        cli._report_system_error(error)
    monkeypatch.setattr(cli, "sys", WINDOWS)
    assert cli._report_system_error(error) == exit_codes.PIPE_CLOSED


# --- cameras -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("system", "source", "place", "kind", "rate"),
    [
        ("Linux", 1, "/dev/video1", "v4l2", None),
        ("Darwin", 1, "1", "avfoundation", "30"),
        ("Windows", "video=Integrated Camera", "video=Integrated Camera", "dshow", None),
    ],
)
def test_cameras_are_opened_by_the_systems_own_means(
    monkeypatch, tiny_model, system, source, place, kind, rate
):
    asked: dict[str, Any] = {}

    def refuse(file: str, **options: Any) -> None:
        asked.update(options, file=file)
        raise OSError(errno.ENODEV, "no such device")

    monkeypatch.setattr("platform.system", lambda: system)
    monkeypatch.setattr(import_av(), "open", refuse)
    with (
        pytest.raises(mien.VideoError, match="cannot be opened"),
        mien.Live.open(source, tiny_model),
    ):
        pass
    assert (asked["file"], asked["format"]) == (place, kind)
    assert asked["options"].get("framerate") == rate


def test_a_camera_has_a_name_on_windows(monkeypatch, tiny_model):
    monkeypatch.setattr("platform.system", lambda: "Windows")
    with pytest.raises(mien.ConfigError, match="video=Integrated Camera"):
        mien.Live.open(0, tiny_model)
