"""Tables of photos become the same rows whichever engine moves them."""

import functools
import pickle
from pathlib import Path

import pytest

import mien
from mien.cluster import BatchReader
from mien.tables import make_schema, tidy_rows

pa = pytest.importorskip("pyarrow")


@pytest.fixture
def reader(tiny_model: Path) -> BatchReader:
    open_analyzer = functools.partial(mien.Analyzer, tiny_model, threads=1)
    return BatchReader(key="id", open_analyzer=open_analyzer)


@pytest.fixture
def photos(portrait_path: Path) -> "pa.Table":
    return pa.table({"id": [7, 8, 9], "bytes": [portrait_path.read_bytes(), b"no photo", None]})


def test_rows_are_those_of_one_machine(reader, photos, analyzer) -> None:
    pairs = [
        (str(key), data or b"") for key, data in zip(*photos.to_pydict().values(), strict=True)
    ]
    alone = list(analyzer.analyze_many(pairs))
    rows = list(tidy_rows((result.to_dict() for result in alone), analyzer.recognizer.emotions))
    read = reader(photos)
    assert read.to_pylist() == rows
    assert read.schema == make_schema(analyzer.recognizer.emotions)
    assert read.column("source").to_pylist() == ["7", "8", "9"]
    assert [bool(error) for error in read.column("error").to_pylist()] == [False, True, True]


def test_a_reader_travels_to_other_processes(reader, photos) -> None:
    first = reader(photos)
    there = pickle.loads(pickle.dumps(reader))
    assert there._analyzer is None
    assert there(photos) == first


def test_a_table_without_rows_has_the_same_columns(reader, photos) -> None:
    assert reader(photos[:0]).schema == reader(photos).schema


def test_data_frames_as_spark_passes_them(reader, photos) -> None:
    pytest.importorskip("pandas")
    frames = list(reader.read_frames([photos[:1].to_pandas(), photos[1:].to_pandas()]))
    assert [len(frame) for frame in frames] == [1, 2]
    assert list(frames[0].columns) == reader(photos).column_names
