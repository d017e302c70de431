"""Every language has every text, by the rules of CLDR, and pictures and reports carry them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from babel import Locale
from babel.numbers import format_decimal, format_percent
from PIL import features

import mien
from made_video import make_frames, summarize
from mien.report import PhotoReport, VideoReport
from mien.results import Failure, ImageResult
from mien.words import LANGUAGES, Language, open_language, translate

ROOT = Path(__file__).parent.parent
OTHERS = [code for code in LANGUAGES if code != "en"]
SPEC = mien.ModelSpec(name="made", onnx_sha256="ab" * 32, class_names=mien.EMOTIONS)
# What is spelt as in English: borrowed words, and units of the SI.
AS_IN_ENGLISH = {
    "de": {"Videos"},
    "es": {"no"},
    "fr": {"Photos", "photos", "{count} photo", "{count} photos", "expression"}
    | {"participants", "participant", "conditions", "condition"},
    "it": {"no", "{count} video"},
    "nl": {"model", "{count} video"},
}
UNITS = {"{n} h", "{n} min", "{n} s"}


def list_texts(code: str) -> Iterator[tuple[str, Any]]:
    """Yield the texts of a language by their keys."""
    for section, texts in open_language(code).texts.items():
        if section != "language":
            for name, text in texts.items():
                yield f"{section}.{name}", text


def forms_of(text: Any) -> dict[str, str]:
    return {"other": text} if isinstance(text, str) else text


def fields_of(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def test_twelve_languages_have_every_word_once() -> None:
    keys = {*mien.EMOTIONS, "too_small", "uncertain"}
    assert len(LANGUAGES) == 12
    for code in LANGUAGES:
        words = open_language(code).words
        assert set(words) == keys, code
        assert len(set(words.values())) == len(keys), code
        assert all(word == word.strip() and word for word in words.values())


def test_the_page_has_the_same_languages() -> None:
    texts = ROOT / "web" / "src" / "texts"
    assert {path.stem for path in texts.glob("*.json")} == set(LANGUAGES)
    for code in LANGUAGES:
        title = json.loads((texts / f"{code}.json").read_text(encoding="utf-8"))["page.title"]
        assert title == "mien"  # the product's name stays


def test_words_are_looked_up_and_class_names_of_your_own_stay() -> None:
    assert translate("happy", "de") == "fröhlich"
    assert translate("too_small", "fr") == "trop petit"
    assert translate("calm", "ja") == "calm"
    with pytest.raises(mien.ConfigError, match=r"lang must be one of en, de, .*, got 'xx'"):
        translate("happy", "xx")


@pytest.mark.parametrize("code", OTHERS)
def test_every_language_has_every_text_with_its_places(code: str) -> None:
    english, own = dict(list_texts("en")), dict(list_texts(code))
    assert list(own) == list(english)
    for key, text in own.items():
        wanted = set.union(*map(fields_of, forms_of(english[key]).values()))
        assert isinstance(text, str) == isinstance(english[key], str), key
        for form, told in forms_of(text).items():
            # A form for one number only, such as the dual, may name that number in words.
            lacks = {"count"} if form in ("zero", "one", "two") else set()
            assert wanted - lacks <= fields_of(told) <= wanted, (key, form)


@pytest.mark.parametrize("code", OTHERS)
def test_no_text_is_left_in_english(code: str) -> None:
    english = dict(list_texts("en"))
    same = {
        told
        for key, text in list_texts(code)
        for told in forms_of(text).values()
        if told in forms_of(english[key]).values()
    }
    assert same - UNITS == AS_IN_ENGLISH.get(code, set())


@pytest.mark.parametrize("code", LANGUAGES)
def test_plurals_follow_cldr(code: str) -> None:
    locale, language = Locale.parse(code), open_language(code)
    for number in (*range(1_100), 9_999, 1_000_001):
        assert language.plural(number) == locale.plural_form(number)
    # French and its neighbours say "un million de photos"; no report counts so far in words.
    categories = {locale.plural_form(number) for number in range(1_100)}
    for key, text in list_texts(code):
        if not isinstance(text, str):
            assert set(text) == categories | {"other"}, key


@pytest.mark.parametrize("code", LANGUAGES)
def test_numbers_are_written_as_cldr_has_them(code: str) -> None:
    language = open_language(code)
    # Arabic with the digits 0 to 9, as times and settings have them.
    options = {"numbering_system": "latn"}
    for value in (12_345.5, 1_234_567.5, 0.5):
        assert language.number(value, 1) == format_decimal(value, "#,##0.0", code, **options)
    for share in (0.0, 0.12, 1.0):
        told = language.percent(share).replace("\u200e", "")  # marks of direction
        assert told == format_percent(share, locale=code, **options).replace("\u200e", "")
    assert language.number(-0.25, 3, sign=True).endswith(language.number(0.25, 3))
    assert language.direction == Locale.parse(code).text_direction


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


def write_video(lang: str) -> str:
    report = VideoReport(SPEC, {"every_s": 0.1}, lang=lang)
    for frame in make_frames(30):
        report.add(frame)
    return report.render(summarize(30, source="clip"))


def write_gallery(lang: str) -> str:
    report = PhotoReport(SPEC, {"detector_size": 640}, lang=lang)
    for number, frame in enumerate(make_frames(1)):
        report.add(ImageResult(f"{number}", 512, 512, frame.faces))
    report.add(Failure("x", "image", "x"))
    return report.render()


def read_text(page: str) -> str:
    """Return what a reader or a screen reader meets, without the names of options."""
    body = re.sub(r"<(script|style)\b.*?</\1>|<dt lang=\"en\">.*?</dt>", " ", page, flags=re.DOTALL)
    spoken = " ".join(re.findall(r"(?:aria-label|alt)=\"([^\"]*)\"", body))
    return " ".join(f"{re.sub(r'<[^>]+>', ' ', body)} {spoken}".split())


@pytest.mark.parametrize("write", [write_video, write_gallery])
def test_a_report_has_no_text_outside_its_language(write, monkeypatch) -> None:
    """Every text of a made-up language is marked: what is not, stands in the code."""

    def mark(text: Any) -> Any:
        if isinstance(text, str):
            return f"⟦{text}⟧"
        return {key: mark(value) for key, value in text.items()}

    english = open_language("en")
    texts = {name: mark(texts) for name, texts in english.texts.items() if name != "language"}
    made_up = Language("en", mark(english.words), texts | {"language": english.texts["language"]})
    for module in ("mien.report.video", "mien.report.photos"):
        monkeypatch.setattr(f"{module}.open_language", lambda _: made_up)
    text = read_text(write("en"))
    while "⟦" in text:  # a text may stand inside another
        text, before = re.sub(r"⟦[^⟦⟧]*⟧", " ", text), text
        assert text != before
    names = r"SHA-256 abababababab|UTC|\bmade\b|\bmien\b|\bclip\b|\bh\b|\bmin\b|\bs\b|\bx\b"
    assert re.findall(r"[A-Za-z]{2,}", re.sub(names, " ", text)) == []


@pytest.mark.parametrize("write", [write_video, write_gallery])
@pytest.mark.parametrize("code", LANGUAGES)
def test_reports_are_marked_with_language_and_direction(write, code: str) -> None:
    page = write(code)
    language = open_language(code)
    assert f'<html lang="{code}" dir="{language.direction}">' in page
    assert language.say("report.note_title") in page
    assert ("Use with care" in page) == (code == "en")
    assert not re.search(r"\{[a-z_]+\}", read_text(page))


@pytest.mark.parametrize("code", ["de", "ar"])
def test_a_gallery_keeps_english_keys_beside_its_words(code: str) -> None:
    page = write_gallery(code)
    (found,) = re.findall(r'<script id="data" type="application/json">(.*?)</script>', page)
    data = json.loads(found)
    tags = {tag for photo in data["photos"] for tag in photo["tags"]}
    assert tags <= {*mien.EMOTIONS, "uncertain", "too_small", "no_face", "failed"}
    assert data["words"]["happy"] == translate("happy", code)
