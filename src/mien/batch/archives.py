"""Read photos from zip and tar files, WebDataset shards and Parquet tables.

Each is a stream of items: a key, and a function that returns the item's bytes. Nothing is unpacked
to disk. Files other than pictures and videos are counted and skipped. A damaged member becomes an
item with a problem and does not affect the others.
"""

import lzma
import posixpath
import tarfile
import weakref
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tarfile import HeaderError
from typing import Any, BinaryIO, Final, Literal, Self, TypeAlias, cast

from mien.contents import (
    HEAD_BYTES,
    MAX_STREAM_BYTES,
    PICTURE_ENDINGS,
    VIDEO_ENDINGS,
    begins_a_picture,
    is_video,
)
from mien.errors import ConfigError, ImageError, describe_error
from mien.tables import load_pyarrow

Kind: TypeAlias = Literal["zip", "tar", "parquet"]

ROWS_AT_ONCE: Final = 16
"""Rows of a Parquet file that are loaded at a time."""
IMAGE_COLUMNS: Final = ("image", "bytes", "jpg", "jpeg", "png", "path", "file", "filename", "url")
"""Columns searched for a table's pictures if none is named, in this order."""
_ENDINGS: Final[dict[str, Kind]] = {
    ".zip": "zip",
    ".tar": "tar",
    ".tgz": "tar",
    ".tbz2": "tar",
    ".txz": "tar",
    ".tar.gz": "tar",
    ".tar.bz2": "tar",
    ".tar.xz": "tar",
    ".parquet": "parquet",
}
_DAMAGE: Final = (
    OSError,
    EOFError,
    RuntimeError,  # encrypted member; also covers NotImplementedError (unknown compression)
    ValueError,
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
)


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns to read from a Parquet table.

    Attributes:
        image: Column with pictures as bytes, paths or URLs. None searches for it.
        key: Column that names the results; None uses the paths, or, where the table contains bytes,
            the row numbers from 0.
    """

    image: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of an archive.

    Attributes:
        key: Name within the archive: a member's path, or a row's key.
        load: Returns the bytes and can be called repeatedly; None where `problem` or `place` is
            set. Raises `ImageError`.
        place: A path or URL that a table contains instead of bytes.
        problem: Why it cannot be read, as a clause that follows its name.
        is_streamed: Whether the bytes are already in memory, because the archive cannot be rewound.
        is_left_out: Whether it is neither a picture nor a video; then nothing else is set.
    """

    key: str
    load: Callable[[], bytes] | None = None
    place: str | None = None
    problem: str | None = None
    is_streamed: bool = False
    is_left_out: bool = False


def find_kind(path: str) -> Kind | None:
    """Return the kind of archive by the extension of a path or URL; None for any other file."""
    name = path.split("?", maxsplit=1)[0].lower() if "://" in path else path.lower()
    return next((kind for ending, kind in _ENDINGS.items() if name.endswith(ending)), None)


def read_archive(
    kind: Kind, stream: BinaryIO, name: str, columns: Columns | None = None
) -> Iterator[Item]:
    """Yield the entries of an archive, in its own order.

    Args:
        kind: The kind of archive.
        stream: The open archive; zip and Parquet require a seekable stream. The caller must not
            close it.
        name: Display name of the table in messages.
        columns: The columns to read from a Parquet table.

    Raises:
        ImageError: The archive is damaged or truncated; earlier items have been yielded. The
            message is a clause that follows its name.
        ConfigError: The table has no such column.
        MissingExtraError: The archive is Parquet, and pyarrow is not installed.
    """
    try:
        if kind == "zip":  # its members are loaded after the listing
            yield from _read_zip(stream)
            return
        with closing(stream):
            if kind == "tar":
                yield from _read_tar(stream)
            else:
                yield from _read_parquet(stream, name, columns or Columns())
    except _DAMAGE as error:
        raise ImageError(
            f"is not a complete {kind} file ({describe_error(error)}); the rest was not "
            "read; copy or download it again"
        ) from error


def _read_zip(stream: BinaryIO) -> Iterator[Item]:
    try:
        archive = zipfile.ZipFile(stream)
    except BaseException:
        stream.close()
        raise
    weakref.finalize(archive, stream.close)  # once no loadable item is left
    for member in archive.infolist():
        if member.is_dir():
            continue
        if not _is_wanted(member.filename, partial(_read_head, archive, member)):
            yield Item(member.filename, is_left_out=True)
        elif member.flag_bits & 1:
            yield Item(member.filename, problem="is encrypted; unpack it with its password first")
        elif member.file_size > MAX_STREAM_BYTES:
            yield Item(member.filename, problem=_TOO_LONG)
        else:
            yield Item(member.filename, partial(_load_member, archive, member))


