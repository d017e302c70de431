"""Read files from a folder, a zip or a single file, without extracting anything.

Archives are not trusted: names must stay inside the archive, and neither a file nor the whole
archive may expand beyond what pictures need.
"""

import io
import os
import re
import stat
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Protocol

from mien.addresses import printable
from mien.damage import ARCHIVE_DAMAGE
from mien.errors import DataError, describe_error

MAX_FILE_BYTES: Final = 64 * 2**20
"""A picture with more bytes is reported as corrupt without being read."""
MAX_TABLE_BYTES: Final = 2 * 2**30
"""A table, or an archive within an archive, with more bytes is rejected."""
MAX_GROWTH: Final = 100
"""Maximum expansion factor of a zip that expands to more than 1 GiB."""

_LEAVES: Final = re.compile(r"^/|^[A-Za-z]:|(^|/)\.\.(/|$)")


@dataclass(frozen=True)
class BrokenFile:
    """A file, or a row of a table, that could not be used.

    Attributes:
        path: Its name within the dataset.
        reason: The reason, as a clause that follows the name: "is empty, ...".
        line: The row's line in its table, counted from 1 for the header; None for a file.
    """

    path: str
    reason: str
    line: int | None = None

    @property
    def place(self) -> str:
        """Return a readable place: "fer2013.csv/Training, line 5," or the file's name."""
        if self.line is None:
            return self.path
        return f"{self.path.rpartition('/')[0]}, line {self.line},"


