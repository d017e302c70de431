"""List the photos and videos that a command line names, in order.

Inputs can be files, folders (searched recursively), patterns with `*`, a list of paths, and `-`,
one picture on standard input. They are read in the order given, and alphabetically within a
folder, so that the same command always has the same order.
"""

import glob
import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Final

from mien.errors import ConfigError, describe_error
from mien.images import (
    HEAD_BYTES,
    PICTURE_ENDINGS,
    VIDEO_ENDINGS,
    begins_a_picture,
    is_video,
    name_source,
)

STDIN: Final = "-"


class _Stdin(io.BytesIO):
    """What came on standard input."""

    name: Final = "<stdin>"


@dataclass(frozen=True, slots=True)
class Source:
    """One thing to read.

    Attributes:
        path: Its path; "-" is standard input.
        below: Where it lies below the folder that was named; a file's own name otherwise.
        problem: Why it cannot be read, where that is known already.
        data: What came on standard input.
    """

    path: str
    below: str
    problem: str | None = None
    data: bytes | None = None

    @property
    def name(self) -> str:
        """Give the name it has in results."""
        return _Stdin.name if self.path == STDIN else name_source(self.path)

    def given(self) -> str | BinaryIO:
        """Give what a decoder takes: the path, or what came on standard input."""
        return self.path if self.data is None else _Stdin(self.data)


class Sources:
    """A stream of sources, found as it is read; it can be read again unless a stream is in it.

    In folders, a file is taken if its ending or its content is that of a picture or a video;
    hidden files and folders are left out, and so are links to folders, which may lead in a circle.
    `**` in a pattern goes through folders in the same way.

    Attributes:
        left_out: How many files of folders were neither pictures nor videos, so far.
    """

    def __init__(
        self,
        named: Iterable[str],
        *,
        listed: BinaryIO | Path | None = None,
        without: Iterable[Path] = (),
    ) -> None:
        """Keep what was named.

        Args:
            named: Files, folders, patterns, "-".
            listed: A stream or file with more paths: one a line, or separated by NUL as
                `find -print0` writes them.
            without: Folders that are passed over where they lie in one that is named, or fit a
                pattern: what the run itself writes.
        """
        self._named = tuple(named)
        self._listed = listed
        self._without = {os.path.realpath(folder) for folder in without}
        self.left_out = 0

    def __iter__(self) -> Iterator[Source]:
        """Give the sources in order."""
        self.left_out = 0
        for place in self._named:
            yield from self._expand(place, patterns=True)

        if self._listed is None:
            return

        if isinstance(self._listed, Path):
            try:
                with self._listed.open("rb") as stream:
                    for place in _read_list(stream, str(self._listed)):
                        yield from self._expand(place, patterns=False)
            except OSError as error:
                raise ConfigError(
                    f"the list {self._listed} cannot be read: {describe_error(error)}"
                ) from error
        else:
            for place in _read_list(self._listed, "<stdin>"):
                yield from self._expand(place, patterns=False)

    def _expand(self, place: str, *, patterns: bool) -> Iterator[Source]:
        """Give what one name stands for."""
        if place == STDIN and patterns:
            yield Source(STDIN, "stdin")
        elif is_folder(place):
            yield from self._walk(place)
        elif (
            not patterns
            or not glob.has_magic(place)
            or os.path.lexists(place)
            or place.startswith(("http://", "https://"))
        ):
            yield _name_file(place)
        else:
            found = self._match(place)
            yield from map(_name_file, found)
            if not found:
                yield Source(place, place, f"{name_source(place)} matches no file")

    def _match(self, pattern: str) -> list[str]:
        """Give the files that fit a pattern; none, where it is no pattern that can be followed."""
        try:
            return sorted({path for path in self._follow(pattern) if not is_folder(path or ".")})
        except (OSError, ValueError, RecursionError):
            return []

    def _follow(self, pattern: str) -> Iterator[str]:
        """Give what fits a pattern, which is what `glob` gives but for folders passed over."""
        head, tail = os.path.split(pattern)
        is_plain = head == pattern or not glob.has_magic(head)
        for folder in [head] if is_plain else self._follow(head):
            if not is_folder(folder or "."):
                continue
            if tail == "**":
                yield from self._follow_below(folder)
                continue
            for name in glob.glob(tail, root_dir=folder):  # noqa: PTH207 - names, as they are
                path = os.path.join(folder, name)  # noqa: PTH118 - `Path` would change the names
                if not glob.has_magic(tail) or not self._is_own(path):
                    yield path

    def _follow_below(self, top: str) -> Iterator[str]:
        """Give a folder and all that is below it and not hidden; links to folders are left out."""
        yield os.path.join(top, "")  # noqa: PTH118
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            for name in glob.glob("*", root_dir=folder):  # noqa: PTH207
                path = os.path.join(folder, name)  # noqa: PTH118
                if not is_folder(path):
                    yield path
                elif not Path(path).is_symlink() and not self._is_own(path):
                    yield path
                    waiting.append(path)

    def _is_own(self, path: str) -> bool:
        """Say whether a path is a folder that the run itself writes to."""
        return is_folder(path) and os.path.realpath(path) in self._without

    def _walk(self, top: str) -> Iterator[Source]:
        """Give the pictures and videos of a folder and of all that is below it."""
        empty = True
        waiting = [_list_folder(top, "")]
        while waiting:
            source = next(waiting[-1], None)
            if source is None:
                waiting.pop()
            elif source.problem is None and is_folder(source.path):
                if not Path(source.path).is_symlink() and not self._is_own(source.path):
                    waiting.append(_list_folder(source.path, source.below))
            elif source.problem is not None or _is_wanted(source.path):
                empty = False
                yield source
            else:
                self.left_out += 1

        if empty:
            problem = f"{name_source(top)} is a folder without pictures or videos"
            yield Source(top, top, problem)


