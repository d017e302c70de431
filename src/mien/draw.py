"""Draw faces, expressions and probabilities into a copy of a picture."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mien.drawing.fonts import Font, draw_percent, load_font, open_drawable
from mien.drawing.palette import color_for
from mien.drawing.panel import draw_panel, panel_size
from mien.drawing.placement import Rectangle, Size, place_label, place_panel
from mien.drawing.shapes import DARK_INK, add_strip, em_px, ink_on, paste, rounded
from mien.errors import InputError
from mien.results import FaceResult, FrameResult, ImageResult
from mien.words import Language

MIN_SIDE_PX: Final = 720
"""Minimum longer side of an annotated picture, in pixels; smaller pictures are enlarged."""
MIN_FONT_PX: Final = 12
"""Minimum size of letters, in pixels, even on small video frames, which are not enlarged."""

_CLEAR = 0.5  # minimum smoothed probability to show an emotion where the frame itself is uncertain


@dataclass(frozen=True, slots=True)
class _Label:
    """The text next to a face, with its font and size."""

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
    """Draw each face's box, its emotion and, where space allows, its probabilities.

    Labels and bars cover no face. If a face leaves no space for its label, a strip is added above
    the picture; in a dense crowd, only the colour of the box shows the emotion.

    Args:
        image: The analysed picture, (H, W, 3) uint8 RGB, as returned by `mien.read_image`.
        result: Its result. A frame of a video or a camera keeps its size, and its faces show their
            smoothed emotion; `labels`, `bars` and `landmarks` are for photos.
        labels: Write each face's emotion, or why none is named.
        bars: Draw each face's probabilities as bars.
        landmarks: Mark eyes, nose tip and corners of the mouth with dots.
        lang: Language of the text, one of `mien.words.LANGUAGES`.
        font: A font file for the text; None searches for one that has the letters of the class
            names.

    Returns:
        A new RGB image, enlarged if the picture's longer side is under `MIN_SIDE_PX`, and with a
        strip added to the right if a single face leaves no space for its probabilities.

    Raises:
        InputError: The picture is not such an array.
        ConfigError: The language is not supported, no font has the letters, or this Pillow cannot
            write from right to left.
    """
    _check_picture(image)
    if isinstance(result, FrameResult):
        return annotate_frame(image, result.faces, lang=lang, font=font)

    language = open_drawable(lang)
    picture, scale = _enlarge(image, result)
    boxes = [_scaled(face, scale) for face in result.faces]
    words = []
    if labels:
        pairs = zip(result.faces, boxes, strict=True)
        words = [_make_label(picture, face, box, font, language) for face, box in pairs]

    top = 0
    places = _place_labels(picture, words, boxes)
    if None in places:
        top = max(label.size[1] for label in words) + 4 * _line(picture)
        picture = add_strip(picture, (0, top))
        boxes = [(left, up + top, right, down + top) for left, up, right, down in boxes]
        places = _place_labels(picture, words, boxes)

    _draw_faces(picture, result.faces, boxes, words, places)
    if landmarks:
        _draw_landmarks(picture, result.faces, scale, top)
    if bars:
        taken = [*boxes, *_occupied(words, places)]
        picture = _draw_panels(picture, result.faces, boxes, taken, font=font, language=language)
    return picture


def annotate_frame(
    image: NDArray[np.uint8],
    faces: Sequence[FaceResult],
    *,
    lang: str = "en",
    font: str | os.PathLike[str] | None = None,
) -> Image.Image:
    """Draw each face's box, track number and smoothed emotion into a video frame.

    A label covers its own face, at the top, only if there is no other space near it.

    Args:
        image: (H, W, 3) uint8 RGB.
        faces: The frame's faces.
        lang: Language of the text, one of `mien.words.LANGUAGES`.
        font: A font file for the text; None searches for one.

    Returns:
        A new RGB image of the same size.

    Raises:
        InputError: The picture is not such an array.
        ConfigError: The language is not supported, no font has the letters, or this Pillow cannot
            write from right to left.
    """
    _check_picture(image)
    language = open_drawable(lang)
    picture = Image.fromarray(image)
    settled = [_settle(face) for face in faces]
    boxes = [_scaled(face, 1.0) for face in settled]
    pairs = list(zip(settled, boxes, strict=True))
    words = [_make_label(picture, face, box, font, language) for face, box in pairs]
    places = [
        (max(0, round(box[0])), max(0, round(box[1]))) if place is None else place
        for box, place in zip(boxes, _place_labels(picture, words, boxes), strict=True)
    ]
    _draw_faces(picture, settled, boxes, words, places)
    return picture


def _enlarge(image: NDArray[np.uint8], result: ImageResult) -> tuple[Image.Image, float]:
    """Return a copy large enough for text, and the number of its pixels per pixel of the result."""
    picture = Image.fromarray(np.ascontiguousarray(image))
    scale = max(1.0, MIN_SIDE_PX / max(picture.size))
    if scale > 1:
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        picture = picture.resize(size, Image.Resampling.BICUBIC)
    scale *= image.shape[1] / result.width  # a large photo may have been decoded at a smaller size
    return picture.convert("RGB"), scale


def _check_picture(image: object) -> None:
    """Refuse what is not (H, W, 3) uint8."""
    if not isinstance(image, np.ndarray):
        raise InputError(
            f"the picture to draw on must be an array (H, W, 3) uint8 RGB, got "
            f"{type(image).__name__}; read it with mien.read_image"
        )
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise InputError(
            f"the picture to draw on must be (H, W, 3) uint8 RGB, got {image.shape} {image.dtype}; "
            "read it with mien.read_image"
        )


def _settle(face: FaceResult) -> FaceResult:
    """Return a face with its smoothed emotion, which does not flicker."""
    if face.smoothed is None:
        return face
    emotion = max(face.smoothed, key=lambda name: (face.smoothed or {})[name])
    if face.emotion is None and face.smoothed[emotion] < _CLEAR:
        return face
    return replace(face, probabilities=face.smoothed, emotion=emotion, reason=None, certainty=None)


def _scaled(face: FaceResult, scale: float) -> Rectangle:
    box = face.box
    return (
        box.x * scale,
        box.y * scale,
        box.right * scale,
        box.bottom * scale,
    )


def color_of(face: FaceResult) -> str:
    """Return the colour of a face's emotion; other class names get the colours in order."""
    return color_for(face.emotion, tuple(face.probabilities or ()))


