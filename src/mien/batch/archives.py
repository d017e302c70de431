"""Read photos from zip and tar files, WebDataset shards and Parquet tables.

Each is a stream of items: a key, and a function that returns the item's bytes. Nothing is unpacked
to disk. Files other than pictures and videos are counted and skipped. A damaged member becomes an
item with a problem and does not affect the others.
"""

import posixpath
import tarfile
import weakref
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from tarfile import HeaderError
from typing import BinaryIO, Self, cast

from mien.batch.items import TOO_LONG, Columns, Item, Kind
from mien.batch.photo_tables import read_parquet
from mien.contents import (
    HEAD_BYTES,
    MAX_STREAM_BYTES,
    PICTURE_ENDINGS,
    VIDEO_ENDINGS,
    begins_a_picture,
    is_video,
)
from mien.damage import ARCHIVE_DAMAGE
from mien.errors import ImageError, describe_error


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
                yield from read_parquet(stream, name, columns or Columns())
    except ARCHIVE_DAMAGE as error:
        raise ImageError(
            f"is not a complete {kind} file ({describe_error(error)}); the rest was not "
            "read; copy or download it again"
        ) from error


def _read_zip(stream: BinaryIO) -> Iterator[Item]:
    """Yield the members of a zip, which can be loaded as long as one of them is left."""
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
            yield Item(member.filename, problem=TOO_LONG)
        else:
            yield Item(member.filename, partial(_load_member, archive, member))


def _read_head(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(member) as file:
            return file.read(HEAD_BYTES)
    except ARCHIVE_DAMAGE:
        return b""


def _load_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Read a member of a zip; thread-safe.

    Raises:
        ImageError: The member is damaged; the message is a clause that follows its name.
    """
    try:
        with archive.open(member) as file:
            return file.read(MAX_STREAM_BYTES + 1)  # never beyond the stated size
    except ARCHIVE_DAMAGE as error:
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
                yield Item(member.name, problem=TOO_LONG)
            else:
                yield Item.held(member.name, head + file.read())
        if not archive.has_end:
            raise tarfile.ReadError("its end is missing")


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