def is_folder(path: str) -> bool:
    """Say whether a path is a folder; one that no file can have is none."""
    return os.path.isdir(path)  # noqa: PTH112 - `Path.is_dir` raises where a name is too long


def _list_folder(folder: str, below: str) -> Iterator[Source]:
    """Give what lies in a folder, in the order of the alphabet."""
    try:
        names = sorted(path.name for path in Path(folder).iterdir())
    except OSError as error:
        reason = describe_error(error)
        problem = f"{name_source(folder)} is a folder that cannot be looked into: {reason}"
        yield Source(folder, below or folder, problem)
        return
    for name in names:
        if not name.startswith("."):
            yield replace(_name_file(str(Path(folder, name))), below=str(Path(below, name)))


def _name_file(path: str) -> Source:
    """Name one file; a file that is called "-" is not standard input."""
    return Source(f"./{path}" if path == STDIN else path, Path(path).name)


def _is_wanted(path: str) -> bool:
    """Say whether a file of a folder is a picture or a video, by its ending or else its content.

    A file that has the ending and not the content is wanted too: it should be told, not lost.
    """
    if Path(path).suffix.lower() in PICTURE_ENDINGS | VIDEO_ENDINGS:
        return True
    try:
        if not Path(path).is_file():  # a pipe would be waited for
            return False
        with Path(path).open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return False
    return begins_a_picture(head) or is_video(head)


def _read_list(stream: BinaryIO, name: str) -> Iterator[str]:
    """Give the paths of a list, one a line or separated by NUL, as they come."""
    separator, rest = b"\n", b""
    first = stream.readline(2**16)
    if begins_a_picture(first) or is_video(first):
        raise ConfigError(f"{name} is a picture or a video, wanted a list of paths, one a line")
    if b"\0" in first:
        separator = b"\0"

    # The rest of a chunk is the beginning of a path that the next chunk goes on with.
    chunk = first.removeprefix(b"\xef\xbb\xbf")
    while chunk:
        *lines, rest = (rest + chunk).split(separator)
        for line in lines:
            if path := line.removesuffix(b"\r"):
                yield os.fsdecode(path)
        chunk = stream.readline(2**16)

    if path := rest.removesuffix(b"\r"):
        yield os.fsdecode(path)