def _line(picture: Image.Image) -> int:
    """Choose a line width, in pixels, that is visible on this picture."""
    return max(3, round(max(picture.size) / 240))


def _font(
    picture: Image.Image, box: Rectangle, words: str, font: str | os.PathLike[str] | None
) -> Font:
    """Choose a font size that fits the face, within the readable range for this picture."""
    longer = max(picture.size)
    wanted = (box[3] - box[1]) * 0.13
    fitting = min(max(wanted, longer / 48), longer / 28)
    return load_font(round(max(fitting, MIN_FONT_PX)), words, font=font)


def _draw_frame(picture: Image.Image, box: Rectangle, color: str, line: int) -> None:
    """Draw a face's box: a coloured line between two dark ones, visible on any background."""
    width, height = round(box[2] - box[0]), round(box[3] - box[1])
    radius = min(width, height) * 0.08
    for inset, thickness, paint in ((0, line + 2, "#101218B0"), (1, line, color)):
        size = width + 2 * line - 2 * inset, height + 2 * line - 2 * inset
        if min(size) > 2 * thickness:
            place = round(box[0]) - line + inset, round(box[1]) - line + inset
            paste(picture, rounded(size, radius + line, thickness), place, paint)


def _make_label(
    picture: Image.Image,
    face: FaceResult,
    box: Rectangle,
    font: str | os.PathLike[str] | None,
    language: Language,
) -> _Label:
    """Return the text for an emotion, or the reason for none, and its size."""
    text = language.word(face.reason)
    if face.emotion is not None and face.probabilities is not None:
        share = draw_percent(face.probabilities[face.emotion], language)
        text = f"{language.word(face.emotion)}  {share}"
    if face.track_id is not None:
        text = f"{face.track_id}: {text}"
    letters = _font(picture, box, text, font)
    pad = round(em_px(letters) * 0.4)
    size = round(letters.getlength(text)) + 2 * pad, round(em_px(letters) * 1.5)
    return _Label(text, letters, size)


def _place_labels(
    picture: Image.Image, words: Sequence[_Label], boxes: Sequence[Rectangle]
) -> list[Size | None]:
    """Choose the position of every label in turn; None for those without space."""
    places: list[Size | None] = []
    for label, box in zip(words, boxes, strict=bool(words)):
        taken = [*boxes, *_occupied(words, places)]
        places.append(place_label(picture.size, label.size, box, taken, _line(picture)))
    return places


def _occupied(words: Sequence[_Label], places: Sequence[Size | None]) -> list[Rectangle]:
    """Return the rectangles of the labels that have a position."""
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
    """Draw the boxes of all faces, then the labels."""
    for face, box in zip(faces, boxes, strict=True):
        _draw_frame(picture, box, color_of(face), _line(picture))
    for face, label, place in zip(faces, words, places, strict=bool(words)):
        if place is not None:
            _draw_label(picture, label, place, color_of(face))


def _draw_label(picture: Image.Image, label: _Label, place: Size, color: str) -> None:
    width, height = label.size
    paste(picture, rounded((width, height), height * 0.25), place, color)
    middle = (place[0] + width / 2, place[1] + height / 2)
    pen = ImageDraw.Draw(picture)
    pen.text(middle, label.text, fill=ink_on(color), font=label.letters, anchor="mm")


def _draw_landmarks(
    picture: Image.Image, faces: Sequence[FaceResult], scale: float, top: int
) -> None:
    """Draw a dot on every landmark, dark around light, visible on any skin."""
    radius = max(2.0, _line(picture) / 2)
    pen = ImageDraw.Draw(picture)
    for face in faces:
        for x, y in face.landmarks:
            at = x * scale, y * scale + top
            pen.circle(at, radius + 1, fill=DARK_INK)
            pen.circle(at, radius, fill=color_of(face))


def _draw_panels(
    picture: Image.Image,
    faces: Sequence[FaceResult],
    boxes: Sequence[Rectangle],
    taken: Sequence[Rectangle],
    *,
    font: str | os.PathLike[str] | None,
    language: Language,
) -> Image.Image:
    """Draw each face's probabilities where space allows; a single face gets a strip."""
    occupied = list(taken)
    for face, box in zip(faces, boxes, strict=True):
        if face.probabilities is None:
            continue
        shown = {language.word(name): value for name, value in face.probabilities.items()}
        letters = _font(picture, box, "".join(shown), font)
        size = panel_size(shown, letters, language)
        gap = 3 * _line(picture)
        place = place_panel(picture.size, size, box, occupied, gap)
        if place is None and len(faces) == 1:  # the face fills the picture
            place = picture.width + gap, gap
            picture = add_strip(picture, (size[0] + 2 * gap, 0), size[1] + 2 * gap)
        if place is not None:
            draw_panel(picture, shown, color_of(face), letters, place=place, language=language)
            occupied.append((*place, place[0] + size[0], place[1] + size[1]))
    return picture