class Source(Protocol):
    """Named files in a folder, a zip, or a single file.

    Attributes:
        name: Display name.
        files: The name of each file, sorted; "/" separates folders on every system.
        folders: The names of empty folders, sorted.
        broken: What could not be listed.
    """

    name: str
    files: tuple[str, ...]
    folders: tuple[str, ...]
    broken: tuple[BrokenFile, ...]

    def open(self, file: str) -> IO[bytes]:
        """Open one of `files` for reading."""
        ...


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """Open a folder, a zip, or a single file, which is then the only file of its source.

    Raises:
        DataError: It is missing, of another kind, damaged, or unsafe.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            yield _Folder(path)
        elif not stat.S_ISREG(mode):
            raise DataError(f"{printable(path)} is neither a folder nor a regular file")
        elif path.stat().st_size == 0:
            raise DataError(f"{printable(path)} is empty; check that it was copied completely")
        elif _begins_like_zip(path):
            with path.open("rb") as stream, open_zip(stream, printable(path)) as source:
                yield source
        else:
            yield _File(path)
    except FileNotFoundError as error:
        raise DataError(f"{printable(path)} does not exist; check the path") from error
    except OSError as error:
        raise DataError(f"{printable(path)} cannot be read: {describe_error(error)}") from error


@contextmanager
def open_zip(stream: IO[bytes], name: str) -> Iterator[Source]:
    """Open a zip in a seekable stream.

    Raises:
        DataError: It is damaged, a member's name points outside, or it expands too much.
    """
    try:
        archive = zipfile.ZipFile(stream)
    except ARCHIVE_DAMAGE as error:
        raise DataError(
            f"{name} is not a complete zip file ({describe_error(error)}); check that it was "
            "downloaded completely"
        ) from error
    with archive:
        yield _Zip(archive, name, stream.seek(0, io.SEEK_END))


def read_file(source: Source, file: str, limit: int = MAX_FILE_BYTES) -> bytes:
    """Read one file of a source.

    Raises:
        DataError: It cannot be read; the message is a reason, as in `BrokenFile`.
    """
    try:
        with source.open(file) as stream:
            data = stream.read(limit + 1)
    except ARCHIVE_DAMAGE as error:
        raise DataError(f"cannot be read: {describe_error(error)}") from error
    if len(data) > limit:
        raise DataError(f"is larger than {limit // 2**20} MiB, too large for a picture")
    return data


def read_chunks(source: Source, file: str) -> Iterator[bytes]:
    """Yield a large file of a source in chunks.

    Raises:
        DataError: It is damaged, or larger than `MAX_TABLE_BYTES`.
    """
    total = 0
    try:
        with source.open(file) as stream:
            while chunk := stream.read(2**20):
                total += len(chunk)
                if total > MAX_TABLE_BYTES:
                    raise DataError(f"{file} is larger than {MAX_TABLE_BYTES // 2**30} GiB")
                yield chunk
    except ARCHIVE_DAMAGE as error:
        raise DataError(f"{file} cannot be read: {describe_error(error)}") from error


class _Folder:
    """The files below a folder; links are followed, but not in cycles."""

    def __init__(self, path: Path) -> None:
        self.name = printable(path)
        self._where: dict[str, Path] = {}
        empty, broken = [], []
        seen: set[tuple[int, int]] = set()

        def note(error: OSError) -> None:
            broken.append(
                BrokenFile(printable(error.filename), f"cannot be read: {describe_error(error)}")
            )

        for root, folders, files in os.walk(path, followlinks=True, onerror=note):
            status = Path(root).stat()
            if (status.st_dev, status.st_ino) in seen:
                folders.clear()
                continue
            seen.add((status.st_dev, status.st_ino))
            if not folders and not files:
                empty.append(printable(Path(root).relative_to(path).as_posix()))
            for file in files:
                place = Path(root) / file
                self._where[printable(place.relative_to(path).as_posix())] = place
        self.files = tuple(sorted(self._where))
        self.folders = tuple(sorted(empty))
        self.broken = tuple(broken)

    def open(self, file: str) -> IO[bytes]:
        place = self._where[file]
        if not stat.S_ISREG(place.stat().st_mode):
            raise ValueError("it is not a regular file")
        return place.open("rb")


class _File:
    """A single file as a source."""

    folders: tuple[str, ...] = ()
    broken: tuple[BrokenFile, ...] = ()

    def __init__(self, path: Path) -> None:
        self.name = printable(path)
        self.files: tuple[str, ...] = (printable(path.name),)
        self._path = path

    def open(self, file: str) -> IO[bytes]:
        del file  # there is only one
        return self._path.open("rb")


class _Zip:
    """The members of a zip, read in place."""

    def __init__(self, archive: zipfile.ZipFile, name: str, packed_bytes: int) -> None:
        self.name = name
        self._archive = archive
        self._members: Mapping[str, zipfile.ZipInfo]
        infos = archive.infolist()
        _refuse_bomb(infos, name, packed_bytes)
        members: dict[str, zipfile.ZipInfo] = {}
        twice: set[str] = set()
        for info in infos:
            member = printable(info.filename.replace("\\", "/"))  # some zips from Windows
            if _LEAVES.search(member):
                raise DataError(
                    f"{name} contains {member!r}, a path outside the archive; do not use this file"
                )
            if member in members:
                twice.add(member)
            members[member] = info
        self._members = members
        self.files = tuple(sorted(m for m in members if not m.endswith("/")))
        inner = {parent for member in members for parent in _parents(member)}
        self.folders = tuple(sorted({m[:-1] for m in members if m.endswith("/")} - inner))
        self.broken = tuple(
            BrokenFile(member, "is in the zip more than once; the last one is read")
            for member in sorted(twice)
        )

    def open(self, file: str) -> IO[bytes]:
        info = self._members[file]
        if info.flag_bits & 1:
            raise ValueError("it is encrypted; extract it with its password first")
        # Reading stops where the stated size does: a member cannot grow beyond what was checked.
        return self._archive.open(info)


def _refuse_bomb(infos: list[zipfile.ZipInfo], name: str, packed_bytes: int) -> None:
    """Reject a zip whose extracted size is out of proportion to its own."""
    total = sum(info.file_size for info in infos)
    if total > max(2**30, MAX_GROWTH * packed_bytes):
        raise DataError(
            f"{name} would expand from {packed_bytes:,} to {total:,} bytes, more than "
            f"{MAX_GROWTH} times; pictures do not, so do not use this file"
        )


def _parents(member: str) -> Iterator[str]:
    """Yield the folders that contain a member."""
    parts = member.rstrip("/").split("/")
    for depth in range(1, len(parts)):
        yield "/".join(parts[:depth])


def _begins_like_zip(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(2) == b"PK" or zipfile.is_zipfile(stream)
