"""Read a column about faces, such as an age band, from a table."""

import csv
import difflib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from mien.errors import DataError, describe_error
from mien.tables.spreadsheet import unescape

PATH: Final = "path"
_EXAMPLES: Final = 3


def read_column(table: Path, column: str, paths: Sequence[str]) -> tuple[str | None, ...]:
    """Return a column's value for each face.

    The table is a CSV file with a header. Rows are matched by their `path`, which may start at a
    higher or lower folder than the dataset's paths, as long as the match is unique. A table of
    labels and pixels, such as fer2013.csv, needs no path: its faces are identified by line number.

    Args:
        table: Path of the CSV file.
        column: Name of the column; case and surrounding spaces are ignored.
        paths: N paths in the dataset.

    Returns:
        N stripped values; None where the table has none.

    Raises:
        DataError: The table cannot be read, lacks the column, or matches none of the faces.
    """
    header, rows = _read(table)
    place = _find_column(header, column, table)
    if PATH in header:
        return _join(table, [(row[header.index(PATH)], row[place]) for _, row in rows], paths)
    if "pixels" in header:
        values = {line: row[place] for line, row in rows}
        return tuple(values.get(_line_of(path)) or None for path in paths)
    raise DataError(
        f"{table} has no {PATH!r} column to match faces by; it has {', '.join(header)}. Add one "
        f"with the dataset's paths, such as {paths[0]!r}"
    )


def _read(table: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Read the header and each row with the number of its last line."""
    try:
        reader = csv.reader(io.StringIO(table.read_text(encoding="utf-8-sig")))
        header = [cell.strip().lower() for cell in next(reader, [])]
        rows = [
            (reader.line_num, [unescape(cell.strip()) for cell in row]) for row in reader if row
        ]
    except OSError as error:
        reason = describe_error(error)
        raise DataError(f"the table {table} cannot be read: {reason}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{table} is not a valid CSV file: {error}") from error

    for line, row in rows:
        if len(row) != len(header):
            raise DataError(
                f"line {line} of {table} has {len(row)} cells, but its header has {len(header)}"
            )
    if not rows:
        raise DataError(f"{table} has no rows below its header")
    return header, rows


def _find_column(header: Sequence[str], column: str, table: Path) -> int:
    wanted = column.strip().lower()
    if wanted in header:
        return header.index(wanted)
    close = difflib.get_close_matches(wanted, header, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(header)}"
    raise DataError(f"{table} has no column {column!r}; {hint}")


def _join(
    table: Path, rows: Sequence[tuple[str, str]], paths: Sequence[str]
) -> tuple[str | None, ...]:
    """Assign to each path the value of its row, if any."""
    by_name: dict[str, list[int]] = {}
    for i, path in enumerate(paths):
        by_name.setdefault(PurePosixPath(path).name, []).append(i)
    exact = {path: i for i, path in enumerate(paths)}

    values: dict[int, str] = {}

    for written, value in rows:
        clean = written.replace("\\", "/").removeprefix("./")
        found = _match(clean, paths, exact, by_name)
        if len(found) > 1:
            raise DataError(
                f"{written!r} in {table} is ambiguous "
                f"({' or '.join(paths[i] for i in found[:2])}); write the path with its folders"
            )
        for i in found:
            if values.setdefault(i, value) != value:
                raise DataError(
                    f"{table} lists {paths[i]} twice, as {values[i]!r} and as {value!r}"
                )

    if not values:
        there = ", ".join(repr(path) for path, _ in rows[:_EXAMPLES])
        raise DataError(
            f"no path in {table} matches these faces: it has {there}; the faces are "
            f"{', '.join(repr(path) for path in paths[:_EXAMPLES])}. If the table belongs to "
            "another split, choose that split or --split all"
        )
    return tuple(values.get(i) or None for i in range(len(paths)))


def _match(
    written: str,
    paths: Sequence[str],
    exact: Mapping[str, int],
    by_name: Mapping[str, Sequence[int]],
) -> list[int]:
    """Return the faces that a path may refer to, exactly or relative to another folder."""
    if written in exact:
        return [exact[written]]
    return [
        i
        for i in by_name.get(PurePosixPath(written).name, ())
        if f"/{paths[i]}".endswith(f"/{written.lstrip('/')}")
        or f"/{written.lstrip('/')}".endswith(f"/{paths[i]}")
    ]


def _line_of(path: str) -> int:
    """Return the line number that identifies a face of a table; -1 for other paths."""
    name = PurePosixPath(path).name
    return int(name) if name.isdigit() else -1
