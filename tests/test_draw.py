"""Annotations show every face, on pictures of every size, and leave the picture itself alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mien
from mien.draw import MIN_SIDE_PX, annotate_frame
from mien.drawing.fonts import _find_font, load_font
from mien.drawing.palette import PALETTE, UNDECIDED
from mien.drawing.placement import Rectangle, place_label
from mien.faces.face import Box, Face
from mien.results import FaceResult, FrameResult, ImageResult


def face_result(
    box: tuple[float, float, float, float], emotion: str | None = "happy", reason: str | None = None
) -> FaceResult:
    face = Face(box=Box(*box), landmarks=(), score=0.9)
    if reason == "too_small":
        return FaceResult.unread(face, "too_small")
    probabilities = dict.fromkeys(mien.EMOTIONS, 0.05)
    probabilities[emotion or "sad"] = 0.7
    return FaceResult.read(face, probabilities, threshold=0.9 if reason == "uncertain" else None)


def count_drawn(picture: np.ndarray) -> int:
    return int(picture.any(axis=2).sum())


def annotated(image: np.ndarray, *faces: FaceResult) -> np.ndarray:
    result = ImageResult("x", image.shape[1], image.shape[0], faces)
    picture = mien.annotate(image, result)
    assert picture.mode == "RGB"
    return np.asarray(picture)


def count(picture: np.ndarray, color: str) -> int:
    wanted = tuple(bytes.fromhex(color[1:]))
    return int((picture == wanted).all(axis=2).sum())


@pytest.mark.parametrize("emotion", mien.EMOTIONS)
def test_each_emotion_has_its_colour(emotion: str) -> None:
    grey = np.full((800, 900, 3), 70, np.uint8)
    picture = annotated(grey, face_result((300, 250, 150, 180), emotion))
    counts = [count(picture, color) for color in PALETTE]
    assert np.argmax(counts) == mien.EMOTIONS.index(emotion)
    assert max(counts) > 2000


@pytest.mark.parametrize(
    "image", ["photo.jpg", Path("photo.jpg"), b"", np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3))]
)
def test_what_is_no_picture_is_refused(image: object) -> None:
    result = ImageResult("photo.jpg", 9, 9, ())
    with pytest.raises(mien.InputError, match=r"must be (an array )?\(H, W, 3\) uint8 RGB, got"):
        mien.annotate(image, result)  # type: ignore[arg-type]
    with pytest.raises(mien.InputError, match="read it with mien"):
        annotate_frame(image, ())  # type: ignore[arg-type]


def test_the_box_is_drawn_around_the_face() -> None:
    grey = np.full((800, 900, 3), 70, np.uint8)
    changed = (annotated(grey, face_result((300, 250, 150, 180))) != 70).any(axis=2)
    assert changed[250:430, 296:300].mean() > 0.5
    assert changed[250:430, 450:454].mean() > 0.5
    assert not changed[256:424, 306:444].any()  # the face itself stays as it was


def test_a_frame_is_drawn_as_in_an_annotated_video() -> None:
    image, face = np.zeros((400, 400, 3), np.uint8), face_result((50, 120, 200, 200))
    frame = FrameResult("clip.mp4", 0.2, 5, (face,))
    drawn = np.asarray(mien.annotate(image, frame))
    assert drawn.shape == image.shape
    assert np.array_equal(drawn, annotate_frame(image, [face]))
    assert drawn.any()


def test_frames_show_the_number_of_each_track() -> None:
    image, face = np.zeros((400, 400, 3), np.uint8), face_result((50, 120, 200, 200))
    first, second = (replace(face, track_id=number) for number in (1, 2))
    plain, one, two = (
        np.asarray(annotate_frame(image, [shown])) for shown in (face, first, second)
    )
    label = np.s_[:119]  # above the box
    assert count_drawn(plain[label]) < count_drawn(one[label])
    assert not np.array_equal(one[label], two[label])
    assert np.array_equal(one[130:], two[130:])


def test_the_picture_that_was_given_stays_as_it_was() -> None:
    image = np.full((800, 900, 3), 70, np.uint8)
    image.setflags(write=False)
    annotated(image, face_result((300, 250, 150, 180)))
    assert (image == 70).all()


def test_without_faces_nothing_is_drawn() -> None:
    image = np.random.default_rng(0).integers(0, 256, (MIN_SIDE_PX, 500, 3), dtype=np.uint8)
    assert np.array_equal(annotated(image), image)


@pytest.mark.parametrize("reason", ["too_small", "uncertain"])
def test_a_reason_is_drawn_in_grey(reason: str) -> None:
    grey = np.full((800, 900, 3), 70, np.uint8)
    picture = annotated(grey, face_result((300, 250, 150, 180), None, reason))
    assert max(count(picture, color) for color in PALETTE) < count(picture, UNDECIDED)


@pytest.mark.parametrize(
    "size",
    [(1, 1), (48, 48), (30, 900), (2000, 40), pytest.param((4000, 3000), marks=pytest.mark.slow)],
)
def test_pictures_of_every_size(size: tuple[int, int]) -> None:
    image = np.full((size[1], size[0], 3), 70, np.uint8)
    width, height = size[0] * 0.8, size[1] * 0.8
    picture = annotated(image, face_result((size[0] * 0.1, size[1] * 0.1, width, height)))
    assert max(picture.shape) >= MIN_SIDE_PX
    assert (picture != 70).any()


def test_faces_past_the_edge_and_faces_without_extent() -> None:
    grey = np.full((600, 900, 3), 70, np.uint8)
    boxes = [(-80, -90, 200, 210), (850, 550, 120, 120), (400, 300, 0.4, 0.2), (500, 20, 9, 9)]
    assert annotated(grey, *(face_result(box) for box in boxes)).shape == (600, 900, 3)


def test_a_lone_face_that_fills_its_picture_gets_a_strip() -> None:
    image = np.full((800, 800, 3), 70, np.uint8)
    picture = annotated(image, face_result((20, 20, 760, 760)))
    assert 800 < picture.shape[0] < 900  # the label is above it
    assert 1000 < picture.shape[1] < 1400


def test_panels_never_cover_another_face() -> None:
    grey = np.full((700, 1000, 3), 70, np.uint8)
    boxes = [(100 + 180 * i, 250, 110, 130) for i in range(5)]
    picture = annotated(grey, *(face_result(box) for box in boxes))
    for x, y, width, height in boxes:
        assert (picture[y + 8 : y + height - 8, x + 8 : x + width - 8] == 70).all()


def test_labels_of_ones_own() -> None:
    face = Face(box=Box(100, 100, 200, 200), landmarks=(), score=0.9)
    named = FaceResult.read(face, {"calm": 0.9, "a very long name indeed": 0.1}, threshold=None)
    assert (annotated(np.full((800, 900, 3), 70, np.uint8), named) != 70).any()


def test_the_portrait(analyzer: mien.Analyzer, portrait: np.ndarray) -> None:
    picture = mien.annotate(portrait, analyzer.analyze(portrait))
    assert isinstance(picture, Image.Image)
    assert picture.size == (MIN_SIDE_PX, MIN_SIDE_PX)


def named_result(names: tuple[str, ...], box: tuple[float, float, float, float]) -> FaceResult:
    found = Face(box=Box(*box), landmarks=(), score=0.9)
    probabilities = {names[0]: 0.7} | dict.fromkeys(names[1:], 0.3 / (len(names) - 1))
    return FaceResult.read(found, probabilities, threshold=None)


def test_letters_beyond_ascii_are_drawn_and_not_boxes() -> None:
    try:
        font = load_font(20, "légère, радость")
    except mien.ConfigError:
        pytest.skip("this system has no font with these letters")
    missing = bytes(font.getmask("\uffff"))
    assert all(bytes(font.getmask(letter)) != missing for letter in "légèрадость")
    image = np.full((600, 900, 3), 70, np.uint8)
    annotated(image, named_result(("légère", "радость"), (200, 200, 200, 200)))


def test_letters_that_no_font_has_get_one_sentence() -> None:
    with pytest.raises(mien.ConfigError, match="no font was found that has the letters"):
        _find_font("\U0001fbff\U000d0000", None)  # unassigned, both


def test_a_font_that_is_none_gets_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "own.ttf"
    path.write_bytes(b"no font")
    image = np.full((600, 900, 3), 70, np.uint8)
    result = ImageResult("x", 900, 600, (face_result((300, 200, 150, 180)),))
    with pytest.raises(mien.ConfigError, match=r"own\.ttf cannot be read as a font"):
        mien.annotate(image, result, font=path)


def cover(one: Rectangle, other: Rectangle) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def test_labels_cover_neither_faces_nor_each_other() -> None:
    rows = [(x, y, 90.0, 90.0) for y in (60.0, 190.0, 320.0) for x in (100.0, 260.0, 420.0, 580.0)]
    taken = [(x, y, x + w, y + h) for x, y, w, h in rows]
    for box in list(taken):
        left, top = place_label((1280, 960), (110, 34), box, taken, 3)
        place = (left, top, left + 110, top + 34)
        assert not any(cover(place, other) for other in taken)
        assert 0 <= left <= 1280 - 110
        assert 0 <= top <= 960 - 34
        taken.append(place)


def test_a_label_takes_the_nearest_free_place() -> None:
    box = (300.0, 300.0, 400.0, 400.0)
    everywhere_beside = [(250.0, 250.0, 450.0, 450.0)]
    left, top = place_label((800, 800), (60, 20), box, [box, *everywhere_beside], 3)
    place = (left, top, left + 60, top + 20)
    assert not cover(place, everywhere_beside[0])
    assert max(abs(left + 30 - 350), abs(top + 10 - 350)) < 150
    assert place_label((100, 100), (60, 20), (0, 0, 100, 100), [(0, 0, 100, 100)], 3) is None


@pytest.mark.parametrize(
    "boxes",
    [
        [(0, 0, 720, 700)],
        [(0, 0, 360, 720), (361, 0, 359, 720)],
        [(x, y, 118, 118) for y in range(0, 720, 120) for x in range(0, 720, 120)],
    ],
)
def test_no_label_covers_a_face_not_even_its_own(boxes: list[tuple[int, int, int, int]]) -> None:
    grey = np.full((720, 720, 3), 70, np.uint8)
    faces = [face_result(box) for box in boxes]
    result = ImageResult("x", 720, 720, tuple(faces))
    picture = np.asarray(mien.annotate(grey, result, bars=False))
    top = picture.shape[0] - 720
    for x, y, width, height in boxes:
        inside = picture[y + top + 8 : y + top + height - 8, x + 8 : x + width - 8]
        corner = round(0.1 * min(width, height))  # the frame's corners are round
        assert (inside[corner:-corner] == 70).all()
        assert (inside[:, corner:-corner] == 70).all()
    assert top > 0  # the labels of the uppermost faces


def test_what_is_drawn_can_be_chosen() -> None:
    grey = np.full((800, 900, 3), 70, np.uint8)
    face = Face(box=Box(300, 250, 150, 180), landmarks=((340, 310), (410, 310)), score=0.9)
    read = FaceResult.read(face, {"happy": 0.9, "sad": 0.1}, threshold=None)
    result = ImageResult("x", 900, 800, (read,))

    bare = np.asarray(mien.annotate(grey, result, labels=False, bars=False))
    changed = (bare != 70).any(axis=2)
    assert not changed[:240].any()
    assert not changed[:, 470:].any()
    assert not changed[258:422, 308:442].any()

    dotted = np.asarray(mien.annotate(grey, result, labels=False, bars=False, landmarks=True))
    for x, y in face.landmarks:
        assert tuple(dotted[y, x]) == tuple(bytes.fromhex(PALETTE[3][1:]))
    labelled = np.asarray(mien.annotate(grey, result, bars=False))
    assert (labelled[:240] != 70).any()
