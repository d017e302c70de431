"""Every language has every word, and pictures carry them."""

import numpy as np
import pytest
from PIL import features

import mien
from mien.words import read_words, translate

LANGUAGES = read_words()


def test_twelve_languages_have_every_word_once() -> None:
    keys = {*mien.EMOTIONS, "too_small", "uncertain"}
    assert len(LANGUAGES) == 12
    for language, words in LANGUAGES.items():
        assert set(words) == keys, language
        assert len(set(words.values())) == len(keys), language
        assert all(word == word.strip() and word for word in words.values())


def test_words_are_looked_up_and_class_names_of_your_own_stay() -> None:
    assert translate("happy", "de") == "fröhlich"
    assert translate("too_small", "fr") == "trop petit"
    assert translate("calm", "ja") == "calm"
    with pytest.raises(mien.ConfigError, match=r"lang must be one of en, de, .*, got 'xx'"):
        translate("happy", "xx")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_picture_is_drawn_in_every_language(language: str) -> None:
    grey = np.full((720, 900, 3), 70, np.uint8)
    probabilities = dict.fromkeys(mien.EMOTIONS, 0.05) | {"happy": 0.7}
    box = mien.Box(300, 250, 150, 180)
    face = mien.FaceResult(box, (), 0.9, probabilities, "happy", None)
    result = mien.ImageResult("x", 900, 720, (face,))
    if language in ("ar", "he") and not features.check("raqm"):
        with pytest.raises(mien.ConfigError, match="from right to left"):
            mien.annotate(grey, result, lang=language)
        return
    try:
        drawn = np.asarray(mien.annotate(grey, result, lang=language))
    except mien.ConfigError as error:
        pytest.skip(str(error))
    english = np.asarray(mien.annotate(grey, result))
    assert np.array_equal(drawn, english) == (language == "en")
    assert "happy" in result.to_dict()["faces"][0]["probabilities"]
