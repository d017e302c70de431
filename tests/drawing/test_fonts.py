"""Plots show class names in the letters they have, and complain of none."""

import io
from pathlib import Path

import pytest
from PIL import Image, ImageFont

pytest.importorskip("matplotlib", reason="matplotlib is not installed")

from matplotlib import get_data_path
from matplotlib.figure import Figure

from mien.drawing import fonts
from mien.drawing.fonts import fitting_letters

OWN = Path(get_data_path()) / "fonts" / "ttf"


def plot(words: str) -> tuple[Figure, bytes]:
    """A plot whose title has these words; warnings are errors in tests."""
    figure = Figure()
    figure.subplots().set_title(words)
    file = io.BytesIO()
    with fitting_letters(figure):
        figure.savefig(file, format="png")
    return figure, file.getvalue()


def file_of(figure: Figure) -> str | None:
    return figure.axes[0].title.get_fontproperties().get_file()


@pytest.mark.parametrize("words", ["happy", "légère", "радость", "高兴", "행복", "سعيد"])
def test_no_letter_makes_a_plot_complain(words):
    _, png = plot(words)
    assert Image.open(io.BytesIO(png)).size == (640, 480)


@pytest.mark.parametrize("words", ["happy", "légère", "радость"])
def test_letters_of_matplotlibs_own_font_keep_it(words):
    assert file_of(plot(words)[0]) is None


@pytest.mark.slow
def test_other_letters_get_a_font_that_has_them(monkeypatch):
    dejavu, stix = (str(OWN / name) for name in ("DejaVuSans.ttf", "STIXGeneral.ttf"))
    has = [
        {letter for letter in map(chr, range(0x2200, 0x2C00)) if fonts._draws(font, letter)}
        for font in (ImageFont.truetype(dejavu, 20), ImageFont.truetype(stix, 20))
    ]
    letter = min(has[1] - has[0])
    monkeypatch.setattr(fonts, "NAMES", (dejavu, stix))
    fonts._find_font.cache_clear()
    found = file_of(plot(letter)[0])
    fonts._find_font.cache_clear()
    assert found == stix


def test_a_space_that_does_not_break_needs_no_other_font() -> None:
    figure, png = plot("99\u00a0%")  # as German and French write it
    assert file_of(figure) is None
    assert png.startswith(b"\x89PNG")
