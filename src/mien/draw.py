"""Draw faces, expressions and probabilities into a copy of a picture."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw

from mien.emotions import EMOTIONS
from mien.fonts import Font, load_font
from mien.results import FaceResult, ImageResult

Rectangle: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""

# Okabe and Ito's colours, which people with any colour vision tell apart.
PALETTE: Final = ("#D55E00", "#009E73", "#CC79A7", "#F0E442", "#DDDDDD", "#56B4E9", "#E69F00")
UNDECIDED: Final = "#A8A8A8"
MIN_SIDE_PX: Final = 720
"""A picture whose longer side is under this is enlarged, so that the words fit."""
MIN_FONT_PX: Final = 12
"""Letters are no smaller than this, also on the frames of small videos, which are not enlarged."""

_INK, _PALE_INK, _PALE_BAR, _TRACK = "#FFFFFF", "#C4C8D0", "#A6AEBC", "#FFFFFF30"
_PAPER = (16, 18, 24, 205)
_SMOOTH = 4  # shapes are drawn this much larger and scaled down, for smooth edges
_CLEAR = 0.5  # a smoothed emotion this probable is shown where a single frame was unsure
_REASONS = {"too_small": "too small", "uncertain": "uncertain"}


def annotate(
    image: NDArray[np.uint8], result: ImageResult, *, font: str | os.PathLike[str] | None = None
) -> Image.Image:
    """Draw every face's box, its emotion and, where there is room, its probabilities.

    Args:
        image: The picture that was analysed, (H, W, 3) uint8 RGB, as `mien.read_image` gives it.
        result: Its result.
        font: A font file for the words; None finds one that has the letters of the class names.

    Returns:
        A new RGB image; enlarged, if the picture's longer side is under `MIN_SIDE_PX`, and with
        a strip added to the right if a single face leaves no room for its probabilities.

    Raises:
        ConfigError: No font has the letters of the class names.
    """
    picture = Image.fromarray(np.ascontiguousarray(image))
    scale = max(1.0, MIN_SIDE_PX / max(picture.size))
    if scale > 1:
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        picture = picture.resize(size, Image.Resampling.BICUBIC)
    picture = picture.convert("RGB")
    scale *= image.shape[1] / result.width  # a large photo may have been decoded smaller
    boxes = [_scaled(face, scale) for face in result.faces]
    for face, box in zip(result.faces, boxes, strict=True):
        _draw_frame(picture, box, color_of(face), _line(picture))
    taken = list(boxes)
    for face, box in zip(result.faces, boxes, strict=True):
        others = [other for other in taken if other is not box]
        taken.append(_draw_label(picture, face, box, others, font))
    for face, box in zip(result.faces, boxes, strict=True):
        if face.probabilities is None:
            continue
        letters = _font(picture, box, "".join(face.probabilities), font)
        size = _panel_size(face.probabilities, letters)
        place = _find_place(picture, size, box, taken)
        if place is None and len(result.faces) == 1:  # the face fills its picture
            picture, place = _add_strip(picture, size)
        if place is not None:
            _draw_panel(picture, face, letters, place)
            taken.append((*place, place[0] + size[0], place[1] + size[1]))
    return picture


def annotate_frame(
    image: NDArray[np.uint8],
    faces: Sequence[FaceResult],
    *,
    font: str | os.PathLike[str] | None = None,
) -> Image.Image:
    """Draw every face's box and its smoothed emotion into a frame of a video.

    Args:
        image: (H, W, 3) uint8 RGB.
        faces: The frame's faces.
        font: A font file for the words; None finds one.

    Returns:
        A new RGB image of the same size.
    """
    picture = Image.fromarray(image)
    settled = [_settle(face) for face in faces]
    boxes = [_scaled(face, 1.0) for face in settled]
    for face, box in zip(settled, boxes, strict=True):
        _draw_frame(picture, box, color_of(face), _line(picture))
    taken = list(boxes)
    for face, box in zip(settled, boxes, strict=True):
        others = [other for other in taken if other is not box]
        taken.append(_draw_label(picture, face, box, others, font))
    return picture


def _settle(face: FaceResult) -> FaceResult:
    """Let a face show its smoothed emotion, which does not flicker."""
    if face.smoothed is None:
        return face
    emotion = max(face.smoothed, key=lambda name: (face.smoothed or {})[name])
    if face.emotion is None and face.smoothed[emotion] < _CLEAR:
        return face
    return replace(face, probabilities=face.smoothed, emotion=emotion, reason=None)


def _scaled(face: FaceResult, scale: float) -> Rectangle:
    box = face.box
    return (
        box.x * scale,
        box.y * scale,
        (box.x + box.width) * scale,
        (box.y + box.height) * scale,
    )


def color_of(face: FaceResult) -> str:
    """Give the colour of a face's emotion; labels of one's own take the colours in turn."""
    if face.emotion is None or face.probabilities is None:
        return UNDECIDED
    names = EMOTIONS if face.emotion in EMOTIONS else tuple(face.probabilities)
    return PALETTE[names.index(face.emotion) % len(PALETTE)]


def _line(picture: Image.Image) -> int:
    """Choose a line width in pixels that is seen on this picture."""
    return max(3, round(max(picture.size) / 240))


def _font(
    picture: Image.Image, box: Rectangle, words: str, font: str | os.PathLike[str] | None
) -> Font:
    """Choose letters that fit the face, within what can be read on this picture."""
    longer = max(picture.size)
    wanted = (box[3] - box[1]) * 0.13
    fitting = min(max(wanted, longer / 48), longer / 28)
    return load_font(round(max(fitting, MIN_FONT_PX)), words, font=font)


def _draw_frame(picture: Image.Image, box: Rectangle, color: str, line: int) -> None:
    """Draw a face's box: a coloured line between two dark ones, seen on any background."""
    width, height = round(box[2] - box[0]), round(box[3] - box[1])
    radius = min(width, height) * 0.08
    for inset, thickness, paint in ((0, line + 2, "#101218B0"), (1, line, color)):
        size = width + 2 * line - 2 * inset, height + 2 * line - 2 * inset
        if min(size) > 2 * thickness:
            place = round(box[0]) - line + inset, round(box[1]) - line + inset
            _paste(picture, _rounded(size, radius + line, thickness), place, paint)


