"""Parts are written once for each share, whoever writes them, and a run goes on from them."""

from collections import Counter
from pathlib import Path

import pytest

import mien
from mien.batch.items import Columns
from mien.batch.sources import Sources
from mien.batch.tally import Tally
from mien.cluster import ray_run
from mien.cluster.parts import Parts
from mien.cluster.ray_run import Reading, ShareReader, plan_shares
from mien.emotions import EMOTIONS
from mien.errors import ConfigError, OutputError
from mien.results import Failure
from mien.video.reading import VideoSettings

pq = pytest.importorskip("pyarrow.parquet")

RUN = {"mien": "1", "model": "a"}
BROKEN = Failure("b.jpg", "image", "b.jpg is empty, expected a picture").to_dict()


def make_photos(folder: Path, count: int, photo: bytes) -> list[str]:
    folder.mkdir()
    for number in range(count):
        (folder / f"{number:03}.jpg").write_bytes(photo if number % 3 else b"no photo")
    return sorted(str(path) for path in folder.iterdir())


def plan(places: list[str], done: dict[str, int] | None = None) -> list[ray_run.Share]:
    return list(plan_shares(Sources(places, whole_archives=True), Counter(done or {})))


@pytest.fixture
def reading(analyzer: mien.Analyzer, tmp_path: Path) -> Reading:
    parts = Parts(str(tmp_path / "out"), RUN)
    return Reading(analyzer, VideoSettings(), Columns(), None, parts, str(tmp_path))


def test_shares_hold_every_source_once_and_archives_alone(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(ray_run, "SHARE", 4)
    places = [f"{n}.jpg" for n in range(6)] + ["a.tar", "7.jpg", "clip.mp4", "8.jpg"]
    shares = plan(places)
    assert [share.places for share in shares] == [
        ("0.jpg", "1.jpg", "2.jpg", "3.jpg"),
        ("4.jpg", "5.jpg"),
        ("a.tar",),
        ("7.jpg",),
        ("clip.mp4",),
        ("8.jpg",),
    ]
    assert len({share.name for share in shares}) == len(shares)


def test_what_is_done_is_left_out_and_the_rest_keeps_its_name(monkeypatch) -> None:
    monkeypatch.setattr(ray_run, "SHARE", 2)
    whole = plan(["a", "b", "c", "d", "e"])
    assert plan(["a", "b", "c", "d", "e"], {"c": 1, "d": 1}) == [whole[0], whole[2]]
    twice = plan(["a", "b", "a", "b"], {"a": 1, "b": 1})
    assert [share.places for share in twice] == [("a", "b")]  # named twice and read once


def test_names_that_are_not_utf8_reach_the_actor(reading, tmp_path) -> None:
    place = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    (share,) = plan([place])
    ShareReader(reading)(share.pack())
    assert reading.parts.find_done().places == {place: 1}


def test_a_share_has_the_rows_of_one_machine(reading, portrait_path, tmp_path) -> None:
    places = make_photos(tmp_path / "photos", 7, portrait_path.read_bytes())
    (share,) = plan([str(tmp_path / "photos")])
    assert list(share.places) == places
    ShareReader(reading)(share.pack())
    alone = list(mien.analyze_files(*places, analyzer=reading.analyzer))
    mien.tables.write_parquet(tmp_path / "alone.parquet", (r.to_dict() for r in alone), EMOTIONS)
    rows = pq.read_table(tmp_path / "out" / share.name).to_pylist()
    assert rows == pq.read_table(tmp_path / "alone.parquet").to_pylist()
    assert [bool(row["error"]) for row in rows] == [number % 3 == 0 for number in range(7)]


def test_a_pattern_without_files_is_explained_as_on_one_machine(reading, tmp_path) -> None:
    places = [str(tmp_path / "x" / "*.jpg"), str(tmp_path / "x" / "photo.jpg")]
    (share,) = plan(places)
    ShareReader(reading)(share.pack())
    alone = [r.to_dict()["error"]["message"] for r in mien.analyze_files(*places)]
    rows = pq.read_table(tmp_path / "out" / share.name).to_pylist()
    assert [row["error"] for row in rows] == alone
    assert alone[0].endswith("*.jpg matches no file")


def test_a_share_that_was_written_is_not_read_again(reading, portrait_path, tmp_path) -> None:
    places = make_photos(tmp_path / "photos", 3, portrait_path.read_bytes())
    (share,) = plan(places)
    told = ShareReader(reading)(share.pack())
    written = (tmp_path / "out" / share.name).stat()
    for place in places:
        Path(place).unlink()
    assert ShareReader(reading)(share.pack()) == told
    assert (tmp_path / "out" / share.name).stat() == written


def test_counts_of_parts_add_up(tmp_path) -> None:
    parts = Parts(str(tmp_path), RUN)
    face = mien.ImageResult("a.jpg", 10, 10, ()).to_dict()
    parts.write("part-1.parquet", ["a.jpg", "b.jpg"], [face, BROKEN], EMOTIONS)
    parts.write("part-2.parquet", ["c.jpg"], [face | {"source": "c.jpg"}], EMOTIONS)
    (tmp_path / ".part-3.parquet").write_bytes(b"another program's")
    done = parts.find_done()
    assert (done.parts, done.places) == (2, {"a.jpg": 1, "b.jpg": 1, "c.jpg": 1})
    assert (done.tally.read, done.tally.failed, done.tally.without_face) == (2, 1, 2)
    assert done.tally.reasons == {"is empty, expected a picture": 1}
    assert Tally.from_dict(done.tally.to_dict()).to_dict() == done.tally.to_dict()


def test_other_settings_and_other_files_are_refused(tmp_path) -> None:
    Parts(str(tmp_path), RUN).write("part-1.parquet", ["a.jpg"], [BROKEN], EMOTIONS)
    with pytest.raises(ConfigError, match="written with model a, and now it is b"):
        Parts(str(tmp_path), RUN | {"model": "b"}).find_done()
    pq.write_table(
        pq.read_table(tmp_path / "part-1.parquet").replace_schema_metadata(), tmp_path / "x.parquet"
    )
    with pytest.raises(ConfigError, match="is no part of a run"):
        Parts(str(tmp_path), RUN).find_done()


def test_an_output_that_cannot_be_written_is_told(reading, tmp_path) -> None:
    (tmp_path / "out").write_bytes(b"")
    (share,) = plan(["a.jpg"])
    assert "cannot be written" in ShareReader(reading)(share.pack())["told"]


def test_parts_in_a_store() -> None:
    pytest.importorskip("fsspec")
    parts = Parts("memory://bucket/faces", RUN)
    assert parts.find_done().parts == 0
    parts.write("part-1.parquet", ["a.jpg"], [BROKEN], EMOTIONS)
    assert parts.find_done().places == {"a.jpg": 1}
    assert parts.read("part-2.parquet") is None
    with pytest.raises(OutputError, match="name a folder or an object store"):
        Parts("https://example.org/faces", RUN).write("part-1.parquet", [], [], EMOTIONS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--annotate", "drawn"], "--annotate needs --engine local"),
        (["--json"], "--json needs --engine local"),
        ([], "needs --output with a folder or a URL"),
        (["--output", "faces.csv"], "needs --output with a folder or a URL"),
        (["--output", "faces", "--workers", "3-2"], "--workers is a number or a range"),
    ],
)
def test_options_that_make_no_sense_on_a_cluster(options, message, capsys, portrait_path) -> None:
    pytest.importorskip("ray")
    from mien.cli import main

    assert main(["analyze", str(portrait_path), "--engine", "ray", *options]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
