"""Read FER2013's tables of labels and pixels, such as `fer2013.csv`, row by row."""

import csv
import io
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.data.archives import BrokenFile
from mien.data.layout import EMOTION_OF_WORD, SPLIT_OF_WORD
from mien.errors import DataError

TABLE_EMOTIONS: Final = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""Meaning of 0 to 6 in FER2013's tables: there, neutral is last, unlike in `EMOTIONS`."""
TABLE_SIZE: Final = 48
MAX_LINE: Final = 2**16
"""Characters; a row of FER2013 has at most 9,233."""
_HEAD_BYTES: Final = 4096


@dataclass(frozen=True)
class Row:
    """One image of a table.

    Attributes:
        path: "TABLE/USAGE/LINE", the line with leading zeros, counted from 1 for the header.
        split: "train", "validation" or "test", or None where the table has no Usage.
        emotion: One of `EMOTIONS`.
        image: (48, 48) uint8, grey levels.
    """

    path: str
    split: str | None
    emotion: str
    image: NDArray[np.uint8]


def is_table(head: bytes) -> bool:
    """Return whether a file that starts like this is a table of labelled images."""
    line = head[:_HEAD_BYTES].decode("utf-8-sig", "replace").splitlines()[:1]
    return bool(line) and {"emotion", "pixels"} <= set(_columns(line[0].split(",")))


def read_table(chunks: Iterable[bytes], name: str) -> Iterator[Row | BrokenFile]:
    """Read a table row by row; an invalid row does not affect the others.

    Args:
        chunks: The table's bytes, in chunks of any length.
        name: Display name of the table in paths and messages.

    Raises:
        DataError: The columns are not those of FER2013, or a line is not CSV.
    """
    reader = csv.reader(_lines(chunks, name))
    try:
        columns = _columns(next(reader, []))
        missing = {"emotion", "pixels"} - set(columns)
        if missing:
            raise DataError(
                f"{name} has the columns {', '.join(columns) or '(none)'}; "
                "expected emotion, pixels and, if it has splits, Usage"
            )

        # An empty line is not a row.
        for cells in reader:
            if cells:
                yield _read_row(columns, cells, name, reader.line_num)
    except csv.Error as error:
        raise DataError(
            f"{name} is not a valid table after line {reader.line_num}: {error}"
        ) from error


def _read_row(
    columns: Mapping[str, int], cells: Sequence[str], name: str, line: int
) -> Row | BrokenFile:
    """Read a row, or return its fault."""
    if len(cells) != len(columns):
        told = f"has {len(cells)} cells, expected {len(columns)}"
        return BrokenFile(f"{name}/{line:06d}", told, line)

    usage = cells[columns["usage"]].strip() if "usage" in columns else ""
    split = SPLIT_OF_WORD.get(usage.lower())
    path = f"{name}/{usage}/{line:06d}" if split else f"{name}/{line:06d}"
    if "usage" in columns and split is None:
        wanted = "Training, PublicTest or PrivateTest"
        return BrokenFile(path, f"has the Usage {usage[:40]!r}, expected {wanted}", line)

    emotion = _read_emotion(cells[columns["emotion"]].strip())
    if emotion is None:
        label = cells[columns["emotion"]].strip()[:40]
        return BrokenFile(path, f"has the emotion {label!r}, expected 0 to 6 or a name", line)

    image = _read_pixels(cells[columns["pixels"]])
    if isinstance(image, str):
        return BrokenFile(path, image, line)
    return Row(path, split, emotion, image)


def _read_emotion(cell: str) -> str | None:
    if cell in {"0", "1", "2", "3", "4", "5", "6"}:
        return TABLE_EMOTIONS[int(cell)]
    return EMOTION_OF_WORD.get(cell.lower())


def _read_pixels(cell: str) -> NDArray[np.uint8] | str:
    """Read an image, or return its fault."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)  # numpy before 2.3 only warns
            levels = np.fromstring(cell, dtype=np.int64, sep=" ")
    except (ValueError, DeprecationWarning):
        return "has pixels that are not whole numbers"
    if levels.size != TABLE_SIZE**2:
        return f"has {levels.size} pixels, expected {TABLE_SIZE**2} (48 x 48)"
    if levels.min() < 0 or levels.max() > 255:
        return f"has pixels from {levels.min()} to {levels.max()}, expected 0 to 255"
    return levels.astype(np.uint8).reshape(TABLE_SIZE, TABLE_SIZE)


def _columns(header: Sequence[str]) -> dict[str, int]:
    """Find the columns by name; `icml_face_data.csv` has spaces before two of them."""
    return {cell.strip().strip('"').lower(): index for index, cell in enumerate(header)}


def _lines(chunks: Iterable[bytes], name: str) -> Iterator[str]:
    """Yield lines; a file without line breaks must not fill the memory."""
    text = io.TextIOWrapper(
        io.BufferedReader(_Chunks(chunks)), encoding="utf-8-sig", errors="replace", newline=""
    )
    number = 0
    while line := text.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE:
            raise DataError(
                f"{name} is not a table: line {number} has {MAX_LINE:,} characters or more"
            )
        yield line


class _Chunks(io.RawIOBase):
    """Chunks of a file as a readable file."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        self._left = self._left or next(self._chunks, b"")
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count