def _draw_label(
    picture: Image.Image,
    face: FaceResult,
    box: Rectangle,
    others: Sequence[Rectangle],
    font: str | os.PathLike[str] | None,
) -> Rectangle:
    """Write the emotion, or why there is none, beside the box: see `_place_label`."""
    text = _REASONS.get(face.reason or "", face.reason or "")
    if face.emotion is not None and face.probabilities is not None:
        text = f"{face.emotion}  {face.probabilities[face.emotion]:.0%}"
    letters = _font(picture, box, text, font)
    pad = round(_em(letters) * 0.4)
    width, height = round(letters.getlength(text)) + 2 * pad, round(_em(letters) * 1.5)
    left, top = _place_label(picture, (width, height), box, others)
    color = color_of(face)
    _paste(picture, _rounded((width, height), height * 0.25), (left, top), color)
    middle = (left + width / 2, top + height / 2)
    ImageDraw.Draw(picture).text(middle, text, fill=_ink_on(color), font=letters, anchor="mm")
    return left, top, left + width, top + height


def _place_label(
    picture: Image.Image, size: tuple[int, int], box: Rectangle, others: Sequence[Rectangle]
) -> tuple[int, int]:
    """Choose the place of a label: the first beside its box that covers no other, or the best one.

    Above the box, below it, to the right and left of it; inside, at its top, where all of these
    leave the picture or cover more of other faces and labels.
    """
    width, height = size
    line = _line(picture)
    gap = 2 * line
    left = round(min(max(box[0] - line, 0), max(0, picture.width - width)))
    flush = round(min(max(box[2] + line - width, 0), max(0, picture.width - width)))
    above, below = round(box[1]) - height - gap, round(box[3]) + gap
    level = max(0, round(box[1]))
    beside = [(x, y) for y in (above, below) for x in (left, flush)]
    beside += [(round(box[2]) + gap, level), (round(box[0]) - width - gap, level)]
    fitting = [
        (x, y)
        for x, y in beside
        if 0 <= y <= picture.height - height and 0 <= x <= max(0, picture.width - width)
    ]
    fitting.append((left, max(0, min(round(box[1]) + gap, picture.height - height))))
    return min(
        fitting,
        key=lambda at: sum(_shared((*at, at[0] + width, at[1] + height), o) for o in others),
    )


def _panel_size(probabilities: Mapping[str, float], font: Font) -> tuple[int, int]:
    """Measure a panel: the names, a bar of 5 em and a number, with spaces of 0.7 em."""
    em = _em(font)
    names = max(font.getlength(name) for name in probabilities)
    width = names + 5 * em + font.getlength("100%") + 2.8 * em
    return round(width), round(1.45 * em * len(probabilities) + 0.85 * em)