def _read_head(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(member) as file:
            return file.read(HEAD_BYTES)
    except _DAMAGE:
        return b""


def _load_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Read a member of a zip; thread-safe.

    Raises:
        ImageError: The member is damaged; the message is a clause that follows its name.
    """
    try:
        with archive.open(member) as file:
            return file.read(MAX_STREAM_BYTES + 1)  # never beyond the stated size
    except _DAMAGE as error:
        raise ImageError(
            f"is damaged in its archive ({describe_error(error)}); copy the archive again"
        ) from error


class _Member(tarfile.TarInfo):
    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(tarfile)
        except HeaderError as error:
            if type(error).__name__ == "EOFHeaderError":  # two blocks of zeros
                cast("_Tar", tarfile).has_end = True
            raise


class _Tar(tarfile.TarFile):
    """A tar that records whether it was read to its end; `tarfile` silently stops at damage."""

    tarinfo = _Member
    has_end = False


def _read_tar(stream: BinaryIO) -> Iterator[Item]:
    """Yield the members of a tar, compressed or not, in one pass."""
    with _Tar.open(fileobj=stream, mode="r|*") as archive:
        for member in archive:
            archive.members = []  # type: ignore[attr-defined] # would otherwise keep every header
            if member.isdir():
                continue
            if not member.isreg():
                yield Item(member.name, is_left_out=True)
                continue
            file = archive.extractfile(member)
            assert file is not None  # noqa: S101 - a regular file has content
            head = b"" if _has_ending(member.name) else file.read(HEAD_BYTES)
            if not _is_wanted(member.name, lambda head=head: head):  # type: ignore[misc]
                yield Item(member.name, is_left_out=True)
            elif member.size > MAX_STREAM_BYTES:
                yield Item(member.name, problem=_TOO_LONG)
            else:
                yield _hold(member.name, head + file.read())
        if not archive.has_end:
            raise tarfile.ReadError("its end is missing")


_TOO_LONG: Final = f"is longer than {MAX_STREAM_BYTES // 2**20} MiB, too long to load into memory"


def _hold(key: str, data: bytes) -> Item:
    return Item(key, lambda: data, is_streamed=True)


def _has_ending(member: str) -> bool:
    return posixpath.splitext(member)[1].lower() in PICTURE_ENDINGS | VIDEO_ENDINGS


def _is_wanted(member: str, read_head: Callable[[], bytes]) -> bool:
    """Return whether a member is a picture or a video, by its extension or else its content.

    As in folders, hidden files are skipped, including those that macOS adds to zips.
    """
    parts = member.replace("\\", "/").split("/")
    if any(part.startswith(".") and part not in {".", ".."} for part in parts):
        return False
    if "__MACOSX" in parts:
        return False
    if _has_ending(member):
        return True
    head = read_head()
    return begins_a_picture(head) or is_video(head)


def _read_parquet(stream: BinaryIO, name: str, columns: Columns) -> Iterator[Item]:
    _, pq = load_pyarrow()
    table = pq.ParquetFile(stream)
    image = _find_image_column(table.schema_arrow, columns.image)
    wanted = list(dict.fromkeys([image, *([] if columns.key is None else [columns.key])]))
    for column in wanted:
        if column not in table.schema_arrow.names:
            listed = _list_columns(table.schema_arrow)
            raise ConfigError(f"{name} has no column {column!r}, only {listed}")

    row = 0
    for batch in table.iter_batches(batch_size=ROWS_AT_ONCE, columns=wanted):
        keys = None if columns.key is None else batch.column(columns.key).to_pylist()
        for number, cell in enumerate(batch.column(image).to_pylist()):
            key = None if keys is None else keys[number]
            yield _read_cell(cell, row, None if key is None else str(key))
            row += 1


def _find_image_column(schema: Any, wanted: str | None) -> str:  # noqa: ANN401
    """Choose the column that contains the pictures.

    Raises:
        ImageError: No single column qualifies.
    """
    if wanted is not None:
        return wanted
    kinds = {field.name: str(field.type) for field in schema}
    held = [
        column
        for column, kind in kinds.items()
        if kind.endswith("binary") or kind.startswith("struct<bytes: binary")
    ]
    if len(held) == 1:
        return str(held[0])
    for column in IMAGE_COLUMNS:
        if column in held or (not held and kinds.get(column, "").endswith("string")):
            return column
    raise ImageError(
        f"has no single column of pictures, only {_list_columns(schema)}; name one with "
        "--image-column"
    )


def _list_columns(schema: Any) -> str:  # noqa: ANN401
    return ", ".join(f"{field.name} ({field.type})" for field in schema)[:500]


def _read_cell(cell: object, row: int, key: str | None) -> Item:
    """Read one cell: bytes, a path, or both, as in Hugging Face's tables."""
    name = str(row) if key is None else key
    if isinstance(cell, dict):
        path = cell.get("path")
        cell = path if cell.get("bytes") is None else cell["bytes"]
    if isinstance(cell, bytes):
        if len(cell) > MAX_STREAM_BYTES:
            return Item(name, problem=_TOO_LONG)
        return _hold(name, cell)
    if isinstance(cell, str) and cell:
        return Item("" if key is None else key, place=cell)
    return Item(name, problem="has an empty cell instead of a picture")


def open_local(path: str) -> BinaryIO:
    """Open a local archive.

    Raises:
        ImageError: It cannot be opened; the message is a clause that follows its name.
    """
    try:
        return Path(path).open("rb")
    except (OSError, ValueError) as error:
        raise ImageError(f"cannot be opened: {describe_error(error)}") from error
