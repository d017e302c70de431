"""Name sources in report titles and file names, so that equal names stay distinct."""

import re
from pathlib import PurePath

_MAX_LETTERS = 80


def title_of(source: str) -> str:
    """Return a source's name with its parent folder: `baseline/P01.mp4`."""
    path = PurePath(source)
    parts = [part for part in path.parts if part not in {path.anchor, ".", ".."}]
    return "/".join(parts[-2:]) or source


def file_stem_of(source: str) -> str:
    """Return the same as part of a file name: `baseline-P01.mp4`."""
    return re.sub(r"[^\w.-]+", "-", title_of(source))[-_MAX_LETTERS:].strip("-.") or "video"
