"""Write files atomically."""

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mien.errors import OutputError, describe_error


def advise_missing_asset() -> str:
    """Return advice for a missing bundled file."""
    if getattr(sys, "frozen", False):
        return (
            "this program was built without it; rebuild it with PyInstaller and --collect-data mien"
        )
    return "reinstall mien (in a clone, also after a git pull: pip install -e .)"


def identify(path: str | os.PathLike[str]) -> object:
    """Return what is equal for two paths exactly if they lead to the same file or folder.

    Names that differ by upper and lower case lead to the same file on macOS and Windows, but not
    on Linux, so existing files are identified by the file system. A path that does not exist is
    resolved, as `..` may lead out of a folder that is yet to be made, and an invalid one is
    returned unchanged.
    """
    try:
        resolved = os.path.realpath(path)
        try:
            status = os.stat(resolved)  # noqa: PTH116 - `Path` would change the name
        except OSError:
            return os.path.normcase(resolved)
    except ValueError:
        return os.fspath(path)
    return (status.st_dev, status.st_ino)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary file in the same folder, which then replaces the file.

    If writing fails, the previous content is unchanged, and the temporary file is removed.

    Args:
        path: The file; its folder must exist.

    Yields:
        The path to write to; its name is short, whatever the file's name.
    """
    with suppress(FileNotFoundError):
        path.lstat()  # an invalid name raises before the work starts
    short = hashlib.blake2b(os.fsencode(path.name), digest_size=8).hexdigest()
    partial = path.with_name(f".{short}.{os.getpid()}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        with suppress(OSError):
            partial.unlink()


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file atomically.

    Args:
        path: The file; an existing one is replaced. Missing folders are created.
        content: Text (written as UTF-8) or bytes.

    Raises:
        OutputError: No space or no permission; the previous content is unchanged.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            partial.write_bytes(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written ({describe_error(error)}); "
            "free some space or choose another --output"
        ) from error
