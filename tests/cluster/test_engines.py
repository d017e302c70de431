"""The guides for Dask and Spark hold: their rows are those of one machine."""

import functools
from pathlib import Path

import pytest

import mien
from mien.cluster import BatchReader

pd = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.enable_socket,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::UserWarning"),
]


@pytest.fixture
def reader(tiny_model: Path) -> BatchReader:
    open_analyzer = functools.partial(mien.Analyzer, tiny_model, threads=1)
    return BatchReader(image="content", open_analyzer=open_analyzer)


@pytest.fixture
def photos(portrait_path: Path) -> "pd.DataFrame":
    photo = portrait_path.read_bytes()
    content = [photo if number % 3 else b"no photo" for number in range(6)]
    return pd.DataFrame({"path": [f"{number}.jpg" for number in range(6)], "content": content})


def test_dask(reader: BatchReader, photos: "pd.DataFrame", tmp_path: Path) -> None:
    dd = pytest.importorskip("dask.dataframe")
    import dask

    (alone,) = reader.read_frames([photos])
    photos.to_parquet(tmp_path / "0.parquet")
    photos.to_parquet(tmp_path / "1.parquet")
    with dask.config.set({"dataframe.convert-string": False}):
        parts = dd.read_parquet(tmp_path, columns=["path", "content"])
        faces = parts.map_partitions(
            lambda frame: next(reader.read_frames([frame])), meta=reader.make_empty_frame()
        )
        read = faces.compute(scheduler="processes").reset_index(drop=True)
    alone = pd.concat([alone, alone], ignore_index=True)
    pd.testing.assert_frame_equal(read, alone, check_dtype=False)


def test_spark(reader: BatchReader, photos: "pd.DataFrame") -> None:
    sql = pytest.importorskip("pyspark.sql")
    spark = sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    session = spark.config("spark.sql.execution.arrow.maxRecordsPerBatch", "2").getOrCreate()
    try:
        columns = ["source", "emotion", "happy", "error"]
        schema = "source string, emotion string, happy double, error string"
        faces = session.createDataFrame(photos).mapInPandas(
            lambda frames: (frame[columns] for frame in reader.read_frames(frames)), schema
        )
        read = faces.toPandas().sort_values("source").reset_index(drop=True)
    finally:
        session.stop()
    (alone,) = reader.read_frames([photos])
    pd.testing.assert_frame_equal(read, alone[columns], check_dtype=False)
