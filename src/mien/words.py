"""The words for expressions in twelve languages, for people's eyes; JSON keys stay English."""

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Final

from mien.errors import ConfigError

FILE: Final = "words.json"
"""For each language, a word for each expression and for each reason why none is named."""


def translate(word: str, lang: str = "en") -> str:
    """Return a word for an expression or a reason in another language.

    Args:
        word: "happy", "too_small" and so on. A class name of your own stays as it is.
        lang: "en", "de", "fr", "es", "it", "pt", "nl", "ru", "ar", "he", "ja" or "zh".

    Raises:
        ConfigError: There are no words in that language.
    """
    languages = read_words()
    if lang not in languages:
        raise ConfigError(f"a language is one of {', '.join(languages)}, got {lang!r}")
    return languages[lang].get(word, word)


@cache
def read_words() -> Mapping[str, Mapping[str, str]]:
    """Return every word: by language, then by its English key."""
    text = resources.files("mien").joinpath(FILE).read_text(encoding="utf-8")
    words: dict[str, dict[str, str]] = json.loads(text)
    return words
