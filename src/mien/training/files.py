"""This module turns a result into a file that is whole, or not there at all."""

import os
from pathlib import Path

from mien.errors import OutputError


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file beside its place, then move it there in one step.

    Args:
        path: The file; one that is there already is replaced. Missing folders are made.
        content: Text (written as UTF-8) or bytes.

    Raises:
        OutputError: There is no room or no permission; what was there before is untouched.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content.encode() if isinstance(content, str) else content)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OutputError(
            f"{path} cannot be written ({error.strerror or error}); "
            "make room or choose another --output"
        ) from error
