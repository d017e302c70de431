"""Read the photos of Parquet tables: bytes, or paths and URLs."""

from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from mien.batch.items import TOO_LONG, Columns, Item
from mien.contents import MAX_STREAM_BYTES
from mien.errors import ConfigError, ImageError
from mien.tables import load_pyarrow

ROWS_AT_ONCE: Final = 16
"""Rows of a Parquet file that are loaded at a time."""
IMAGE_COLUMNS: Final = ("image", "bytes", "jpg", "jpeg", "png", "path", "file", "filename", "url")
"""Columns searched for a table's pictures if none is named, in this order."""


def read_parquet(stream: BinaryIO, name: str, columns: Columns) -> Iterator[Item]:
    """Yield a photo for each row of a table, in order.

    Args:
        stream: The table, open for reading.
        name: What messages call it.
        columns: Which columns are read.

    Raises:
        ConfigError: It has no such column.
        ImageError: No column is sure to hold pictures.
    """
    _, pq = load_pyarrow()
    table = pq.ParquetFile(stream)
    image = _find_image_column(table.schema_arrow, columns.image)
    wanted = list(dict.fromkeys([image, *([] if columns.key is None else [columns.key])]))
    for column in wanted:
        if column not in table.schema_arrow.names:
            listed = _list_columns(table.schema_arrow)
            raise ConfigError(f"{name} has no column {column!r}, only {listed}")

    row = 0
    for batch in table.iter_batches(batch_size=ROWS_AT_ONCE, columns=wanted):
        keys = None if columns.key is None else batch.column(columns.key).to_pylist()
        for number, cell in enumerate(batch.column(image).to_pylist()):
            key = None if keys is None else keys[number]
            yield _read_cell(cell, row, None if key is None else str(key))
            row += 1


def _find_image_column(schema: Any, wanted: str | None) -> str:  # noqa: ANN401
    """Choose the column that contains the pictures.

    Raises:
        ImageError: No single column qualifies.
    """
    if wanted is not None:
        return wanted
    kinds = {field.name: str(field.type) for field in schema}
    held = [
        column
        for column, kind in kinds.items()
        if kind.endswith("binary") or kind.startswith("struct<bytes: binary")
    ]
    if len(held) == 1:
        return str(held[0])

    # Several candidates: prefer the usual names, and accept text as paths only without bytes.
    for column in IMAGE_COLUMNS:
        if column in held or (not held and kinds.get(column, "").endswith("string")):
            return column
    raise ImageError(
        f"has no single column of pictures, only {_list_columns(schema)}; name one with "
        "--image-column"
    )


def _list_columns(schema: Any) -> str:  # noqa: ANN401
    return ", ".join(f"{field.name} ({field.type})" for field in schema)[:500]


def _read_cell(cell: object, row: int, key: str | None) -> Item:
    """Read one cell: bytes, a path, or both, as in Hugging Face's tables."""
    name = str(row) if key is None else key
    if isinstance(cell, dict):
        path = cell.get("path")
        cell = path if cell.get("bytes") is None else cell["bytes"]
    if isinstance(cell, bytes):
        if len(cell) > MAX_STREAM_BYTES:
            return Item(name, problem=TOO_LONG)
        return Item.held(name, cell)
    if isinstance(cell, str) and cell:
        return Item("" if key is None else key, place=cell)
    return Item(name, problem="has an empty cell instead of a picture")
