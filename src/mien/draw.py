"""Draw faces, expressions and probabilities into a copy of a picture."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, features

from mien.errors import ConfigError
from mien.fonts import Font, load_font
from mien.palette import color_for
from mien.placement import Rectangle, Size, place_label, place_panel
from mien.results import FaceResult, FrameResult, ImageResult
from mien.words import translate

MIN_SIDE_PX: Final = 720
"""A picture whose longer side is under this is enlarged, so that the words fit."""
MIN_FONT_PX: Final = 12
"""Letters are no smaller than this, also on the frames of small videos, which are not enlarged."""

_INK, _PALE_INK, _PALE_BAR, _TRACK = "#FFFFFF", "#C4C8D0", "#A6AEBC", "#FFFFFF30"
_PAPER = (16, 18, 24, 205)
_SMOOTH = 4  # shapes are drawn this much larger and scaled down, for smooth edges
_FROM_RIGHT = ("ar", "he")
_CLEAR = 0.5  # a smoothed emotion this probable is shown where a single frame was unsure


@dataclass(frozen=True, slots=True)
class _Label:
    """The words beside a face, in the letters and the size in which they are drawn."""

    text: str
    letters: Font
    size: Size


def annotate(
    image: NDArray[np.uint8],
    result: ImageResult | FrameResult,
    *,
    labels: bool = True,
    bars: bool = True,
    landmarks: bool = False,
    lang: str = "en",
    font: str | os.PathLike[str] | None = None,
) -> Image.Image:
    """Draw every face's box, its emotion and, where there is room, its probabilities.

    Labels and bars cover no face. Where a face leaves no room for its label, a strip is added above
    the picture; in a crowd without any room, the colour of the box alone tells the emotion.

    Args:
        image: The picture that was analysed, (H, W, 3) uint8 RGB, as `mien.read_image` gives it.
        result: Its result. A frame of a video or a camera keeps its size, and its faces show their
            smoothed emotion; `labels`, `bars` and `landmarks` are for photos.
        labels: Write each face's emotion, or why none is named.
        bars: Draw each face's probabilities as bars.
        landmarks: Mark eyes, nose tip and corners of the mouth with dots.
        lang: The language of the words, as in `mien.words`.
        font: A font file for the words; None finds one that has the letters of the class names.

    Returns:
        A new RGB image; enlarged, if the picture's longer side is under `MIN_SIDE_PX`, and with
        a strip added to the right if a single face leaves no room for its probabilities.

    Raises:
        ConfigError: There are no words in that language, no font has the letters, or this Pillow
            cannot write from right to left.
    """
    if isinstance(result, FrameResult):
        return annotate_frame(image, result.faces, font=font)

    if lang in _FROM_RIGHT and not features.check("raqm"):
        raise ConfigError(
            f"this Pillow cannot write {lang!r} from right to left; install one with libraqm"
        )
    picture, scale = _enlarge(image, result)
    boxes = [_scaled(face, scale) for face in result.faces]
    words = []
    if labels:
        pairs = zip(result.faces, boxes, strict=True)
        words = [_make_label(picture, face, box, font, lang) for face, box in pairs]

    top = 0
    places = _place_labels(picture, words, boxes)
    if None in places:
        top = max(label.size[1] for label in words) + 4 * _line(picture)
        picture = _add_strip(picture, (0, top))
        boxes = [(left, up + top, right, down + top) for left, up, right, down in boxes]
        places = _place_labels(picture, words, boxes)

    _draw_faces(picture, result.faces, boxes, words, places)
    if landmarks:
        _draw_landmarks(picture, result.faces, scale, top)
    if bars:
        taken = [*boxes, *_occupied(words, places)]
        picture = _draw_panels(picture, result.faces, boxes, taken, font=font, lang=lang)
    return picture


def annotate_frame(
    image: NDArray[np.uint8],
    faces: Sequence[FaceResult],
    *,
    font: str | os.PathLike[str] | None = None,
) -> Image.Image:
    """Draw every face's box, its track number and its smoothed emotion into a frame of a video.

    A label covers its own face, at the top, only where the frame has no other room near it.

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
    pairs = list(zip(settled, boxes, strict=True))
    words = [_make_label(picture, face, box, font) for face, box in pairs]
    places = [
        (max(0, round(box[0])), max(0, round(box[1]))) if place is None else place
        for box, place in zip(boxes, _place_labels(picture, words, boxes), strict=True)
    ]
    _draw_faces(picture, settled, boxes, words, places)
    return picture


def _enlarge(image: NDArray[np.uint8], result: ImageResult) -> tuple[Image.Image, float]:
    """Return a copy that is large enough for words, and how many of its pixels a result's are."""
    picture = Image.fromarray(np.ascontiguousarray(image))
    scale = max(1.0, MIN_SIDE_PX / max(picture.size))
    if scale > 1:
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        picture = picture.resize(size, Image.Resampling.BICUBIC)
    scale *= image.shape[1] / result.width  # a large photo may have been decoded smaller
    return picture.convert("RGB"), scale


def _settle(face: FaceResult) -> FaceResult:
    """Return a face with its smoothed emotion, which does not flicker."""
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
        box.right * scale,
        box.bottom * scale,
    )


def color_of(face: FaceResult) -> str:
    """Return the colour of a face's emotion; class names of your own take the colours in turn."""
    return color_for(face.emotion, tuple(face.probabilities or ()))


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


