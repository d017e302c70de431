"""Draw an explanation: the face, the occlusion map and the steps of the LSTM.

Orange stands for support and blue for opposition: colours that people with any colour vision can
distinguish.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mien.drawing.fonts import draw_percent, load_font, open_drawable
from mien.explain.explanation import Explanation, Walk
from mien.words import Language

Point: TypeAlias = tuple[float, float]

_PAPER, _INK, _SOFT, _LINE = "#FFFFFF", "#1C2530", "#5A6673", "#D5DBE2"
_FOR, _AGAINST = np.array([213, 94, 0]), np.array([0, 114, 178])  # Okabe and Ito's
_LINES: Final = ("#D55E00", "#0072B2", "#009E73", "#CC79A7")
_WIDTH, _PAD, _TILE, _GAP = 1240, 40, 360, 40
_CHART: Final = 250  # height in px
_NAMES: Final = 150  # space for the names at the lines' ends, in px
_SMOOTH: Final = 2  # supersampling factor, for smooth lines


def draw_explanation(explanation: Explanation, *, lang: str = "en") -> Image.Image:
    """Draw an explanation.

    Args:
        explanation: The explanation to draw.
        lang: Language of the text, one of `mien.words.LANGUAGES`.

    Returns:
        An RGB image, 1240 px wide.

    Raises:
        ConfigError: The language is not supported, no font has the letters, or this Pillow cannot
            write from right to left.
    """
    language = open_drawable(lang)
    say = language.say
    walk = explanation.walk
    top = _PAD + 96
    height = top + _TILE + 84
    if walk is not None:
        height += 70 + _CHART + 110

    picture = Image.new("RGB", (_WIDTH * _SMOOTH, height * _SMOOTH), _PAPER)
    pen = _Pen(picture)

    _draw_title(pen, explanation, language)
    face = Image.fromarray(explanation.crop)
    places = [(_PAD + i * (_TILE + _GAP), top) for i in range(3)]
    pen.tile(face.convert("RGB"), places[0], smooth=False)
    size = f"{face.width} x {face.height}"
    pen.caption(places[0], say("picture.seen_title"), say("picture.seen", size=size))

    covered = explanation.occlusion
    pen.tile(_overlay(explanation.crop, covered), places[1])
    most = float(np.abs(covered).max())
    told = say("picture.covered", share=draw_percent(most, language))
    pen.caption(places[1], say("picture.covered_title"), told)

    if walk is not None:
        word = language.word(explanation.emotion)
        column = list(explanation.probabilities).index(explanation.emotion)
        said = walk.contributions[:, column].reshape(walk.rows, walk.columns)
        pen.tile(_overlay(explanation.crop, said, blocks=True), places[2])
        pen.caption(
            places[2],
            say("picture.added_title"),
            say("picture.added", name=word),
        )
        _draw_walk(pen, explanation, walk, top + _TILE + 84, language)

    return picture.resize((_WIDTH, height), Image.Resampling.LANCZOS)


class _Pen:
    """Draw on a picture that is scaled down afterwards; lengths refer to the final size."""

    def __init__(self, picture: Image.Image) -> None:
        self.picture = picture
        self.draw = ImageDraw.Draw(picture)

    def text(self, at: Point, words: str, size: int, color: str = _INK, anchor: str = "la") -> None:
        font = load_font(size * _SMOOTH, words)
        self.draw.text(_scale(at), words, fill=color, font=font, anchor=anchor)

    def line(self, points: Sequence[Point], color: str, width: float) -> None:
        scaled = [_scale(point) for point in points]
        self.draw.line(scaled, fill=color, width=round(width * _SMOOTH), joint="curve")

    def dot(self, at: Point, radius: float, color: str) -> None:
        (x, y), r = _scale(at), radius * _SMOOTH
        self.draw.ellipse((x - r, y - r, x + r, y + r), fill=color)

    def tile(self, image: Image.Image, at: Point, *, smooth: bool = True) -> None:
        side = _TILE * _SMOOTH
        how = Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST
        self.picture.paste(image.resize((side, side), how), _scale(at))

    def strip(self, image: Image.Image, at: Point, size: Point) -> None:
        width, height = _scale(size)
        self.picture.paste(image.resize((width, height), Image.Resampling.BICUBIC), _scale(at))

    def caption(self, at: Point, title: str, words: str) -> None:
        self.text((at[0], at[1] + _TILE + 14), title, 20)
        self.text((at[0], at[1] + _TILE + 42), words, 17, _SOFT)


def _draw_title(pen: _Pen, explanation: Explanation, language: Language) -> None:
    """Draw the expression and how probable it is, and the others below."""
    probability = explanation.probabilities[explanation.emotion]
    word = language.word(explanation.emotion)
    pen.text((_PAD, _PAD), f"{word}  {draw_percent(probability, language)}", 40)

    others = sorted(explanation.probabilities.items(), key=lambda item: -item[1])
    told = " ·  ".join(
        f"{language.word(name)} {draw_percent(share, language)}"
        for name, share in others
        if name != explanation.emotion
    )
    pen.text((_PAD, _PAD + 54), told, 20, _SOFT)


def _draw_walk(
    pen: _Pen, explanation: Explanation, walk: Walk, top: float, language: Language
) -> None:
    """Draw the answer after each step, above strips of the face read so far."""
    pen.text((_PAD, top + 16), language.say("picture.walk_title"), 20)
    left, right = _PAD + 56.0, _WIDTH - _PAD - _NAMES
    high, low = top + 62.0, top + 62.0 + _CHART

    for share in (0, 0.25, 0.5, 0.75, 1):
        y = low - share * _CHART
        pen.line([(left, y), (right, y)], _LINE, 1)
        pen.text((left - 12, y), draw_percent(share, language), 16, _SOFT, "rm")

    step = (right - left) / len(walk.probabilities)
    row = step * walk.columns
    face = Image.fromarray(explanation.crop).convert("RGB")
    for number in range(walk.rows):
        x = left + number * row
        if number:
            pen.line([(x, high), (x, low + 64)], _LINE, 1)
        ends = (number * face.height // walk.rows, (number + 1) * face.height // walk.rows)
        pen.strip(face.crop((0, ends[0], face.width, ends[1])), (x + 3, low + 12), (row - 6, 44))
        told = language.say("picture.row", id=number + 1)
        pen.text((x + row / 2, low + 64), told, 16, _SOFT, "ma")

    names = list(explanation.probabilities)
    ranked = sorted(names, key=lambda name: -float(walk.probabilities[:, names.index(name)].max()))
    shown = [explanation.emotion, *(name for name in ranked if name != explanation.emotion)]
    ends_at: list[float] = []

    # The explained emotion is drawn last, above the others.
    for name, color in reversed(list(zip(shown, _LINES, strict=False))):
        values = walk.probabilities[:, names.index(name)]
        points = [(left + (i + 0.5) * step, low - float(v) * _CHART) for i, v in enumerate(values)]
        pen.line(points, color, 4 if name == explanation.emotion else 2.5)
        pen.dot(points[-1], 5, color)

    for name, color in zip(shown, _LINES, strict=False):
        value = float(walk.probabilities[-1, names.index(name)])
        y = _make_room(low - value * _CHART, ends_at, high, low)
        told = f"{language.word(name)} {draw_percent(value, language)}"
        pen.text((right + 10, y), told, 18, color, "lm")


def _make_room(wanted: float, taken: list[float], high: float, low: float) -> float:
    """Find a free height for a name, as close as possible to its line's end."""
    tries = [wanted + sign * shift for shift in range(0, int(low - high), 2) for sign in (-1, 1)]
    free = (y for y in tries if high <= y <= low and all(abs(y - other) >= 23 for other in taken))
    found = next(free, wanted)
    taken.append(found)
    return found


def _overlay(
    crop: NDArray[np.uint8], values: NDArray[np.floating], *, blocks: bool = False
) -> Image.Image:
    """Colour a face (H, W) grey by values (h, w), stronger away from 0."""
    scale = 8
    side = len(crop) * scale
    face = Image.fromarray(crop).resize((side, side), Image.Resampling.BICUBIC)
    strength = (values / max(float(np.abs(values).max()), 1e-9)).astype(np.float32)
    how = Image.Resampling.NEAREST if blocks else Image.Resampling.BICUBIC
    large = np.asarray(Image.fromarray(strength).resize((side, side), how))[..., np.newaxis]
    grey = 60 + np.asarray(face, dtype=np.float32)[..., np.newaxis] * 0.7
    cover = np.abs(large).clip(0, 1) * 0.75
    color = np.where(large > 0, _FOR, _AGAINST)
    return Image.fromarray((grey * (1 - cover) + color * cover).clip(0, 255).astype(np.uint8))


def _scale(point: Point) -> tuple[int, int]:
    return round(point[0] * _SMOOTH), round(point[1] * _SMOOTH)
