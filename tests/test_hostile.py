"""A folder of corrupt and odd files goes through every output: each is reported, none is lost."""

import csv
import io
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pictures
from mien.cli import main

READ = ""
"""What a file that can be read is expected to say."""


def odd() -> dict[str, tuple[bytes, str]]:
    """Odd files that are pictures all the same."""
    files = {f"fine-{kind}.dat": (data, READ) for kind, data in pictures.in_every_format().items()}
    noise = np.random.default_rng(1).integers(0, 256, (90, 70, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    for name in (
        "zwei Wörter.jpg",
        "日本 😀.jpg",
        "[a]*.jpg",
        "a'b\"c,d.jpg",
        "new\nline.jpg",
        "%s{}.jpg",
    ):
        files[name] = (pictures.encode(image, "JPEG"), READ)
    files["one pixel.png"] = (pictures.encode(image.crop((0, 0, 1, 1)), "PNG"), READ)
    files["long and thin.png"] = (pictures.encode(image.resize((4000, 2)), "PNG"), READ)
    for orientation in (3, 6):
        files[f"turned-{orientation}.jpg"] = (pictures.turned(orientation), READ)
    exif = pictures.turned(6)
    at = exif.index(b"Exif\0\0") + 6
    files["bad exif.jpg"] = (exif[:at] + b"\xff" * 8 + exif[at + 8 :], READ)
    files["trailing.jpg"] = (pictures.encode(image, "JPEG") + b"\0" * 999, READ)
    return files


def broken() -> dict[str, tuple[bytes, str]]:
    """More files that cannot be read, and a word of what is said of each."""
    whole = pictures.in_every_format()
    files = dict(pictures.hostile())
    for name in ("clip.mp4", "clip.mkv", "clip.avi"):  # told to be videos, and read as such
        files[name] = (files[name][0], "damaged or incomplete")
    files["nul.jpg"] = (bytes(500), "no known image")
    files["ones.png"] = (b"\xff" * 500, "no known image")
    files["only the mark.jpg"] = (b"\xff\xd8\xff", "")
    files["spoilt.png"] = (whole["png"][:40] + b"\0" * 40 + whole["png"][80:], "damaged")
    files["cut off.mp4"] = (b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2" + bytes(30), "")
    files["noise.mkv"] = (b"\x1aE\xdf\xa3" + np.random.default_rng(2).bytes(3000), "")
    files["playlist.jpg"] = (b"#EXTM3U\nfile:///etc/passwd\n", "playlist")
    files["script.png"] = (b"#!/bin/sh\nrm -rf /\n", "text")
    files["zip.jpg"] = (b"PK\x03\x04" + bytes(60), "no known image")
    files["utf16.jpg"] = ("Liebe Grüße".encode("utf-16"), "no known image")
    for kind in ("gif", "bmp", "webp", "tiff", "avif"):
        data = whole[kind]
        files[f"head only.{kind}"] = (data[:20], "")
    return files


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, portrait_path: Path) -> Iterator[Path]:
    """All of them in one folder, with a portrait between."""
    folder = tmp_path_factory.mktemp("hostile") / "files"
    folder.mkdir()
    for name, (data, _) in {**odd(), **broken()}.items():
        (folder / name).write_bytes(data)
    for name in ("0 first.jpg", "m middle.jpg", "~ last.jpg"):
        (folder / name).write_bytes(portrait_path.read_bytes())
    (folder / "gone.jpg").symlink_to("nowhere")
    (folder / "loop.jpg").symlink_to("loop.jpg")
    os.mkfifo(folder / "pipe.jpg")
    (folder / "folder.jpg").mkdir()
    (folder / "folder.jpg" / "inner.jpg").write_bytes(portrait_path.read_bytes())
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.jpg")).write_bytes(
        portrait_path.read_bytes()
    )
    server = socket.socket(socket.AF_UNIX)
    at = os.open(folder, os.O_RDONLY)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(f"/proc/self/fd/{at}" if Path(f"/proc/self/fd/{at}").exists() else folder)
        server.bind("socket.jpg")
    os.close(at)
    yield folder
    server.close()


WANTED = {name: words for name, (_, words) in {**odd(), **broken()}.items()} | {
    "0 first.jpg": READ,
    "m middle.jpg": READ,
    "~ last.jpg": READ,
    "folder.jpg/inner.jpg": READ,
    "\\udcff\\udcfe.jpg": READ,
    "gone.jpg": "does not exist",
    "loop.jpg": "cannot be opened",
    "pipe.jpg": "a named pipe",
    "socket.jpg": "a socket",
}
DAMAGED = {"half.jpeg"}
"""Files that are read as far as they go, and told of all the same."""
FAILING = set({**broken()}) | {"gone.jpg", "loop.jpg", "pipe.jpg", "socket.jpg"}
WITH_FACE = {
    "0 first.jpg",
    "m middle.jpg",
    "~ last.jpg",
    "folder.jpg/inner.jpg",
    "\\udcff\\udcfe.jpg",
}


def check(found: dict[str, tuple[str | None, int]], folder: Path) -> None:
    """Compare what an output says of each file, error and faces, with what it should."""
    names = {source.removeprefix(f"{folder}/"): said for source, said in found.items()}
    assert set(names) == set(WANTED)
    for name, (error, faces) in names.items():
        if name in FAILING:
            assert error, name
            assert WANTED[name] in error, name
            assert error.count("\n") == name.count("\n")
            assert "Traceback" not in error
        else:
            assert not error, name
            assert faces == (name in WITH_FACE), name


def test_there_are_at_least_sixty() -> None:
    assert len(WANTED) >= 60
    assert len(FAILING) >= 35


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet", "folder"])
def test_every_output(ending: str, folder: Path, tiny_model: Path, tmp_path: Path, capsys) -> None:
    output = tmp_path / ("drawn" if ending == "folder" else f"t.{ending}")
    small = ["--detector-size", "320", "--model", str(tiny_model)]
    assert main(["analyze", str(folder), "--output", str(output), *small]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    failed = len(FAILING - DAMAGED)
    assert err.startswith(f"{len(WANTED) - failed} read, ")
    assert f"{failed} failed" in err.splitlines()[0]
    table = output / "results.jsonl" if ending == "folder" else output
    check(read_table(table), folder)
    with table.with_name(f"{table.stem}.failed.csv").open(newline="", encoding="utf-8") as file:
        listed = [row["source"] for row in csv.DictReader(file)]
    assert sorted(source.removeprefix(f"{folder}/") for source in listed) == sorted(FAILING)
    if ending == "folder":
        drawn = [path for path in output.rglob("*") if path.is_file() and path.suffix == ".jpg"]
        moving = [name for name in odd() if "-animated" in name]
        assert len(list(output.rglob("*.mp4"))) == len(moving)
        assert len(drawn) == len(WANTED) - failed - len(moving)
        for path in drawn:
            with Image.open(path) as image:
                image.load()


def read_table(path: Path) -> dict[str, tuple[str | None, int]]:
    """Return the error and the number of faces of each source in a table."""
    if path.suffix == ".jsonl":
        records = map(json.loads, path.read_text(encoding="utf-8").splitlines())
        return {
            record["source"]: (
                _read_error(record),
                len(record.get("faces", ())),
            )
            for record in records
        }
    if path.suffix == ".csv":
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
    else:
        import pyarrow.parquet as pq

        rows = pq.read_table(path).to_pylist()
    return {row["source"]: (row["error"], 1 if row["face"] else 0) for row in rows}


def _read_error(record: dict) -> str | None:
    return record["error"]["message"] if "error" in record else record.get("damage")


@pytest.mark.slow
def test_the_terminal(folder: Path, tiny_model: Path, capsys) -> None:
    arguments = ["analyze", str(folder), "--detector-size", "320", "--model", str(tiny_model)]
    assert main(arguments) == 1
    out, err = capsys.readouterr()
    assert out.count("1 face") == len(WITH_FACE)
    assert err.count("mien: ") == len(FAILING)
    assert main([*arguments, "--json"]) == 1
    records = map(json.loads, capsys.readouterr().out.splitlines())
    found = {
        record["source"]: (_read_error(record), len(record.get("faces", ()))) for record in records
    }
    check(found, folder)
