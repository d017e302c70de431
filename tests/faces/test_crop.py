"""Crops follow their definition to the last level; crops.json is what other programs must match."""

import base64
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import mien
from mien.faces.crop import MIN_FACE_PX, crop_face, is_too_small, quarter_turns, to_grey
from mien.faces.face import Box, Face
from mien.model.recognizer import to_input
from mien.model.spec import CROP_MARGIN, CROP_SHIFT_Y

ROOT = Path(__file__).parents[2]
GOLDEN = json.loads((ROOT / "tests" / "golden" / "crops.json").read_text())
UPRIGHT = ((3.0, 3.0), (7.0, 3.0), (5.0, 5.0), (3.0, 7.0), (7.0, 7.0))


def face_at(x: float, y: float, width: float, height: float, landmarks: tuple = ()) -> Face:
    return Face(box=Box(x, y, width, height), landmarks=landmarks, score=0.9)


def crop_slowly(grey: np.ndarray, face: Face, margin: float, shift_y: float, size: int) -> list:
    """The definition in docs/crop.md for an upright face, window by window."""
    box = face.box
    longer = max(box.width, box.height)
    step = longer * (1 + 2 * margin) / size
    window = max(step, 1.0)

    def weigh(centre: float, length: int) -> dict[int, float]:
        low, high = centre - window / 2, centre + window / 2
        weights: dict[int, float] = {}
        for pixel in range(math.floor(low), math.ceil(high)):
            part = max(0.0, min(high, pixel + 1) - max(low, pixel)) / window
            inside = min(max(pixel, 0), length - 1)
            weights[inside] = weights.get(inside, 0.0) + part
        return weights

    def steps(middle: float, length: int) -> list[dict[int, float]]:
        return [weigh(middle + (i + 0.5 - size / 2) * step, length) for i in range(size)]

    across = steps(box.x + box.width / 2, grey.shape[1])
    down = steps(box.y + box.height / 2 + shift_y * longer, grey.shape[0])
    return [
        [
            math.floor(
                sum(wy * wx * int(grey[y, x]) for y, wy in rows.items() for x, wx in cells.items())
                + 0.5
                + 1e-6
            )
            for cells in across
        ]
        for rows in down
    ]


@pytest.mark.parametrize("case", GOLDEN["crops"], ids=lambda case: case["name"])
def test_golden_crops(case: dict) -> None:
    shape = (GOLDEN["height"], GOLDEN["width"], 3)
    image = np.frombuffer(base64.b64decode(GOLDEN["rgb_base64"]), np.uint8).reshape(shape)
    landmarks = tuple((x, y) for x, y in case["landmarks"])
    face = Face(box=Box(**case["box"]), landmarks=landmarks, score=0.9)
    crop = crop_face(image, face, margin=case["margin"], shift_y=case["shift_y"], size=case["size"])
    wanted = np.frombuffer(base64.b64decode(case["grey_base64"]), np.uint8)
    assert np.array_equal(crop.ravel(), wanted)


@settings(max_examples=40, deadline=None)
@given(
    place=st.tuples(st.floats(-40, 60), st.floats(-40, 60)),
    extent=st.tuples(st.floats(0.5, 90), st.floats(0.5, 90)),
    margin=st.floats(-0.3, 1),
    shift_y=st.floats(-0.3, 0.3),
    size=st.integers(8, 16),
    seed=st.integers(0, 99),
)
def test_crops_follow_the_definition(
    place: tuple, extent: tuple, margin: float, shift_y: float, size: int, seed: int
) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (21, 34, 3), dtype=np.uint8)
    face = face_at(*place, *extent, UPRIGHT)
    crop = crop_face(image, face, margin=margin, shift_y=shift_y, size=size)
    wanted = crop_slowly(to_grey(image), face, margin, shift_y, size)
    assert np.array_equal(crop, wanted)


@pytest.mark.parametrize("place", [(100, 60, 220, 260), (-80, -40, 300, 300), (400, 400, 30, 20)])
def test_a_pillow_image_gives_the_same_crop_as_its_array(
    place: tuple, portrait: np.ndarray
) -> None:
    face = face_at(*place, UPRIGHT)
    from_array = crop_face(portrait, face, margin=0.1)
    assert np.array_equal(crop_face(Image.fromarray(portrait), face, margin=0.1), from_array)


