"""Turn live frames into a file, line by line, so that what was seen is kept."""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from mien.errors import ConfigError, OutputError
from mien.results import FrameResult
from mien.spreadsheet import CsvWriter

SUFFIXES: Final = (".jsonl", ".csv")


class Recording:
    """A file that grows as frames come; a context manager.

    Attributes:
        path: The file.
        frames: How many frames were written.
    """

    def __init__(self, path: Path, emotions: Sequence[str]) -> None:
        """Begin the file; one that is there already is never written over.

        Args:
            path: Ends with one of `SUFFIXES`: JSON Lines (an object a frame), or CSV (a row a
                face, and a row without a face for a frame that shows none).
            emotions: The expressions, in the order of the columns.

        Raises:
            ConfigError: The name ends otherwise, or the file is there already.
            OutputError: The file cannot be written.
        """
        self.path: Final = path
        self.frames = 0
        self._emotions = tuple(emotions)
        self._is_csv = path.suffix.lower() == ".csv"
        self._lock = threading.Lock()
        if path.suffix.lower() not in SUFFIXES:
            raise ConfigError(f"--record takes a .jsonl or .csv file, got {str(path)!r}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("x", encoding="utf-8", newline="")
        except OSError as error:
            if path.exists():
                raise ConfigError(
                    f"{path} is there already, and a recording writes over nothing: "
                    "name another file"
                ) from error
            raise self._cannot_write(error) from error
        if self._is_csv:
            smoothed = (f"smoothed_{name}" for name in self._emotions)
            CsvWriter(self._file).row([*_COLUMNS, *self._emotions, *smoothed])
            self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def write(self, frame: FrameResult) -> None:
        """Write one frame, and bring it to the disk's keeper at once.

        Raises:
            OutputError: There is no room left; what was written before is kept.
        """
        with self._lock:
            if self._file.closed:
                return
            try:
                if self._is_csv:
                    CsvWriter(self._file).rows(self._rows(frame))
                else:
                    self._file.write(frame.to_json() + "\n")
                self._file.flush()
            except OSError as error:
                raise self._cannot_write(error) from error
            self.frames += 1

    def close(self) -> None:
        """End the file."""
        with self._lock:
            self._file.close()

    def _rows(self, frame: FrameResult) -> Iterator[list[Any]]:
        """Give a frame's rows; cells without a value are empty."""
        record = frame.to_dict()
        start = [record["source"], record["time_s"], record["frame"]]
        if not record["faces"]:
            yield [*start, *[""] * (len(_COLUMNS) - len(start) + 2 * len(self._emotions))]
        for face in record["faces"]:
            box, raw, smoothed = face["box"], face["probabilities"] or {}, face["smoothed"] or {}
            yield [
                *start,
                face["track_id"],
                *(box[name] for name in ("x", "y", "width", "height")),
                face["detection_score"],
                face["emotion"] or "",
                face["reason"] or "",
                *(raw.get(name, "") for name in self._emotions),
                *(smoothed.get(name, "") for name in self._emotions),
            ]

    def _cannot_write(self, error: OSError) -> OutputError:
        return OutputError(
            f"{self.path} cannot be written ({error.strerror or error}); "
            "make room or choose another --record"
        )


_COLUMNS: Final = (
    "source",
    "time_s",
    "frame",
    "track_id",
    "x",
    "y",
    "width",
    "height",
    "detection_score",
    "emotion",
    "reason",
)
