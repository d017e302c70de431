"""A Ray cluster of several nodes reads what one machine reads, also when a part of it dies."""

import functools
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import psutil
import pytest

import mien
from mien.batch.items import Columns
from mien.batch.sources import Sources
from mien.cli import main
from mien.cluster import BatchReader, ray_run, read_faces
from mien.cluster.parts import Done, Parts
from mien.cluster.ray_run import Reading, read_shares
from mien.video.reading import VideoSettings
from ray_nodes import Nodes, running_nodes

pa = pytest.importorskip("pyarrow", reason="mien[tables] is not installed")
pq = pytest.importorskip("pyarrow.parquet")

pytestmark = [
    pytest.mark.slow,
    # Importing it here would take seconds of each run that leaves out slow tests.
    pytest.mark.skipif(find_spec("ray") is None, reason="mien[ray] is not installed"),
    pytest.mark.enable_socket,
    # Ray's and its libraries' own.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning"),
]

PHOTOS = 24


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    """A head and two nodes of one processor each."""
    with running_nodes(2) as started:
        yield started


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory, portrait_path: Path) -> Path:
    """A folder of photos, every fifth of which is none, and a zip with two."""
    folder = tmp_path_factory.mktemp("photos")
    photo = portrait_path.read_bytes()
    for number in range(PHOTOS):
        (folder / f"{number:03}.jpg").write_bytes(photo if number % 5 else b"no photo")
    with ZipFile(folder / "more.zip", "w") as archive:
        archive.writestr("a.jpg", photo)
        archive.writestr("b.jpg", b"")
    return folder


def read_parts(folder: Path) -> list[dict]:
    return [
        row for path in sorted(folder.glob("*.parquet")) for row in pq.read_table(path).to_pylist()
    ]


def test_a_dataset_has_the_rows_of_one_reader(nodes: Nodes, photos: Path, tiny_model: Path) -> None:
    import ray

    open_analyzer = functools.partial(mien.Analyzer, tiny_model, threads=1)
    files = sorted(photos.glob("*.jpg"))
    table = pa.table({"id": [f.name for f in files], "data": [f.read_bytes() for f in files]})
    dataset = ray.data.from_arrow(table).repartition(6)
    options = {"image": "data", "key": "id", "open_analyzer": open_analyzer}
    read = read_faces(dataset, **options, workers=(1, 2), batch_size=4).take_all()
    alone = BatchReader(**options)(table).to_pylist()
    assert sorted(read, key=lambda row: row["source"]) == alone


def test_the_command_writes_the_rows_of_one_machine_and_goes_on(
    nodes: Nodes,
    photos: Path,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(ray_run, "SHARE", 5)
    command = ["analyze", str(photos), str(photos / "more.zip"), "--model", str(tiny_model)]
    out = tmp_path / "faces"
    on_ray = [*command, "--engine", "ray", "--workers", "1-2", "--output", str(out)]
    assert main([*command, "--output", str(tmp_path / "alone.parquet")]) == 1
    assert main(on_ray) == 1
    alone = pq.read_table(tmp_path / "alone.parquet").to_pylist()
    assert read_parts(out) == alone
    assert "20 read" in capsys.readouterr().err

    first, *_, last = sorted(out.glob("*.parquet"))
    last.unlink()
    kept = first.stat()
    assert main(on_ray) == 1
    assert read_parts(out) == alone
    assert first.stat() == kept
    assert "24 of them were read by an earlier run" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="the benchmark observes processes in /proc")
def test_the_benchmark_compares_the_rows(nodes: Nodes, photos: Path, tmp_path: Path) -> None:
    import cluster_speed

    here = cluster_speed.read_here(photos, tmp_path / "alone.parquet")
    with cluster_speed.Watch() as watch:
        ray = cluster_speed.read_on_ray(photos, tmp_path / "faces", 2, watch)
    figures = cluster_speed.compare(here, ray, PHOTOS, 2)
    assert figures["same_rows"]
    assert figures["rows"] >= PHOTOS
    paces = [figures[f"{who}_photos_per_processor_s"] for who in ("local", "actors", "all_of_ray")]
    assert min(paces) > 0
    assert paces[2] < paces[1], "all of Ray's processes include the actors"

    ray.rows[0]["happy"] = 0.5
    assert not cluster_speed.compare(here, ray, PHOTOS, 2)["same_rows"]


def test_a_killed_worker_and_a_removed_node_lose_and_double_nothing(
    nodes: Nodes,
    photos: Path,
    analyzer: mien.Analyzer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ray_run, "SHARE", 2)
    parts = Parts(str(tmp_path / "faces"), {})
    reading = Reading(analyzer, VideoSettings(), Columns(), None, parts, str(tmp_path))
    sources = Sources([str(photos)], whole_archives=True)
    counted = 0
    for number, tally in enumerate(read_shares(sources, Done(), reading, (2, 2))):
        counted += tally.sources
        if number == 1:
            os.kill(find_worker(), signal.SIGKILL)
        if number == 4:
            nodes.cluster.remove_node(next(iter(nodes.cluster.worker_nodes)), allow_graceful=False)
    assert counted == PHOTOS
    names = Counter(row["source"] for row in read_parts(tmp_path / "faces"))
    assert names == dict.fromkeys((str(path) for path in photos.glob("*.jpg")), 1)


def find_worker() -> int:
    """Return the process of an actor that reads, among those that this process started."""
    children = psutil.Process().children(recursive=True)
    found = [child.pid for child in children if "MapWorker" in " ".join(child.cmdline())]
    assert found, "no actor runs"
    return found[0]
