"""Write results as tables: CSV, Parquet and pandas data frames.

A table is tidy: one row for each face of each photo or frame, and one row with empty face columns
where there is no face. So no photo and no frame is missing from it. A source that could not be
read has one row, with the reason under `error`. The columns are the same for photos and videos.

Records are the JSON form of results: what their `to_dict` gives, and what a line of JSON holds.
"""

from mien.tables.columns import Record, check_emotions, columns, find_emotions
from mien.tables.dataframe import Format, to_dataframe
from mien.tables.rows import Row, pyfeat_rows, tidy_rows
from mien.tables.writing import (
    ROWS_AT_ONCE,
    load_pyarrow,
    make_schema,
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
    "load_pyarrow",
    "make_schema",
    "pyfeat_rows",
    "tidy_rows",
    "to_dataframe",
    "write_csv",
    "write_jsonl",
    "write_parquet",
]
