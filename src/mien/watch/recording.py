"""Record the frames of a camera to a file as they arrive."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from mien.errors import ConfigError, OutputError, describe_error
from mien.results import FrameResult
from mien.tables import columns, tidy_rows
from mien.tables.spreadsheet import CsvWriter

SUFFIXES: Final = (".jsonl", ".csv")


class Recording:
    """A file of recorded frames; a context manager.

    Attributes:
        path: Path of the file.
        frames: Number of frames written.
    """

    def __init__(self, path: Path, emotions: Sequence[str]) -> None:
        """Create the file; an existing one is never overwritten.

        Args:
            path: Ends with one of `SUFFIXES`: JSON Lines (one object per frame), or CSV (with the
                columns of every table, see `mien.tables`).
            emotions: Names of the expressions, in the order of the columns.

        Raises:
            ConfigError: The extension is not supported, or the file exists.
            OutputError: The file cannot be written.
        """
        self.path: Final = path
        self.frames = 0
        self._emotions = tuple(emotions)
        self._is_csv = path.suffix.lower() == ".csv"
        self._lock = threading.Lock()
        if path.suffix.lower() not in SUFFIXES:
            raise ConfigError(f"--record requires a .jsonl or .csv file, got {str(path)!r}")

        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("x", encoding="utf-8", newline="")
        except OSError as error:
            if path.exists():
                raise ConfigError(
                    f"{path} exists, and a recording never overwrites a file; choose another name"
                ) from error
            raise self._cannot_write(error) from error

        if self._is_csv:
            CsvWriter(self._file).row(columns(self._emotions))
            self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, frame: FrameResult) -> None:
        """Write one frame and flush it.

        Raises:
            OutputError: The disk is full; earlier frames are kept.
        """
        with self._lock:
            if self._file.closed:
                return
            try:
                if self._is_csv:
                    rows = tidy_rows([frame.to_dict()], self._emotions)
                    CsvWriter(self._file).rows(row.values() for row in rows)
                else:
                    self._file.write(frame.to_json() + "\n")
                self._file.flush()
            except OSError as error:
                raise self._cannot_write(error) from error
            self.frames += 1

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()

    def _cannot_write(self, error: OSError) -> OutputError:
        return OutputError(
            f"{self.path} cannot be written ({describe_error(error)}); free some space or choose "
            "another --record"
        )
