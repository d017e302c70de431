"""Name the source of a picture, and reject paths that are not regular files."""

import os
import re
import stat
from pathlib import Path
from typing import BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.addresses import hide_secrets, printable
from mien.errors import ImageError, MienError, describe_error

ImageSource: TypeAlias = (
    str
    | os.PathLike[str]
    | bytes
    | bytearray
    | memoryview
    | NDArray[np.generic]
    | Image.Image
    | BinaryIO
)
"""Inputs of `read_image`."""

_BASE64 = re.compile(r"(?:[A-Za-z0-9+/_-]{4}\s*){256,}[A-Za-z0-9+/_=-]{0,4}\s*")
"""Matches base64 text that is longer than any file name."""
_MAX_NAME = 4096
"""Maximum length of a path, in characters; longer ones are shortened in messages."""


def name_source(source: ImageSource) -> str:
    """Return a source's name for results and messages: its path, or its kind in angle brackets.

    User and password are removed from URLs. Base64 instead of a path is named as such, never
    quoted.
    """
    if isinstance(source, str | os.PathLike):
        name = clean_name(os.fspath(source))
    elif isinstance(source, bytes | bytearray | memoryview):
        name = "<bytes>"
    elif isinstance(source, np.ndarray):
        name = "<array>"
    elif isinstance(source, Image.Image):
        filename = getattr(source, "filename", "")
        name = filename if isinstance(filename, str) and filename else "<image>"
    elif hasattr(source, "read"):
        stream_name = getattr(source, "name", None)
        name = clean_name(stream_name) if isinstance(stream_name, str) else "<stream>"
    else:
        name = f"<{type(source).__name__}>"
    return printable(name)  # JSON and terminals need text


def clean_name(name: str) -> str:
    """Prepare a path or URL for display: without secrets, and at most as long as a path can be."""
    if name[:5].lower() == "data:":
        return "<data URL>"
    if _BASE64.fullmatch(name):
        return "<base64>"
    if "://" in name:
        name = hide_secrets(name)
    return name if len(name) <= _MAX_NAME else f"{name[:80]}...{name[-20:]}"


def check_file(
    source: str | os.PathLike[str],
    name: str,
    *,
    noun: str = "picture",
    error_type: type[MienError] = ImageError,
) -> Path:
    """Reject anything that is not a regular file, before it is opened.

    Args:
        source: The path.
        name: Display name in messages.
        noun: What the file should be, such as "picture".
        error_type: Class of the error to raise.

    Raises:
        MienError: Of class `error_type`: the file does not exist, or is not a regular file.
    """
    if not name:
        raise error_type(f"the path is empty, expected the path of a {noun}")
    if name in {"<data URL>", "<base64>"}:
        raise error_type(
            f"{name} is a {noun}'s content in base64, expected the path of a {noun} or bytes; "
            "decode it with base64.b64decode first"
        )
    if re.match(r"[a-z][a-z0-9+.-]+://", name, re.IGNORECASE):
        raise error_type(f"{name} is a URL; mien opens no connections; download the {noun} first")

    path = Path(source)
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise error_type(f"{name} does not exist") from error
    except (OSError, ValueError) as error:
        raise error_type(f"{name!r} cannot be opened: {describe_error(error)}") from error

    for is_kind, kind in (
        (stat.S_ISDIR, f"a folder; pass the {noun}s in it"),
        (stat.S_ISFIFO, "a named pipe; redirect it to standard input"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
        (stat.S_ISSOCK, "a socket"),
    ):
        if is_kind(status.st_mode):
            raise error_type(f"{name} is not a {noun} file: it is {kind}")
    return path
