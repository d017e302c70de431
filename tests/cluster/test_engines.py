"""The examples for Dask and Spark in docs/cluster.md run, and return the rows of one process."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from mien.cluster import BatchReader

pd = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.enable_socket,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::UserWarning"),
]

GUIDE: Final = Path(__file__).parents[2] / "docs" / "cluster.md"
PHOTOS: Final = 6


@pytest.fixture
def photos(portrait_path: Path) -> list[bytes]:
    """Photos, every third of which is none."""
    photo = portrait_path.read_bytes()
    return [photo if number % 3 else b"no photo" for number in range(PHOTOS)]


def read_example(engine: str) -> str:
    """Return the code under an engine's heading in the guide."""
    _, part = GUIDE.read_text(encoding="utf-8").split(f"### {engine}\n")
    return re.findall(r"```py\n(.*?)```", part, re.DOTALL)[0]


def run_example(engine: str, places: dict[str, Path]) -> None:
    """Run an engine's example with other places."""
    code = read_example(engine)
    for place, path in places.items():
        assert place in code
        code = code.replace(place, str(path))
    exec(code, {})


def make_table(content: list[bytes], *, image: str, name: Callable[[int], str]) -> "pd.DataFrame":
    return pd.DataFrame({"path": [name(n) for n in range(len(content))], image: content})


def test_dask(photos: list[bytes], tmp_path: Path) -> None:
    pytest.importorskip("dask.dataframe")
    import dask

    table = make_table(photos, image="bytes", name="{}.jpg".format)
    (tmp_path / "photos").mkdir()
    for number in (0, 1):
        table.to_parquet(tmp_path / "photos" / f"{number}.parquet")
    places = {"photos.parquet": tmp_path / "photos", "faces/": tmp_path / "faces"}
    with dask.config.set({"scheduler": "processes"}):
        run_example("Dask", places)

    (alone,) = BatchReader().read_frames([table])
    read = pd.read_parquet(tmp_path / "faces")[list(alone)]
    alone = pd.concat([alone, alone], ignore_index=True)
    pd.testing.assert_frame_equal(read.reset_index(drop=True), alone, check_dtype=False)


@pytest.mark.skipif(shutil.which("java") is None, reason="Java is not installed")
def test_spark(photos: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sql = pytest.importorskip("pyspark.sql", reason="pyspark is not installed")
    folder, output = tmp_path / "photos", tmp_path / "faces"
    folder.mkdir()
    for number, photo in enumerate(photos):
        (folder / f"{number}.jpg").write_bytes(photo)
    options = "--master local[2] --conf spark.ui.enabled=false pyspark-shell"
    monkeypatch.setenv("PYSPARK_SUBMIT_ARGS", options)
    try:
        run_example("Spark", {"s3a://bucket/photos/": folder, "s3a://bucket/faces/": output})
    finally:
        if session := sql.SparkSession.getActiveSession():
            session.stop()

    table = make_table(photos, image="content", name=lambda number: f"file:{folder}/{number}.jpg")
    (alone,) = BatchReader(image="content").read_frames([table])
    read = pd.read_parquet(output).sort_values("source").reset_index(drop=True)
    assert len(read) == PHOTOS
    pd.testing.assert_frame_equal(read, alone[list(read)], check_dtype=False)
