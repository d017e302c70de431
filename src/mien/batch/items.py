"""Name what lies in an archive of photos: its kind, its columns, its items."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Literal, Self, TypeAlias

from mien.contents import MAX_STREAM_BYTES
from mien.errors import ImageError, describe_error

Kind: TypeAlias = Literal["zip", "tar", "parquet"]

TOO_LONG: Final = f"is longer than {MAX_STREAM_BYTES // 2**20} MiB, too long to load into memory"
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

    @classmethod
    def held(cls, key: str, data: bytes) -> Self:
        """Return an item whose bytes are held already."""
        return cls(key, lambda: data, is_streamed=True)


def find_kind(path: str) -> Kind | None:
    """Return the kind of archive by the extension of a path or URL; None for any other file."""
    name = path.split("?", maxsplit=1)[0].lower() if "://" in path else path.lower()
    return next((kind for ending, kind in _ENDINGS.items() if name.endswith(ending)), None)


def open_local(path: str) -> BinaryIO:
    """Open a local archive.

    Raises:
        ImageError: It cannot be opened; the message is a clause that follows its name.
    """
    try:
        return Path(path).open("rb")
    except (OSError, ValueError) as error:
        raise ImageError(f"cannot be opened: {describe_error(error)}") from error
