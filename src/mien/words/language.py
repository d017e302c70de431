"""One language: its words for expressions, its sentences for reports, its numbers.

The words are in `expressions.json`, which the page reads too; the sentences of reports and plots
are in a file for each language. A text with a count is a table by CLDR's plural categories ("one",
"few", "other"), as `Intl.PluralRules` names them in a browser.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

from mien.errors import ConfigError

LANGUAGES: Final = ("en", "de", "fr", "es", "it", "pt", "nl", "ru", "ar", "he", "ja", "zh")
"""The languages that there are texts in."""


def _choose_russian(n: int) -> str:
    if n % 10 == 1 and n % 100 != 11:
        return "one"
    return "few" if n % 10 in (2, 3, 4) and n % 100 not in (12, 13, 14) else "many"


def _choose_arabic(n: int) -> str:
    if n < 3:
        return ("zero", "one", "two")[n]
    return "few" if 3 <= n % 100 <= 10 else "many" if n % 100 >= 11 else "other"


# CLDR's rules for whole numbers; a test compares them with Babel's. Babel itself is 30 MB.
_RULES: Final[Mapping[str, Callable[[int], str]]] = {
    "fr": lambda n: "one" if n < 2 else "other",
    "pt": lambda n: "one" if n < 2 else "other",
    "ru": _choose_russian,
    "ar": _choose_arabic,
    "he": lambda n: {1: "one", 2: "two"}.get(n, "other"),
    "ja": lambda _: "other",
    "zh": lambda _: "other",
}


@dataclass(frozen=True)
class Language:
    """A language to write reports and pictures in.

    Attributes:
        code: Its code, one of `LANGUAGES`.
        words: A word for each expression, and for each reason why none is named.
        texts: Everything in its file: sections of texts by key.
    """

    code: str
    words: Mapping[str, str]
    texts: Mapping[str, Mapping[str, Any]]

    @property
    def direction(self) -> str:
        """The direction of writing: "ltr" or "rtl"."""
        return str(self.texts["language"]["direction"])

    def word(self, name: str | None) -> str:
        """Return the word for an expression or a reason; your own class names stay as they are."""
        return self.words.get(name or "", name or "")

    def say(self, key: str, **values: object) -> str:
        """Return a text with its values filled in.

        Args:
            key: The section and the name: "report.photos".
            **values: What its braces name. Whole numbers are written as the language writes them;
                `count` chooses the plural.
        """
        section, _, name = key.partition(".")
        text = self.texts[section][name]
        if not isinstance(text, str):
            count = values["count"]
            text = text.get(self.plural(count) if isinstance(count, int) else "") or text["other"]
        filled = {k: self.number(v) if isinstance(v, int) else v for k, v in values.items()}
        return str(text.format_map(filled))

    def plural(self, number: int) -> str:
        """Return the plural category of a whole number, as CLDR names them."""
        rule = _RULES.get(self.code)
        return rule(abs(number)) if rule else "one" if abs(number) == 1 else "other"

    def number(self, value: float, decimals: int = 0, *, sign: bool = False) -> str:
        """Format a number, with the language's decimal mark and groups of three digits."""
        how = self.texts["language"]
        text = f"{value:{'+' if sign else ''},.{decimals}f}"
        if abs(value) < how["group_from"]:
            text = text.replace(",", "")
        marks = str.maketrans({",": how["group"], ".": how["decimal"]})
        return text.translate(marks)

    def percent(self, share: float) -> str:
        """Format a share in whole per cent; a share above 0 is never shown as 0."""
        pattern = str(self.texts["language"]["percent"])
        if 0 < share < 0.005:
            return "<" + pattern.format(n=1)
        return pattern.format(n=f"{100 * share:.0f}")


@cache
def open_language(code: str) -> Language:
    """Read a language.

    Args:
        code: One of `LANGUAGES`.

    Raises:
        ConfigError: The language is not supported.
    """
    if code not in LANGUAGES:
        raise ConfigError(f"lang must be one of {', '.join(LANGUAGES)}, got {code!r}")
    return Language(code, _read("expressions.json")[code], _read(f"{code}.json"))


def _read(name: str) -> Any:  # noqa: ANN401 - the files' own structure
    return json.loads(resources.files("mien.words").joinpath(name).read_text(encoding="utf-8"))


def translate(word: str, lang: str = "en") -> str:
    """Translate an expression or a reason to another language.

    Args:
        word: "happy", "too_small" and so on. Other class names are returned unchanged.
        lang: One of `LANGUAGES`.

    Raises:
        ConfigError: The language is not supported.
    """
    return open_language(lang).word(word)
