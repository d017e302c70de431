"""Faces are found where they are, at every size and in every corner case."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

import mien
from mien.faces.detector import DETECTOR_PATH, _Scaled, _suppress
from mien.faces.turns import Rotated
from mien.faces.yunet import STRIDES, Candidates


@pytest.fixture(scope="module")
def detector() -> mien.FaceDetector:
    return mien.FaceDetector(threads=1)


def resized(image: np.ndarray, width: int, height: int) -> np.ndarray:
    return np.asarray(Image.fromarray(image).resize((width, height)))


def test_the_portrait_has_one_face(portrait: np.ndarray, portrait_path: Path) -> None:
    (face,) = mien.detect_faces(portrait_path)
    box = face.box
    assert 170 < box.x < 190
    assert 55 < box.y < 75
    assert 80 < box.width < 105
    assert 100 < box.height < 125
    assert 0.9 < face.score <= 1
    right_eye, left_eye, nose, right_mouth, left_mouth = face.landmarks
    assert right_eye[0] < nose[0] < left_eye[0]
    assert right_mouth[0] < nose[0] < left_mouth[0]
    assert right_eye[1] < nose[1] < right_mouth[1]
    assert all(isinstance(value, float) for point in face.landmarks for value in point)
    assert mien.detect_faces(portrait) == (face,)


@pytest.mark.parametrize("size", [(64, 64), (511, 333), (1600, 1600), (900, 700)])
def test_coordinates_are_the_sources(
    size: tuple[int, int], portrait: np.ndarray, detector: mien.FaceDetector
) -> None:
    (face,) = detector.detect(resized(portrait, *size))
    middle = (
        (face.box.x + face.box.width / 2) / size[0],
        (face.box.y + face.box.height / 2) / size[1],
    )
    assert middle == pytest.approx((0.437, 0.231), abs=0.02)


@pytest.mark.slow
def test_a_tight_crop_is_found_by_the_retry(
    portrait: np.ndarray, detector: mien.FaceDetector
) -> None:
    tight = resized(portrait[60:178, 166:284], 48, 48)
    (face,) = detector.detect(tight)
    assert face.box.width > 24
    assert len(detector.detect(resized(tight, 2000, 2000))) == 1


def test_the_largest_face_comes_first(portrait: np.ndarray, detector: mien.FaceDetector) -> None:
    group = np.zeros((512, 1024, 3), np.uint8)
    group[:256, :256] = resized(portrait, 256, 256)
    group[:, 512:] = portrait
    first, second = detector.detect(group)
    assert first.box.x > 512 > second.box.x
    assert first.box.width > 1.5 * second.box.width


def test_the_largest_faces_alone_can_be_kept(portrait: np.ndarray) -> None:
    group = np.zeros((512, 1024, 3), np.uint8)
    group[:256, :256] = resized(portrait, 256, 256)
    group[:, 512:] = portrait
    every = mien.detect_faces(group)
    large, small = every
    between = (large.box.shorter_side + small.box.shorter_side) / 2
    for options, kept in (
        ({"limit_faces": 1}, (large,)),
        ({"limit_faces": 5}, every),
        ({"min_face_px": between}, (large,)),
        ({"min_face_px": large.box.shorter_side + 1}, ()),
    ):
        assert mien.detect_faces(group, **options) == kept
        detector = mien.FaceDetector(**options)
        assert detector.detect_frame(group) == kept
        found = detector.detect_near(group, small.box)
        assert (found is None) == ("min_face_px" in options)


def test_the_smallest_face_is_measured_in_the_photo_as_it_was_given(
    portrait: np.ndarray,
) -> None:
    detector = mien.FaceDetector()
    (face,) = detector.detect(portrait)
    choosy = mien.FaceDetector(min_face_px=1.5 * face.box.shorter_side)
    assert choosy.search(portrait).faces == ()
    assert choosy.search(portrait, reduction=2).faces == (face,)  # decoded at half its size


@pytest.mark.parametrize("rotated", ["auto", "always"])
@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_picture_is_found(turns: int, rotated: Rotated, portrait: np.ndarray) -> None:
    turned = np.rot90(portrait, turns)
    (upright,) = mien.detect_faces(portrait)
    found_turned = mien.FaceDetector(rotated=rotated, threads=1).search(turned)
    assert found_turned.turned == 90 * turns  # `np.rot90` turns counterclockwise
    (face,) = found_turned.faces
    assert face.score == pytest.approx(upright.score)
    back = {1: lambda x, y: (512 - y, x), 2: lambda x, y: (512 - x, 512 - y)}
    back[3] = lambda x, y: (y, 512 - x)
    found = [back[turns](x, y) for x, y in face.landmarks]
    assert np.allclose(found, upright.landmarks)


@pytest.mark.slow
def test_a_face_that_fills_its_picture_is_turned_by_its_scores_at_a_smaller_size(
    portrait: np.ndarray, detector: mien.FaceDetector
) -> None:
    (found,) = mien.detect_faces(portrait)
    box = found.box
    left, top = round(box.x), round(box.y)
    tight = portrait[top : top + round(box.height), left : left + round(box.width)]
    for turns in range(4):
        assert detector.search(np.rot90(tight, turns)).turned == 90 * turns


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_other_turns_are_not_searched_where_that_is_refused_or_in_videos(
    turns: int, portrait: np.ndarray
) -> None:
    turned = np.rot90(portrait, turns)
    never = mien.FaceDetector(rotated="never", threads=1)
    assert never.search(turned).turned == 0
    auto = mien.FaceDetector(threads=1)
    assert auto.detect_frame(turned) == never.detect(turned) != auto.detect(turned)


def test_a_sure_face_costs_one_look(portrait: np.ndarray) -> None:
    class Counting(mien.FaceDetector):
        looks = 0

        def _look(self, scaled: _Scaled, turns: int) -> tuple[mien.Face, ...]:
            self.looks += 1
            return super()._look(scaled, turns)

    detector = Counting(threads=1)
    assert len(detector.detect(portrait)) == detector.looks == 1
    detector.detect(np.rot90(portrait, 2))
    assert detector.looks == 1 + 4


def test_an_upright_face_that_fills_its_picture_costs_two_looks(portrait: np.ndarray) -> None:
    sizes = []

    class Listing(mien.FaceDetector):
        def _look(self, scaled: _Scaled, turns: int) -> tuple[mien.Face, ...]:
            sizes.append(max(scaled.image.size))
            return super()._look(scaled, turns)

    (face,) = mien.detect_faces(portrait)
    left, top, side = round(face.box.x), round(face.box.y), round(face.box.longer_side)
    detector = Listing(threads=1)
    found = detector.search(portrait[top : top + side, left - 10 : left - 10 + side])
    assert found.faces
    assert found.turned == 0
    assert sizes == [640, 224]


@pytest.mark.parametrize("is_tall", [False, True])
def test_the_faces_of_a_panorama_are_found(
    is_tall: bool, portrait: np.ndarray, detector: mien.FaceDetector
) -> None:
    panorama = np.full((512, 8000, 3), 128, np.uint8)
    panorama[:, 3000:3512] = portrait
    if is_tall:
        panorama = np.full((8000, 512, 3), 128, np.uint8)
        panorama[3000:3512] = portrait
    (face,) = detector.detect(panorama)
    (alone,) = detector.detect(portrait)
    assert face.box.width == pytest.approx(alone.box.width, rel=0.1)
    assert 3000 < (face.box.y if is_tall else face.box.x) < 3512


def test_a_detector_can_be_pickled(tmp_path: Path, portrait: np.ndarray) -> None:
    own = tmp_path / "own.onnx"
    own.write_bytes(DETECTOR_PATH.read_bytes())
    for detector in (
        mien.FaceDetector(threads=1),
        mien.FaceDetector(own, detector_size=320, min_score=0.8, rotated="always", threads=1),
        mien.FaceDetector(limit_faces=1, min_face_px=30, threads=1),
    ):
        copy = pickle.loads(pickle.dumps(detector))
        assert copy.__getstate__() == detector.__getstate__()
        assert copy.detect(portrait) == detector.detect(portrait)


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 5000), (5000, 1), (31, 33), (32, 32), (640, 640), (7, 640)]
)
def test_pictures_without_faces_have_none(
    shape: tuple[int, int], detector: mien.FaceDetector
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert detector.detect(noise) == ()
    assert detector.detect(np.zeros((*shape, 3), np.uint8)) == ()
    assert detector.detect(np.full((*shape, 3), 255, np.uint8)) == ()


def test_threads_may_share_a_detector(portrait: np.ndarray, detector: mien.FaceDetector) -> None:
    alone = detector.detect(portrait)
    with ThreadPoolExecutor(4) as pool:
        assert all(faces == alone for faces in pool.map(detector.detect, [portrait] * 8))


def test_a_detector_that_takes_one_size_only_is_refused(tmp_path: Path) -> None:
    pixels = onnx.helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, [1, 3, 640, 480])
    names = [f"{part}_{stride}" for part in ("cls", "obj", "bbox", "kps") for stride in STRIDES]
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["input"], [name]) for name in names],
        "fixed",
        [pixels],
        [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, None) for n in names],
    )
    opset = onnx.helper.make_opsetid("", 17)
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=9)
    onnx.save(model, tmp_path / "fixed.onnx")
    with pytest.raises(mien.ModelError, match=r"fixed.onnx accepts only 640 x 480 pixels"):
        mien.FaceDetector(tmp_path / "fixed.onnx")


def test_of_overlapping_candidates_the_best_stays() -> None:
    boxes = [[0, 0, 10, 10], [1, 0, 10, 10], [20, 0, 10, 10], [25.5, 0, 10, 10], [0, 0, 0, 0]]
    candidates = Candidates(
        boxes=np.array(boxes, np.float32),
        landmarks=np.zeros((5, 5, 2), np.float32),
        scores=np.array([0.8, 0.9, 0.7, 0.75, 0.71], np.float32),
    )
    assert _suppress(candidates) == [1, 3, 4, 2]


def test_a_detector_file_of_ones_own(tmp_path: Path, portrait: np.ndarray) -> None:
    own = tmp_path / "own.onnx"
    own.write_bytes(DETECTOR_PATH.read_bytes())
    assert mien.FaceDetector(own).detect(portrait) == mien.detect_faces(portrait)


@pytest.mark.parametrize("content", [b"", b"no model", bytes(range(256)) * 4, None])
def test_a_bad_detector_file_gets_one_sentence(
    content: bytes | None, tmp_path: Path, tiny_model: Path
) -> None:
    own = tmp_path / "own.onnx"
    own.write_bytes(tiny_model.read_bytes() if content is None else content)
    with pytest.raises(mien.ModelError, match=r"own\.onnx"):
        mien.FaceDetector(own)
    with pytest.raises(mien.ModelError, match="cannot be read"):
        mien.FaceDetector(tmp_path / "gone.onnx")


@pytest.mark.parametrize(
    "setting",
    [
        {"detector_size": 8},
        {"detector_size": 10_000},
        {"min_score": 0},
        {"min_score": 1.1},
        {"rotated": "sometimes"},
        {"limit_faces": 0},
        {"min_face_px": -1},
        {"min_face_px": float("nan")},
    ],
)
def test_settings_out_of_range_are_refused(setting: dict) -> None:
    with pytest.raises(mien.ConfigError, match=next(iter(setting))):
        mien.FaceDetector(**setting)
    with pytest.raises(mien.ConfigError, match="threads"):
        mien.FaceDetector(threads=0)


def test_a_box_knows_its_middle_its_area_and_what_it_shares() -> None:
    box = mien.Box(10, 20, 30, 40)
    assert (box.center, box.area) == ((25, 40), 1200)
    assert box.shared_area(mien.Box(30, 50, 30, 40)) == 10 * 10
    assert box.shared_area(mien.Box(40, 60, 5, 5)) == 0  # they touch
    assert box.shared_area(mien.Box(90, 90, 5, 5)) == 0  # apart on both axes
    assert box.shared_area(mien.Box(15, 25, 2, 2)) == 4
