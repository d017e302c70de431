"""List the photos and videos named on a command line, in order.

Inputs can be files, folders (searched recursively), patterns with `*`, archives and tables, URLs of
object stores and the web, a list of paths, and `-`, one picture on standard input. They are read in
the order given, and alphabetically within a folder, so that the same command always has the same
order.
"""

import glob
import io
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

from mien.batch.items import Columns, Item, Kind, find_kind, open_local
from mien.batch.remote import is_remote, store_of
from mien.contents import HEAD_BYTES, PICTURE_ENDINGS, VIDEO_ENDINGS, begins_a_picture, is_video
from mien.errors import ConfigError, ImageError, describe_error
from mien.files import identify
from mien.images import name_source
from mien.video.frames import open_frames

STDIN: Final = "-"


class _Stdin(io.BytesIO):
    """The data from standard input."""

    name: Final = "<stdin>"


@dataclass(frozen=True, slots=True)
class Source:
    """One photo, video or folder of frames to read.

    Attributes:
        path: Path or URL; "-" is standard input. An archive member has the archive's path, a slash,
            and its own key.
        below: Path relative to the named folder; a file's own name otherwise.
        problem: Why it cannot be read, if already known.
        data: Data from standard input.
        load: Returns the bytes if it is not a local file. Its `ImageError` has a clause that
            follows the name as its message.
        frames: Opens a folder of frames as a video, if the source is one.
        is_streamed: Whether `load` returns bytes that are already in memory.
        label: Name in results, if it differs from the path.
    """

    path: str
    below: str
    problem: str | None = None
    data: bytes | None = None
    load: Callable[[], bytes] | None = field(default=None, compare=False, repr=False)
    frames: Callable[[], BinaryIO] | None = field(default=None, compare=False, repr=False)
    is_streamed: bool = False
    label: str | None = None

    @property
    def name(self) -> str:
        """Name in results."""
        if self.label is not None:
            return name_source(self.label)
        return _Stdin.name if self.path == STDIN else name_source(self.path)

    def given(self) -> str | bytes | BinaryIO:
        """Return the decoder's input: the path, or bytes.

        Raises:
            ImageError: The source cannot be loaded.
            VideoError: The folder contains no frames of a video.
            SourceError: The store cannot be reached.
        """
        if self.data is not None:
            return _Stdin(self.data)
        if self.frames is not None:
            return self.frames()
        if self.load is None:
            return self.path
        try:
            return self.load()
        except ImageError as error:
            raise ImageError(f"{self.name} {error}") from error


class Sources:
    """A stream of sources, found lazily; it can be iterated again unless it includes a stream.

    In folders, a file is included if its extension or content is that of a picture or a video.
    Hidden files and folders are skipped, as are links to folders, which may form a cycle. `**` in a
    pattern traverses folders in the same way.

    Attributes:
        left_out: Number of files in folders and archives that were neither pictures nor videos.
    """

    def __init__(
        self,
        named: Iterable[str],
        *,
        listed: BinaryIO | Path | None = None,
        without: Iterable[Path] = (),
        columns: Columns | None = None,
        fps: str | None = None,
        whole_archives: bool = False,
    ) -> None:
        """Store the inputs.

        Args:
            named: Files, folders, patterns, archives, URLs, "-".
            listed: A stream or file with further paths, one per line, or separated by NUL as
                written by `find -print0`.
            without: Folders to skip within a named folder or pattern: the run's own output.
            columns: The columns to read from Parquet tables.
            fps: Treat folders as frames of one video each, with these times (see
                `mien.open_frames`); None reads the photos and videos in folders.
            whole_archives: Yield archives and tables themselves instead of their contents.
        """
        self._columns = columns
        self._fps = fps
        self._whole_archives = whole_archives
        self._named = tuple(named)
        self._listed = listed
        self._without = {identify(folder) for folder in without}
        self.left_out = 0

    def __iter__(self) -> Iterator[Source]:
        """Yield the sources in order."""
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
        """Yield the sources of one input."""
        if place == STDIN and patterns:
            yield Source(STDIN, "stdin")
        elif is_remote(place):
            yield from self._expand_remote(place)
        elif is_folder(place) and self._fps is not None:
            yield name_frames(place, self._fps)
        elif is_folder(place):
            yield from self._walk(place)
        elif not patterns or not glob.has_magic(place) or os.path.lexists(place):
            yield from self._open(place)
        else:
            found = self._match(place)
            for path in found:
                yield from self._open(path)
            if not found:
                yield Source(place, place, f"{name_source(place)} matches no file")

    def _expand_remote(self, place: str) -> Iterator[Source]:
        """Yield the files of a URL: a file, the files of a folder, or those matching a pattern."""
        empty = True
        try:
            for url in store_of(place).list(place):
                empty = False
                for source in self._open(url):
                    below = url.removeprefix(f"{place.rstrip('/')}/")
                    yield source if below == url else replace(source, below=below)
        except ImageError as error:
            yield Source(place, place, f"{name_source(place)} {error}")
        else:
            if empty:
                yield Source(place, place, f"{name_source(place)} has no pictures or videos")

    def _open(self, place: str) -> Iterator[Source]:
        """Yield a file, or the members of an archive."""
        kind = None if self._whole_archives else find_kind(place)
        if kind is None:
            yield _name_file(place)
            return
        try:
            yield from self._read_archive(kind, place)
        except ImageError as error:
            yield Source(place, _own_name(place), f"{name_source(place)} {error}")

    def _read_archive(self, kind: Kind, place: str) -> Iterator[Source]:
        """Yield the members of an archive.

        Raises:
            ImageError: It is damaged, or cannot be opened.
        """
        from mien.batch.archives import read_archive  # most runs read none

        stream = store_of(place).open(place) if is_remote(place) else open_local(place)
        for item in read_archive(kind, stream, name_source(place), self._columns):
            if item.is_left_out:
                self.left_out += 1
            elif item.place is not None:
                yield _name_cell(place, item, item.place)
            else:
                yield _name_item(place, item)

    def _match(self, pattern: str) -> list[str]:
        """Return the files that match a pattern; none if the pattern is invalid."""
        try:
            return sorted({path for path in self._follow(pattern) if not is_folder(path or ".")})
        except (OSError, ValueError, RecursionError):
            return []

    def _follow(self, pattern: str) -> Iterator[str]:
        """Yield what matches a pattern, like `glob`, except for skipped folders."""
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
        """Yield a folder and everything below it, except hidden files and links to folders."""
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
        """Return whether a path is a folder that the run itself writes to."""
        return is_folder(path) and identify(path) in self._without

    def _walk(self, top: str) -> Iterator[Source]:
        """Yield the pictures and videos in a folder and its subfolders."""
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
    """Return whether a path is a folder; an invalid path is not."""
    return os.path.isdir(path)  # noqa: PTH112 - `Path.is_dir` raises where a name is too long


