"""Find a font that has the letters of some words.

Pillow's own font has the letters of ASCII alone. Class names in other letters are drawn with a
font of the system, with the one inside matplotlib, or with the one that a caller names.
"""

import functools
import os
from importlib import util
from pathlib import Path
from typing import Final, TypeAlias

from PIL import ImageFont

from mien.errors import ConfigError, describe_error

Font: TypeAlias = ImageFont.FreeTypeFont | ImageFont.ImageFont

NAMES: Final = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "LiberationSans-Regular.ttf",
    "Arial.ttf",
    "Arial Unicode.ttf",
    "segoeui.ttf",
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKsc-Regular.otf",
    "NotoSansSC-Regular.otf",
    "wqy-microhei.ttc",
    "DroidSansFallbackFull.ttf",
    "PingFang.ttc",
    "Hiragino Sans GB.ttc",
    "msyh.ttc",
    "YuGothM.ttc",
    "malgun.ttf",
)
"""Files that systems have, in the order of search; the later ones have East Asian letters."""

_NO_LETTER = "\uffff"


def load_font(size: int, words: str = "", *, font: str | os.PathLike[str] | None = None) -> Font:
    """Load a font that has the letters of some words.

    Args:
        size: In pixels.
        words: What is to be drawn.
        font: A font file to use; None finds one.

    Raises:
        ConfigError: The file is no font, or no font here has the letters.
    """
    letters = "".join(sorted({letter for letter in words if letter.isprintable()}))
    found = _find_font(letters, None if font is None else os.fspath(font))
    return ImageFont.load_default(size) if found is None else ImageFont.truetype(found, size)


@functools.lru_cache(maxsize=32)
def _find_font(letters: str, named: str | None) -> str | None:
    """Return the file of a font; None stands for Pillow's own."""
    if named is not None:
        try:
            chosen = ImageFont.truetype(named, 20)
        except OSError as error:
            raise ConfigError(
                f"{named} cannot be read as a font ({describe_error(error)}); name a .ttf, .otf or "
                ".ttc file"
            ) from error
        if not _draws(chosen, letters):
            raise ConfigError(
                f"the font {named} lacks some of the letters {_quote(letters)}; name another one"
            )
        return named

    if letters.isascii():
        return None
    for name in (*NAMES, *_find_matplotlib()):
        try:
            if _draws(ImageFont.truetype(name, 20), letters):
                return name
        except OSError:  # it is not on this system
            continue
    raise ConfigError(
        f"no font was found that has the letters {_quote(letters)}; name a font file, with --font "
        "or as font=..."
    )


def _quote(letters: str) -> str:
    return repr("".join(letter for letter in letters if not letter.isascii())[:40])


def _find_matplotlib() -> list[str]:
    """Find the font that matplotlib brings, without loading matplotlib."""
    found = util.find_spec("matplotlib")
    if found is None or found.origin is None:
        return []
    return [str(Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf")]


def _draws(font: ImageFont.FreeTypeFont, letters: str) -> bool:
    """Return whether a font has letters, and does not draw its sign for a missing one."""
    missing = font.getmask(_NO_LETTER)
    return not any(
        (mask := font.getmask(letter)).size == missing.size and bytes(mask) == bytes(missing)
        for letter in letters
    )
