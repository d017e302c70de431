"""Remove secrets from addresses before display."""

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
