"""Write CSV cells that no spreadsheet executes as a formula.

Excel, LibreOffice and Google Sheets evaluate a cell that starts with one of `= + - @`, a tab or a
carriage return. File names are untrusted text, so `=cmd.jpg` is written as `'=cmd.jpg`, which a
spreadsheet displays as text. Numbers are unchanged. Every CSV file of mien is written with
`CsvWriter`.
"""

import csv
import re
from collections.abc import Iterable
from typing import Final, TextIO

_FORMULA: Final = re.compile(r"[=+\-@\t\r]")
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


class CsvWriter:
    """Writes rows of text and numbers to a CSV file."""

    def __init__(self, file: TextIO) -> None:
        """Store the file, which should be open with `newline=""`."""
        self._writer = csv.writer(file, lineterminator="\n")

    def row(self, cells: Iterable[object]) -> None:
        """Write one row; None is an empty cell."""
        self._writer.writerow([escape(cell) for cell in cells])

    def rows(self, rows: Iterable[Iterable[object]]) -> None:
        """Write several rows."""
        for cells in rows:
            self.row(cells)


def escape(cell: object) -> object:
    """Prefix text that a spreadsheet would execute with an apostrophe.

    >>> escape("=cmd.jpg"), escape("photo.jpg"), escape("-0.5"), escape(-0.5)
    ("'=cmd.jpg", 'photo.jpg', '-0.5', -0.5)
    """
    if isinstance(cell, str) and _FORMULA.match(cell) and not _NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def unescape(cell: str) -> str:
    """Return a text as it was before it was escaped for spreadsheets.

    Args:
        cell: A cell of a CSV file that mien wrote.

    >>> unescape("'=cmd.jpg"), unescape("'quoted'")
    ('=cmd.jpg', "'quoted'")
    """
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell, 1) else cell
