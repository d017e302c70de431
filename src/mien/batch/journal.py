"""Keep the results of a run on disk so that an interrupted run can resume.

A journal is an append-only JSON Lines file: a first line with the run's settings, then one record
per line, as `to_json` writes it. It is flushed to disk every two seconds. Opening it again
discards what is incomplete: a partial line, and the frames of a video without a summary. What
remains are complete sources in the order in which they were read.
"""

import importlib
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

from mien.errors import ConfigError, OutputError, describe_error
from mien.model.spec import ModelSpec
from mien.results import Record

FORMAT: Final = 1
BEGINNING: Final = json.dumps({"journal": FORMAT}).removesuffix("}").encode()
"""The first line of every journal."""
LOCKED_BYTE: Final = 2**31 - 2
"""The byte that stands for the file in a lock on Windows, whose C library knows no higher ones."""
MAX_FIRST_LINE: Final = 2**16
SYNC_EVERY_S: Final = 2.0
"""Maximum amount of work repeated after a power failure, in seconds."""


def describe_reader(spec: ModelSpec) -> dict[str, Any]:
    """Return what a run's settings state about its reader: the version of mien, and the model."""
    from importlib.metadata import version  # slow to import

    return {"mien": version("mien"), "model": spec.identity}


class Journal:
    """Results of a run so far; open it with a `with` statement.

    Attributes:
        path: Path of the file.
        resumed: Number of sources finished by an earlier run.
    """

    def __init__(self, path: Path, run: Mapping[str, Any]) -> None:
        """Open a journal, or create one.

        Args:
            path: Path of the file; missing folders are created.
            run: Settings that determine the results (model, options), as JSON types. A journal with
                other settings is rejected, since a table must not mix them.

        Raises:
            ConfigError: The file is not a journal, has other settings, or is being written by
                another process.
            OutputError: The file cannot be written.
        """
        self.path = path
        self.resumed = 0
        self._run = {"journal": FORMAT, **run}

        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: BinaryIO = path.open("a+b")
        except OSError as error:  # nothing has been read yet
            raise OutputError(
                f"{path} cannot be written ({describe_error(error)}); choose another --output"
            ) from error

        try:
            self._lock()
            self._keep_what_is_whole()
        except BaseException:
            self._file.close()
            raise
        self._synced = time.monotonic()

    def __enter__(self) -> Self:
        """Continue writing."""
        return self

    def __exit__(self, *_: object) -> None:
        """Flush everything to disk, also if the run was interrupted."""
        if not self._file.closed:
            try:
                self.sync()
            finally:
                with suppress(OSError):  # a full disk has already been reported
                    self._file.close()

    def append(self, result: Record) -> None:
        """Add a result.

        Raises:
            OutputError: The disk is full, or the file is no longer writable.
        """
        try:
            self._file.write(result.to_json().encode() + b"\n")
        except OSError as error:
            raise self._refuse(error) from error
        if time.monotonic() - self._synced > SYNC_EVERY_S:
            self.sync()

    def sync(self) -> None:
        """Flush new records to disk."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._refuse(error) from error
        self._synced = time.monotonic()

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield the results in their JSON form, in constant memory."""
        self._file.flush()
        with self.path.open("rb") as file:
            file.readline()
            for line in file:
                yield json.loads(line)

    def names(self) -> Iterator[str]:
        """Yield the names of the sources finished by an earlier run, in order."""
        ends = filter(_ends_source, self.records())
        for record in islice(ends, self.resumed):
            yield record["source"]

    def remove(self) -> None:
        """Delete the file: what it held is elsewhere now."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def _lock(self) -> None:
        """See to it that no other process writes to the same journal."""
        try:
            if sys.platform == "win32":
                _lock_on_windows(self._file.fileno())
            else:
                import fcntl

                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as error:
            raise ConfigError(
                f"{self.path} is being written by another run; wait for it, or choose another "
                "--output"
            ) from error
        except OSError:  # some network file systems know no locks
            pass

    def _keep_what_is_whole(self) -> None:
        """Find the end of the last whole source, cut off the rest, or write the first line."""
        self._file.seek(0)
        line = self._file.readline(MAX_FIRST_LINE)
        first = _parse(line)
        end = whole = 0

        if first is not None:
            self._check(first)
            end = whole = self._file.tell()
            for line in self._file:
                record = _parse(line)
                if record is None:
                    break
                end += len(line)
                if _ends_source(record):
                    whole = end
                    self.resumed += 1
        elif not self.path.is_file() or not _is_torn(line):
            raise ConfigError(f"{self.path} is not a journal written by mien; move it away")

        try:
            self._file.truncate(whole)
            if not whole:
                self._file.write(json.dumps(self._run).encode() + b"\n")
            self.sync()
        except OSError as error:
            raise self._refuse(error) from error

    def _check(self, first: dict[str, Any]) -> None:
        """Compare the settings in the journal with the current ones."""
        if "journal" not in first:
            raise ConfigError(f"{self.path} is not a journal written by mien; move it away")
        for key in (*self._run, *first):
            then, now = first.get(key), self._run.get(key)
            if then != now:
                raise ConfigError(
                    f"{self.path} was started with {key} {then}, but now it is {now}; use the "
                    f"former, or delete the file to start again"
                )

    def _refuse(self, error: OSError) -> OutputError:
        return OutputError(
            f"{self.path} cannot be written ({describe_error(error)}); the results are kept in "
            "it: free some space and run the same command again, or choose another --output"
        )


def _lock_on_windows(file: int) -> None:
    """Lock a byte beyond the end: a locked one could be read by nobody else.

    Raises:
        PermissionError: Another process holds the lock.
    """
    msvcrt: Any = importlib.import_module("msvcrt")  # type checkers know it on Windows only
    os.lseek(file, LOCKED_BYTE, os.SEEK_SET)
    msvcrt.locking(file, msvcrt.LK_NBLCK, 1)


def _parse(line: bytes) -> dict[str, Any] | None:
    """Parse a line; None if it is incomplete."""
    if not line.endswith(b"\n"):
        return None
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _is_torn(line: bytes) -> bool:
    """Return whether a file only contains the start of a journal's first line."""
    is_own = line.startswith(BEGINNING) or BEGINNING.startswith(line)
    return is_own and not line.endswith(b"\n") and len(line) < MAX_FIRST_LINE


def _ends_source(record: Mapping[str, Any]) -> bool:
    """Return whether a record is the last of its source, that is, not a frame of a video."""
    return "time_s" not in record
