"""Write results as tables: CSV, Parquet and pandas data frames.

A table is tidy: one row per face of each photo or frame, and one row with empty face columns where
there is no face, so that every photo and frame is included. A source that could not be read has one
row, with the reason in `error`. The columns are the same for photos and videos.

Records are the JSON form of results, as returned by `to_dict` and stored in JSON Lines.
"""

from mien.tables.columns import Record, check_emotions, columns, find_emotions, have_features
from mien.tables.dataframe import Format, to_dataframe
from mien.tables.rows import Row, pyfeat_rows, tidy_rows
from mien.tables.writing import (
    ROWS_AT_ONCE,
    load_pyarrow,
    make_schema,
    stream_parquet,
    write_csv,
    write_jsonl,
    write_parquet,
)

__all__ = [
    "ROWS_AT_ONCE",
    "Format",
    "Record",
    "Row",
    "check_emotions",
    "columns",
    "find_emotions",
    "have_features",
    "load_pyarrow",
    "make_schema",
    "pyfeat_rows",
    "stream_parquet",
    "tidy_rows",
    "to_dataframe",
    "write_csv",
    "write_jsonl",
    "write_parquet",
]