def test_a_crop_of_the_right_size_is_the_picture_itself() -> None:
    grey = np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8)
    image = np.repeat(grey[:, :, np.newaxis], 3, axis=2)
    assert np.array_equal(crop_face(image, face_at(0, 0, 48, 48), margin=0), grey)


def test_outside_the_picture_its_edge_is_repeated() -> None:
    image = np.zeros((10, 10, 3), np.uint8)
    image[:, 9] = 200
    assert (crop_face(image, face_at(30, 0, 10, 10), margin=0) == 200).all()
    assert (crop_face(image, face_at(-30, 0, 10, 10), margin=0) == 0).all()


def test_grey_is_luma_in_whole_numbers() -> None:
    image = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    red, green, blue = (image[:, :, i].astype(int) for i in range(3))
    wanted = (19595 * red + 38470 * green + 7471 * blue + 32768) // 65536
    assert np.array_equal(to_grey(image), wanted)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_face_gives_the_same_crop(turns: int, portrait: np.ndarray) -> None:
    (face,) = mien.detect_faces(portrait)
    height, width = portrait.shape[:2]
    to_turned = {
        1: lambda x, y: (y, width - x),
        2: lambda x, y: (width - x, height - y),
        3: lambda x, y: (height - y, x),
    }[turns]
    box = face.box
    ends = [to_turned(box.x, box.y), to_turned(box.x + box.width, box.y + box.height)]
    (left, top), (right, bottom) = np.min(ends, axis=0), np.max(ends, axis=0)
    landmarks = tuple(to_turned(x, y) for x, y in face.landmarks)
    turned = face_at(left, top, right - left, bottom - top, landmarks)
    assert quarter_turns(face) == 0
    assert quarter_turns(turned) == (4 - turns) % 4
    options = {"margin": 0.1, "shift_y": -0.1}
    crop = crop_face(np.rot90(portrait, turns), turned, **options)
    off = np.abs(crop.astype(int) - crop_face(portrait, face, **options))
    assert off.max() <= 1  # a tie in one direction is none in the other


@pytest.mark.parametrize(
    ("image", "face", "margin"),
    [
        (np.zeros((9, 9), np.uint8), face_at(0, 0, 5, 5), 0.0),
        (np.zeros((9, 9, 3)), face_at(0, 0, 5, 5), 0.0),
        (np.zeros((0, 9, 3), np.uint8), face_at(0, 0, 5, 5), 0.0),
        (np.zeros((9, 9, 3), np.uint8), face_at(0, 0, 0, 0), 0.0),
        (np.zeros((9, 9, 3), np.uint8), face_at(0, 0, 5, 5), -0.5),
        (np.zeros((9, 9, 3), np.uint8), face_at(math.nan, 0, 5, 5), 0.0),
        (np.zeros((9, 9, 3), np.uint8), face_at(0, 0, math.inf, 5), 0.0),
    ],
)
def test_what_cannot_be_cropped(image: np.ndarray, face: Face, margin: float) -> None:
    with pytest.raises(mien.InputError):
        crop_face(image, face, margin=margin)


def test_too_small_goes_by_the_shorter_side() -> None:
    assert is_too_small(face_at(0, 0, MIN_FACE_PX - 0.1, 80))
    assert not is_too_small(face_at(0, 0, MIN_FACE_PX, MIN_FACE_PX))


def test_input_is_between_0_and_1() -> None:
    crops = np.array([0, 51, 255], np.uint8).reshape(3, 1, 1)
    given_to_model = to_input(crops)
    assert given_to_model.shape == (3, 1, 1, 1)
    assert given_to_model.dtype == np.float32
    assert given_to_model.ravel().tolist() == [0.0, np.float32(0.2), 1.0]


def test_the_margin_in_use_is_the_measured_one() -> None:
    measured = json.loads((ROOT / "benchmarks" / "crop_margin.json").read_text())
    assert (measured["crop_margin"], measured["crop_shift_y"]) == (CROP_MARGIN, CROP_SHIFT_Y)
