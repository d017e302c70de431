"""Read tables of text, as spreadsheets save them: separated by commas, semicolons or tabs."""

import csv
import io
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mien.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Table:
    """A table of text.

    Attributes:
        path: Its file.
        names: The columns, in order.
        rows: Line number and cells by column of each row that is not empty.
    """

    path: Path
    names: tuple[str, ...]
    rows: tuple[tuple[int, Mapping[str, str]], ...]


def read_separated(path: Path, what: str, renamed: Mapping[str, str] | None = None) -> Table:
    """Read a table; columns without a name are left out.

    Args:
        path: The file, UTF-8.
        what: What it is, for messages: "the table".
        renamed: Our names for other columns.

    Raises:
        ConfigError: The file cannot be read, has two columns of the same name, or a row has more
            cells than the header.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{what} {path} cannot be read: it is not UTF-8 text; save it as CSV UTF-8"
        ) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{what} {path} cannot be read: {reason}") from error

    head = text.partition("\n")[0]
    separator = max((",", ";", "\t"), key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        found = [name.strip() for name in next(reader, [])]
        names = [(renamed or {}).get(name, name) for name in found]
        double = [name for name, times in Counter(filter(None, names)).items() if times > 1]
        if double:
            raise ConfigError(f"{what} {path} has two columns {double[0]!r}")
        lines = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise ConfigError(f"line {reader.line_num} of {path} cannot be read: {error}") from error
    rows = tuple(_name_cells(lines, names, path))
    return Table(path, tuple(filter(None, names)), rows)


def _name_cells(
    lines: Iterable[tuple[int, Sequence[str]]], names: Sequence[str], path: Path
) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Yield line number and cells by column of each line that is not empty."""
    for number, line in lines:
        cells = [cell.strip() for cell in line]
        if not any(cells):
            continue
        if any(cells[len(names) :]):
            raise ConfigError(
                f"line {number} of {path} has more cells than the header has columns; put text "
                "that contains the separator in quotes"
            )
        cells += [""] * (len(names) - len(cells))
        yield number, {name: cell for name, cell in zip(names, cells, strict=False) if name}


def parse_seconds(text: str) -> float | None:
    """Parse a time in seconds, with a decimal point or comma; empty text is None.

    Raises:
        ValueError: It is not a finite number.
    """
    if not text:
        return None
    seconds = float(text.replace(",", "."))
    if not math.isfinite(seconds):
        raise ValueError(text)
    return seconds
