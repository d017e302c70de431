"""Write files atomically."""

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mien.errors import OutputError, describe_error


def advise_missing_asset() -> str:
    """Return what to do where a file that comes with mien is missing."""
    if getattr(sys, "frozen", False):
        return (
            "this program was built without it: build it again with PyInstaller and "
            "--collect-data mien"
        )
    return "reinstall mien (in a clone, also after a git pull: pip install -e .)"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary file beside a file, which then replaces it.

    Where writing fails, what was there before is untouched, and nothing is left beside it.

    Args:
        path: The file; its folder is there already.

    Yields:
        The path to write to; its name is short, whatever the file's.
    """
    with suppress(FileNotFoundError):
        path.lstat()  # a name that no file can have is told before the work, not after it
    short = hashlib.blake2b(os.fsencode(path.name), digest_size=8).hexdigest()
    partial = path.with_name(f".{short}.{os.getpid()}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        with suppress(OSError):
            partial.unlink()


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file beside its place, then move it there in one step.

    Args:
        path: The file; one that is there already is replaced. Missing folders are made.
        content: Text (written as UTF-8) or bytes.

    Raises:
        OutputError: There is no room or no permission; what was there before is untouched.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            partial.write_bytes(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written ({describe_error(error)}); "
            "make room or choose another --output"
        ) from error
