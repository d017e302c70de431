"""Write results as CSV, Parquet and JSON Lines."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final

from mien.emotions import EMOTIONS
from mien.errors import OutputError, describe_error, require_extra
from mien.files import replacing
from mien.tables.columns import Record, columns
from mien.tables.rows import tidy_rows
from mien.tables.spreadsheet import CsvWriter

ROWS_AT_ONCE: Final = 8192
"""Rows per group of a Parquet file: few enough to hold in memory, enough to compress well."""


def write_csv(
    path: str | os.PathLike[str], records: Iterable[Record], emotions: Sequence[str] = EMOTIONS
) -> None:
    """Write a tidy table as CSV (UTF-8, with a header; missing values are empty cells).

    Text that a spreadsheet would execute as a formula is prefixed with an apostrophe (see
    `mien.tables.spreadsheet`). Rows are written as records arrive, and the file is replaced
    atomically.

    Args:
        path: Output file; an existing one is replaced.
        records: Results in their JSON form.
        emotions: The model's class names.

    Raises:
        OutputError: The file cannot be written.
    """
    with (
        _writing(Path(path)) as partial,
        partial.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = CsvWriter(file)
        writer.row(columns(emotions))
        writer.rows(row.values() for row in tidy_rows(records, emotions))


def write_parquet(
    path: str | os.PathLike[str],
    records: Iterable[Record],
    emotions: Sequence[str] = EMOTIONS,
    *,
    features: bool = False,
) -> None:
    """Write a tidy table as Parquet, compressed, with typed columns.

    Rows are written in groups as records arrive, and the file is replaced atomically.

    Args:
        path: Output file; an existing one is replaced.
        records: Results in their JSON form.
        emotions: The model's class names.
        features: Whether there is a column `features`, a list of float32 in each row.

    Raises:
        MissingExtraError: pyarrow is not installed.
        OutputError: The file cannot be written.
    """
    load_pyarrow()
    with _writing(Path(path)) as partial, partial.open("wb") as file:
        stream_parquet(file, records, emotions, features=features)


def stream_parquet(
    file: BinaryIO,
    records: Iterable[Record],
    emotions: Sequence[str] = EMOTIONS,
    describe: Callable[[], Mapping[str, str]] = dict,
    *,
    features: bool = False,
) -> None:
    """Write a tidy table as Parquet into an open file, in groups as records come.

    Args:
        file: Where to; it stays open.
        records: Results in their JSON form.
        emotions: The model's class names.
        describe: Returns what the file's metadata should hold; called after the last record.
        features: Whether there is a column `features`.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    pa, pq = load_pyarrow()
    schema = make_schema(emotions, features=features)
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        rows = tidy_rows(records, emotions, features=features)
        while group := list(islice(rows, ROWS_AT_ONCE)):
            writer.write_table(pa.Table.from_pylist(group, schema=schema))
        writer.add_key_value_metadata(dict(describe()))


def make_schema(emotions: Sequence[str] = EMOTIONS, *, features: bool = False) -> Any:  # noqa: ANN401
    """Return a tidy table's pyarrow schema.

    Args:
        emotions: The model's class names.
        features: Whether there is a column `features`.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    pa, _ = load_pyarrow()
    kinds = {str: pa.string(), float: pa.float64(), int: pa.int64(), list: pa.list_(pa.float32())}
    named = columns(emotions, features=features)
    return pa.schema([(name, kinds[kind]) for name, kind in named.items()])


def write_jsonl(path: str | os.PathLike[str], records: Iterable[Record]) -> None:
    """Write records as JSON Lines; the file is replaced atomically.

    Args:
        path: Output file; an existing one is replaced.
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
    """Yield a temporary file in the same folder, which replaces the file once it is on disk."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            yield partial
            with partial.open("rb+") as file:
                os.fsync(file.fileno())
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written ({describe_error(error)}); free some space or choose "
            "another path"
        ) from error
