"""Find a font that has the letters of a text.

Pillow's own font only has ASCII letters. Other class names are drawn with a system font, with
matplotlib's font, or with a font named by the caller.
"""

import functools
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import util
from pathlib import Path
from typing import Any, Final, TypeAlias

from PIL import ImageFont, features

from mien.errors import ConfigError, describe_error
from mien.words import Language, open_language

Font: TypeAlias = ImageFont.FreeTypeFont | ImageFont.ImageFont

_DEJAVU: Final = "DejaVuSans.ttf"
NAMES: Final = (
    _DEJAVU,
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
"""Font files of common systems, in search order; the last ones have East Asian letters."""

_NO_LETTER = "\uffff"


def load_font(size: int, words: str = "", *, font: str | os.PathLike[str] | None = None) -> Font:
    """Load a font that has the letters of a text.

    Args:
        size: Size in pixels.
        words: Text to draw.
        font: A font file to use; None searches for one.

    Raises:
        ConfigError: The file is not a font, or no available font has the letters.
    """
    letters = "".join(sorted({letter for letter in words if letter.isprintable()}))
    found = _find_font(letters, None if font is None else os.fspath(font))
    return ImageFont.load_default(size) if found is None else ImageFont.truetype(found, size)


def open_drawable(lang: str) -> Language:
    """Return a language whose words this Pillow can draw.

    Raises:
        ConfigError: The language is not supported, or this Pillow cannot write from right to left.
    """
    language = open_language(lang)
    if language.direction == "rtl" and not features.check("raqm"):
        raise ConfigError(
            f"this Pillow cannot write {lang!r} from right to left; install one with libraqm"
        )
    return language


def draw_percent(share: float, language: Language) -> str:
    """Return a share in whole per cent, with spaces that every font has."""
    return " ".join(language.percent(round(share, 2)).replace("\u202f", " ").split())


@contextmanager
def fitting_letters(figure: Any) -> Iterator[None]:  # noqa: ANN401 - matplotlib is not imported
    """Set fonts with the letters of a matplotlib figure, and hide warnings while rendering it.

    If no available font has them, matplotlib draws boxes, and its warnings are suppressed.

    Args:
        figure: A `matplotlib.figure.Figure`.
    """
    for text in figure.findobj(lambda artist: hasattr(artist, "get_fontproperties")):
        words = text.get_text()
        with suppress(ConfigError):
            file = _name_file(load_font(12, words))
            # matplotlib's own font is DejaVu Sans, in the weights that titles may have.
            if file and Path(file).name != _DEJAVU:
                text.get_fontproperties().set_file(file)

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from")
        yield


def _name_file(font: Font) -> str:
    """Return the file that a font was read from; "" for Pillow's own, which is in no file."""
    path = getattr(font, "path", "")
    return path if isinstance(path, str) else ""


@functools.lru_cache(maxsize=32)
def _find_font(letters: str, named: str | None) -> str | None:
    """Return the path of a font; None stands for Pillow's own."""
    if named is not None:
        try:
            chosen = ImageFont.truetype(named, 20)
        except OSError as error:
            raise ConfigError(
                f"{named} cannot be read as a font ({describe_error(error)}); choose a .ttf, "
                ".otf or "
                ".ttc file"
            ) from error
        if not _draws(chosen, letters):
            raise ConfigError(
                f"the font {named} lacks some of the letters {_quote(letters)}; choose another one"
            )
        return named

    if letters.isascii():
        return None
    for name in (*NAMES, *_find_matplotlib()):
        try:
            if _draws(ImageFont.truetype(name, 20), letters):
                return name
        except OSError:  # not on this system
            continue
    raise ConfigError(
        f"no font was found that has the letters {_quote(letters)}; choose a font file with --font "
        "or font=..."
    )


def _quote(letters: str) -> str:
    return repr("".join(letter for letter in letters if not letter.isascii())[:40])


def _find_matplotlib() -> list[str]:
    """Return matplotlib's font, without loading matplotlib."""
    found = util.find_spec("matplotlib")
    if found is None or found.origin is None:
        return []
    return [str(Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" / _DEJAVU)]


def _draws(font: ImageFont.FreeTypeFont, letters: str) -> bool:
    """Return whether a font has all letters, without falling back to its missing-glyph box."""
    missing = font.getmask(_NO_LETTER)
    return not any(
        (mask := font.getmask(letter)).size == missing.size and bytes(mask) == bytes(missing)
        for letter in letters
    )
