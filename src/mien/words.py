"""Words for the expressions in twelve languages, for display; JSON keys stay English."""

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Final

from mien.errors import ConfigError

FILE: Final = "words.json"
"""For each language, a word for each expression and each reason to name none."""


def translate(word: str, lang: str = "en") -> str:
    """Translate an expression or a reason to another language.

    Args:
        word: "happy", "too_small" and so on. Other class names are returned unchanged.
        lang: "en", "de", "fr", "es", "it", "pt", "nl", "ru", "ar", "he", "ja" or "zh".

    Raises:
        ConfigError: The language is not supported.
    """
    languages = read_words()
    if lang not in languages:
        raise ConfigError(f"lang must be one of {', '.join(languages)}, got {lang!r}")
    return languages[lang].get(word, word)


@cache
def read_words() -> Mapping[str, Mapping[str, str]]:
    """Return all words: by language, then by English key."""
    text = resources.files("mien").joinpath(FILE).read_text(encoding="utf-8")
    words: dict[str, dict[str, str]] = json.loads(text)
    return words