def name_frames(folder: str, fps: str) -> Source:
    """Return the source of a folder of frames, which is read as one video."""
    return Source(folder, Path(folder).resolve().name, frames=partial(open_frames, folder, fps))


def _list_folder(folder: str, below: str) -> Iterator[Source]:
    """Yield the entries of a folder, in alphabetical order."""
    try:
        names = sorted(path.name for path in Path(folder).iterdir())
    except OSError as error:
        reason = describe_error(error)
        problem = f"{name_source(folder)} is a folder that cannot be read: {reason}"
        yield Source(folder, below or folder, problem)
        return
    for name in names:
        if not name.startswith("."):
            yield replace(_name_file(str(Path(folder, name))), below=str(Path(below, name)))


def _own_name(place: str) -> str:
    """Return the last part of a path or URL."""
    return Path(place.split("?", maxsplit=1)[0] if "://" in place else place).name


def _name_file(path: str) -> Source:
    """Return the source of a file; a file called "-" is not standard input."""
    if is_remote(path):
        return Source(path, _own_name(path), load=partial(store_of(path).read, path))
    return Source(f"./{path}" if path == STDIN else path, Path(path).name)


def _name_item(place: str, item: Item) -> Source:
    """Return the source of an archive member: the archive, a slash, and its key."""
    path = f"{place}/{item.key}"
    inner = [part for part in item.key.replace("\\", "/").split("/") if part not in {"", ".", ".."}]
    return Source(
        path,
        str(Path(Path(_own_name(place)).stem, *inner)),
        None if item.problem is None else f"{name_source(path)} {item.problem}",
        load=item.load,
        is_streamed=item.is_streamed,
    )


def _name_cell(table: str, item: Item, cell: str) -> Source:
    """Return the source of a file named in a table; relative paths start at the table's folder."""
    bare = table.split("?", maxsplit=1)[0]
    folder = bare.rpartition("/")[0] if is_remote(table) else str(Path(table).parent)
    is_whole = is_remote(cell) or (not is_remote(table) and Path(cell).is_absolute())
    source = _name_file(cell if is_whole else f"{folder}/{cell}")
    return replace(source, label=f"{table}/{item.key}") if item.key else source


def _is_wanted(path: str) -> bool:
    """Return whether a file is a picture or a video, by its extension or else its content.

    A file with a matching extension but other content is included, so that it is reported.
    """
    if Path(path).suffix.lower() in PICTURE_ENDINGS | VIDEO_ENDINGS:
        return True
    try:
        if not Path(path).is_file():  # reading a pipe would block
            return False
        with Path(path).open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return False
    return begins_a_picture(head) or is_video(head)


def _read_list(stream: BinaryIO, name: str) -> Iterator[str]:
    """Yield the paths of a list, one per line or separated by NUL, as they arrive."""
    separator, rest = b"\n", b""
    first = stream.readline(2**16)
    if begins_a_picture(first) or is_video(first):
        raise ConfigError(f"{name} is a picture or a video, expected a list of paths, one per line")
    if b"\0" in first:
        separator = b"\0"

    # The rest of a chunk is the start of a path that continues in the next chunk.
    chunk = first.removeprefix(b"\xef\xbb\xbf")
    while chunk:
        *lines, rest = (rest + chunk).split(separator)
        for line in lines:
            if path := line.removesuffix(b"\r"):
                yield os.fsdecode(path)
        chunk = stream.readline(2**16)

    if path := rest.removesuffix(b"\r"):
        yield os.fsdecode(path)
