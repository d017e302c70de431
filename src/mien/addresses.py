"""Prepare names and addresses for display, without secrets."""

import os
import re
from typing import Final

_USER: Final = re.compile(r"(?<=://)[^/?#\s]*@")
_SECRET: Final = re.compile(
    r"(?i)([?&](?:sig|[^=&\s]*(?:pass|pwd|token|key|secret|auth|credential|signature)[^=&\s]*)=)"
    r"[^&\s#]*"
)
"""Query parameters with secrets, such as those of a signed URL."""


def hide_secrets(text: str) -> str:
    """Remove user names, passwords, tokens and signatures from an address or a message.

    >>> hide_secrets("rtsp://ann:secret@door.local/1?token=abc&fps=5")
    'rtsp://door.local/1?token=***&fps=5'
    """
    return _SECRET.sub(r"\1***", _USER.sub("", text))


def printable(name: str | os.PathLike[str]) -> str:
    r"""Return a name as text that can be written: a file name may contain bytes that are not.

    >>> printable("caf\udce9.jpg")
    'caf\\udce9.jpg'
    """
    text = os.fspath(name)
    try:
        # Where the locale knows only ASCII, Python reads each byte of a UTF-8 name by itself.
        return text.encode("utf-8", "surrogateescape").decode("utf-8")
    except UnicodeError:
        return text.encode("utf-8", "backslashreplace").decode("utf-8")
