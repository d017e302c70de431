"""Draw a panel of probabilities: one bar for each emotion."""

from collections.abc import Mapping
from typing import Final

from PIL import Image, ImageDraw

from mien.drawing.fonts import Font, draw_percent
from mien.drawing.placement import Size
from mien.drawing.shapes import INK, PAPER, em_px, paste, rounded
from mien.words import Language

_PALE_INK: Final = "#C4C8D0"
_PALE_BAR: Final = "#A6AEBC"
_TRACK: Final = "#FFFFFF30"


def panel_size(
    probabilities: Mapping[str, float], font: Font, language: Language
) -> tuple[int, int]:
    """Measure a panel: names, a bar of 5 em and a number, with gaps of 0.7 em."""
    em = em_px(font)
    names = max(font.getlength(name) for name in probabilities)
    width = names + 5 * em + font.getlength(draw_percent(1, language)) + 2.8 * em
    return round(width), round(1.45 * em * len(probabilities) + 0.85 * em)


def draw_panel(
    picture: Image.Image,
    probabilities: Mapping[str, float],
    color: str,
    font: Font,
    *,
    place: Size,
    language: Language,
) -> None:
    """Draw one bar per emotion with a length by probability, the longest in colour.

    In languages written from right to left, names are on the right and bars grow to the left.
    """
    width, height = panel_size(probabilities, font, language)
    em = em_px(font)
    left, right = place[0] + 0.7 * em, place[0] + width - 0.7 * em
    names = max(font.getlength(name) for name in probabilities) + 0.7 * em
    track = rounded((round(5 * em), max(2, round(0.55 * em))), 0.27 * em)
    is_rtl = language.direction == "rtl"
    start = right - names - track.width if is_rtl else left + names
    name_at, share_at = ((right, "rm"), (left, "lm")) if is_rtl else ((left, "lm"), (right, "rm"))

    top_name = max(probabilities, key=lambda name: probabilities[name])

    paste(picture, rounded((width, height), 0.5 * em), place, PAPER)
    pen = ImageDraw.Draw(picture)

    for index, (name, value) in enumerate(probabilities.items()):
        middle = place[1] + 0.43 * em + 1.45 * em * (index + 0.5)
        ink = INK if name == top_name else _PALE_INK
        pen.text((name_at[0], middle), name, fill=ink, font=font, anchor=name_at[1])
        share = draw_percent(value, language)
        pen.text((share_at[0], middle), share, fill=ink, font=font, anchor=share_at[1])
        spot = round(start), round(middle - track.height / 2)
        paste(picture, track, spot, _TRACK)
        length = round(track.width * value)
        skip = track.width - length if is_rtl else 0
        bar = track.crop((skip, 0, skip + length, track.height))
        if length:
            spot = spot[0] + skip, spot[1]
            paste(picture, bar, spot, color if name == top_name else _PALE_BAR)