def _draw_panel(picture: Image.Image, face: FaceResult, font: Font, place: tuple[int, int]) -> None:
    """Draw one bar for each emotion, as long as it is probable."""
    probabilities = face.probabilities or {}
    width, height = _panel_size(probabilities, font)
    em = _em(font)
    left, right = place[0] + 0.7 * em, place[0] + width - 0.7 * em
    start = left + max(font.getlength(name) for name in probabilities) + 0.7 * em
    track = _rounded((round(5 * em), max(2, round(0.55 * em))), 0.27 * em)
    top_name = max(probabilities, key=lambda name: probabilities[name])
    _paste(picture, _rounded((width, height), 0.5 * em), place, _PAPER)
    pen = ImageDraw.Draw(picture)
    for index, (name, value) in enumerate(probabilities.items()):
        middle = place[1] + 0.43 * em + 1.45 * em * (index + 0.5)
        ink = _INK if name == top_name else _PALE_INK
        pen.text((left, middle), name, fill=ink, font=font, anchor="lm")
        pen.text((right, middle), f"{value:.0%}", fill=ink, font=font, anchor="rm")
        spot = round(start), round(middle - track.height / 2)
        _paste(picture, track, spot, _TRACK)
        bar = track.crop((0, 0, round(track.width * value), track.height))
        if bar.width:
            _paste(picture, bar, spot, color_of(face) if name == top_name else _PALE_BAR)


def _add_strip(picture: Image.Image, size: tuple[int, int]) -> tuple[Image.Image, tuple[int, int]]:
    """Add a dark strip to the right of a picture, with room for a panel."""
    gap = 3 * _line(picture)
    height = max(picture.height, size[1] + 2 * gap)
    wider = Image.new("RGB", (picture.width + size[0] + 2 * gap, height), _PAPER[:3])
    wider.paste(picture)
    return wider, (picture.width + gap, gap)


def _find_place(
    picture: Image.Image, size: tuple[int, int], box: Rectangle, taken: list[Rectangle]
) -> tuple[int, int] | None:
    """Find room for a panel beside, below or above a box, or in a corner; None without room."""
    width, height = size
    gap = 3 * _line(picture)
    if width + 2 * gap > picture.width or height + 2 * gap > picture.height:
        return None
    level = min(max(box[1], gap), picture.height - height - gap)
    flush = min(max(box[0], gap), picture.width - width - gap)
    beside = [
        (box[2] + gap, level),
        (box[0] - width - gap, level),
        (flush, box[3] + gap),
        (flush, box[1] - height - gap),
    ]
    for x, y in beside:
        inside = 0 <= x <= picture.width - width and 0 <= y <= picture.height - height
        if inside and not any(_overlap((x, y, x + width, y + height), other) for other in taken):
            return round(x), round(y)
    return None


def _shared(one: Rectangle, other: Rectangle) -> float:
    """Return the area that two rectangles share."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return max(across, 0.0) * max(down, 0.0)


def _overlap(one: Rectangle, other: Rectangle) -> bool:
    return _shared(one, other) > 0


def _rounded(size: tuple[int, int], radius: float, line: int | None = None) -> Image.Image:
    """Make the mask of a rounded rectangle, filled or as a line of some width."""
    width, height = max(1, size[0]), max(1, size[1])
    mask = Image.new("L", (width * _SMOOTH, height * _SMOOTH))
    ImageDraw.Draw(mask).rounded_rectangle(
        (0, 0, mask.width - 1, mask.height - 1),
        radius=radius * _SMOOTH,
        fill=255 if line is None else 0,
        outline=255,
        width=(line or 1) * _SMOOTH,
    )
    return mask.reduce(_SMOOTH)


def _paste(
    picture: Image.Image,
    mask: Image.Image,
    place: tuple[int, int],
    paint: str | tuple[int, int, int, int],
) -> None:
    """Paint through a mask; a paint's fourth level is how much it covers."""
    red, green, blue, *cover = ImageColor.getrgb(paint) if isinstance(paint, str) else paint
    if cover:
        mask = mask.point([level * cover[0] // 255 for level in range(256)])
    picture.paste((red, green, blue), place, mask)


def _em(font: Font) -> float:
    """Measure a font's size in pixels."""
    return float(getattr(font, "size", 12))


def _ink_on(color: str) -> str:
    """Choose black or white letters, whichever stands out."""
    red, green, blue = ImageColor.getrgb(color)[:3]
    return "#101218" if 0.299 * red + 0.587 * green + 0.114 * blue > 110 else _INK
