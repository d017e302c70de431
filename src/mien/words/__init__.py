"""Words for people in twelve languages; keys of results and options stay English."""

from mien.words.language import LANGUAGES, Language, open_language, translate

__all__ = ["LANGUAGES", "Language", "open_language", "translate"]