def _make_label(
    picture: Image.Image,
    face: FaceResult,
    box: Rectangle,
    font: str | os.PathLike[str] | None,
    lang: str = "en",
) -> _Label:
    """Return the text for an emotion, or the reason for none, and its size."""
    text = translate(face.reason or "", lang)
    if face.emotion is not None and face.probabilities is not None:
        text = f"{translate(face.emotion, lang)}  {face.probabilities[face.emotion]:.0%}"
    if face.track_id is not None:
        text = f"{face.track_id}: {text}"
    letters = _font(picture, box, text, font)
    pad = round(_em(letters) * 0.4)
    size = round(letters.getlength(text)) + 2 * pad, round(_em(letters) * 1.5)
    return _Label(text, letters, size)


def _place_labels(
    picture: Image.Image, words: Sequence[_Label], boxes: Sequence[Rectangle]
) -> list[Size | None]:
    """Choose every label's place in turn; None for those without room."""
    places: list[Size | None] = []
    for label, box in zip(words, boxes, strict=bool(words)):
        taken = [*boxes, *_occupied(words, places)]
        places.append(place_label(picture.size, label.size, box, taken, _line(picture)))
    return places


def _occupied(words: Sequence[_Label], places: Sequence[Size | None]) -> list[Rectangle]:
    """Return the rectangles of the labels that have a place."""
    return [
        (*place, place[0] + label.size[0], place[1] + label.size[1])
        for label, place in zip(words, places, strict=False)  # labels are placed one by one
        if place is not None
    ]


def _draw_faces(
    picture: Image.Image,
    faces: Sequence[FaceResult],
    boxes: Sequence[Rectangle],
    words: Sequence[_Label],
    places: Sequence[Size | None],
) -> None:
    """Draw every face's box, and then the labels."""
    for face, box in zip(faces, boxes, strict=True):
        _draw_frame(picture, box, color_of(face), _line(picture))
    for face, label, place in zip(faces, words, places, strict=bool(words)):
        if place is not None:
            _draw_label(picture, label, place, color_of(face))


def _draw_label(picture: Image.Image, label: _Label, place: Size, color: str) -> None:
    width, height = label.size
    _paste(picture, _rounded((width, height), height * 0.25), place, color)
    middle = (place[0] + width / 2, place[1] + height / 2)
    pen = ImageDraw.Draw(picture)
    pen.text(middle, label.text, fill=_ink_on(color), font=label.letters, anchor="mm")


def _draw_landmarks(
    picture: Image.Image, faces: Sequence[FaceResult], scale: float, top: int
) -> None:
    """Draw a dot at every landmark, dark around light, seen on any skin."""
    radius = max(2.0, _line(picture) / 2)
    pen = ImageDraw.Draw(picture)
    for face in faces:
        for x, y in face.landmarks:
            at = x * scale, y * scale + top
            pen.circle(at, radius + 1, fill="#101218")
            pen.circle(at, radius, fill=color_of(face))


def _draw_panels(
    picture: Image.Image,
    faces: Sequence[FaceResult],
    boxes: Sequence[Rectangle],
    taken: Sequence[Rectangle],
    *,
    font: str | os.PathLike[str] | None,
    lang: str,
) -> Image.Image:
    """Draw each face's probabilities where there is room; a lone face gets a strip."""
    occupied = list(taken)
    for face, box in zip(faces, boxes, strict=True):
        if face.probabilities is None:
            continue
        shown = {translate(name, lang): value for name, value in face.probabilities.items()}
        letters = _font(picture, box, "".join(shown), font)
        size = _panel_size(shown, letters)
        gap = 3 * _line(picture)
        place = place_panel(picture.size, size, box, occupied, gap)
        if place is None and len(faces) == 1:  # the face fills its picture
            place = picture.width + gap, gap
            picture = _add_strip(picture, (size[0] + 2 * gap, 0), size[1] + 2 * gap)
        if place is not None:
            _draw_panel(picture, shown, color_of(face), letters, place)
            occupied.append((*place, place[0] + size[0], place[1] + size[1]))
    return picture


def _panel_size(probabilities: Mapping[str, float], font: Font) -> tuple[int, int]:
    """Measure a panel: the names, a bar of 5 em and a number, with spaces of 0.7 em."""
    em = _em(font)
    names = max(font.getlength(name) for name in probabilities)
    width = names + 5 * em + font.getlength("100%") + 2.8 * em
    return round(width), round(1.45 * em * len(probabilities) + 0.85 * em)


def _draw_panel(
    picture: Image.Image, probabilities: Mapping[str, float], color: str, font: Font, place: Size
) -> None:
    """Draw one bar for each emotion, as long as it is probable; the longest in the colour."""
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
            _paste(picture, bar, spot, color if name == top_name else _PALE_BAR)


def _add_strip(picture: Image.Image, size: Size, least_height: int = 0) -> Image.Image:
    """Add dark strips to the right of a picture and above it."""
    height = max(picture.height + size[1], least_height)
    larger = Image.new("RGB", (picture.width + size[0], height), _PAPER[:3])
    larger.paste(picture, (0, size[1]))
    return larger


def _rounded(size: tuple[int, int], radius: float, line: int | None = None) -> Image.Image:
    """Draw the mask of a rounded rectangle, filled or as an outline."""
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
