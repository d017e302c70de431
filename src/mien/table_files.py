"""This module turns records into table files: CSV, Parquet, JSON Lines."""

import csv
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Final

from mien.emotions import EMOTIONS
from mien.errors import OutputError, require_extra
from mien.files import replacing
from mien.tables import Record, columns, tidy_rows

ROWS_AT_ONCE: Final = 8192
"""Rows of a Parquet file's group: few enough to hold, enough to compress well."""


def write_csv(
    path: str | os.PathLike[str], records: Iterable[Record], emotions: Sequence[str] = EMOTIONS
) -> None:
    """Write a tidy table as CSV (UTF-8, a header, empty cells where there is no value).

    Rows are written as records come; the file is whole, or not there at all.

    Args:
        path: The file; one that is there is replaced.
        records: Results in their JSON form.
        emotions: The model's class names.

    Raises:
        OutputError: The file cannot be written.
    """
    with (
        _writing(Path(path)) as partial,
        partial.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, list(columns(emotions)), lineterminator="\n")
        writer.writeheader()
        writer.writerows(tidy_rows(records, emotions))


def write_parquet(
    path: str | os.PathLike[str], records: Iterable[Record], emotions: Sequence[str] = EMOTIONS
) -> None:
    """Write a tidy table as Parquet, compressed, with typed columns.

    Rows are written in groups as records come; the file is whole, or not there at all.

    Args:
        path: The file; one that is there is replaced.
        records: Results in their JSON form.
        emotions: The model's class names.

    Raises:
        MissingExtraError: pyarrow is not installed.
        OutputError: The file cannot be written.
    """
    pa, pq = load_pyarrow()
    kinds = {str: pa.string(), float: pa.float64(), int: pa.int64()}
    schema = pa.schema([(name, kinds[kind]) for name, kind in columns(emotions).items()])
    with (
        _writing(Path(path)) as partial,
        partial.open("wb") as file,
        pq.ParquetWriter(file, schema, compression="zstd") as writer,
    ):
        rows = tidy_rows(records, emotions)
        while group := list(islice(rows, ROWS_AT_ONCE)):
            writer.write_table(pa.Table.from_pylist(group, schema=schema))


def write_jsonl(path: str | os.PathLike[str], records: Iterable[Record]) -> None:
    """Write records as JSON Lines; the file is whole, or not there at all.

    Args:
        path: The file; one that is there is replaced.
        records: Results in their JSON form.

    Raises:
        OutputError: The file cannot be written.
    """
    with _writing(Path(path)) as partial, partial.open("w", encoding="utf-8") as file:
        for record in records:
            file.write(json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n")


def load_pyarrow() -> tuple[Any, Any]:
    """Import pyarrow and pyarrow.parquet.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise require_extra("tables", "a Parquet file", "pyarrow") from error
    return pa, pq


@contextmanager
def _writing(path: Path) -> Iterator[Path]:
    """Give a place beside a file to write to; it takes the file's place once it is on the disk."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            yield partial
            with partial.open("rb+") as file:
                os.fsync(file.fileno())
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written ({error.strerror or error}); "
            "make room or choose another place"
        ) from error
