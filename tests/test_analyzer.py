"""Pictures become results, one by one or many together, and bad ones do not stop the others."""

import io
import multiprocessing
import os
import pickle
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import mien
import pictures
from clips import write_clip
from mien.face_reader import MAX_WAITING
from mien.faces.crop import crop_face
from mien.model.probabilities import calibrate
from tiny_model import expected_logits, write_tiny_model


def test_one_portrait(analyzer: mien.Analyzer, portrait_path: Path) -> None:
    result = analyzer.analyze(portrait_path)
    assert (result.source, result.width, result.height) == (str(portrait_path), 512, 512)
    (face,) = result.faces
    (found,) = mien.detect_faces(portrait_path)
    assert (face.box, face.landmarks, face.detection_score) == (
        found.box,
        found.landmarks,
        found.score,
    )
    spec = analyzer.recognizer.spec
    crop = crop_face(
        mien.read_image(portrait_path), found, margin=spec.crop_margin, shift_y=spec.crop_shift_y
    )
    wanted = calibrate(expected_logits(crop[np.newaxis]), spec.temperature)[0]
    assert face.probabilities is not None
    assert tuple(face.probabilities) == mien.EMOTIONS
    assert list(face.probabilities.values()) == pytest.approx(wanted.tolist(), abs=1e-6)
    assert all(type(value) is float for value in face.probabilities.values())
    assert face.emotion == mien.EMOTIONS[int(wanted.argmax())]
    assert face.reason is None


def test_analyze_takes_what_users_have(
    tiny_model: Path, portrait: np.ndarray, portrait_path: Path
) -> None:
    data = portrait_path.read_bytes()
    with portrait_path.open("rb") as stream, Image.open(portrait_path) as image:
        sources = [portrait_path, str(portrait_path), data, portrait, image, stream]
        results = [mien.analyze(source, model=tiny_model) for source in sources]
    names = [str(portrait_path)] * 2 + ["<bytes>", "<array>"] + [str(portrait_path)] * 2
    assert [result.source for result in results] == names
    assert all(result.faces == results[0].faces for result in results)


def test_no_face_is_an_empty_result(analyzer: mien.Analyzer) -> None:
    for shape in ((48, 64, 3), (1, 1, 3)):
        result = analyzer.analyze(np.full(shape, 90, np.uint8))
        assert result.faces == ()
        assert (result.height, result.width) == shape[:2]


def test_small_faces_get_a_reason(analyzer: mien.Analyzer, portrait: np.ndarray) -> None:
    small = np.full((256, 512, 3), 120, np.uint8)
    small[:90, :90] = np.asarray(Image.fromarray(portrait).resize((90, 90)))
    small[:, 256:] = np.asarray(Image.fromarray(portrait).resize((256, 256)))
    large_face, small_face = analyzer.analyze(small).faces
    assert large_face.emotion is not None
    assert small_face.box.width < 20
    assert (small_face.emotion, small_face.reason) == (None, "too_small")
    assert small_face.probabilities is None


def test_an_uncertain_face_names_no_emotion(tmp_path: Path, portrait: np.ndarray) -> None:
    model = write_tiny_model(tmp_path, abstention_threshold=0.99)
    (face,) = mien.analyze(portrait, model=model).faces
    assert (face.emotion, face.reason) == (None, "uncertain")
    assert face.probabilities is not None


def test_bad_files_do_not_stop_the_others(
    analyzer: mien.Analyzer, portrait_path: Path, tmp_path: Path
) -> None:
    fifo, empty = tmp_path / "fifo.jpg", tmp_path / "empty.jpg"
    os.mkfifo(fifo)
    empty.touch()
    sources = [portrait_path, tmp_path, empty, portrait_path, fifo, tmp_path / "gone", 7, b"text"]
    results = list(analyzer.analyze_many([*sources, portrait_path]))  # type: ignore[list-item]
    good = analyzer.analyze(portrait_path)
    assert [results[i] for i in (0, 3, 8)] == [good] * 3
    failures = [results[i] for i in (1, 2, 4, 5, 6, 7)]
    assert all(isinstance(failure, mien.Failure) for failure in failures)
    assert all(failure.to_dict()["error"]["kind"] == "image" for failure in failures)
    assert [failure.source for failure in failures][-3:] == [
        str(tmp_path / "gone"),
        "<int>",
        "<bytes>",
    ]


@pytest.mark.slow
def test_many_give_the_same_as_one_by_one(analyzer: mien.Analyzer, portrait: np.ndarray) -> None:
    images = [np.ascontiguousarray(portrait[: 512 - i]) for i in range(0, 60, 3)]
    images[4] = np.zeros((9, 9, 3), np.uint8)
    together = list(analyzer.analyze_many(images))
    assert [result.to_dict() for result in together] == [
        analyzer.analyze(image).to_dict() for image in images
    ]
    assert list(analyzer.analyze_many([])) == []


@pytest.mark.slow
def test_pictures_are_taken_as_results_are_asked_for(analyzer: mien.Analyzer) -> None:
    taken = 0

    def endless() -> Iterator[np.ndarray]:
        nonlocal taken
        while True:
            taken += 1
            yield np.zeros((32, 32, 3), np.uint8)

    results = analyzer.analyze_many(endless())
    for _ in range(MAX_WAITING + 1):
        assert isinstance(next(results), mien.ImageResult)
    assert taken == 2 * MAX_WAITING


def test_threads_may_share_an_analyzer(analyzer: mien.Analyzer, portrait: np.ndarray) -> None:
    alone = analyzer.analyze(portrait)
    with ThreadPoolExecutor(4) as pool:
        assert all(result == alone for result in pool.map(analyzer.analyze, [portrait] * 6))


def test_a_video_gets_one_sentence(analyzer: mien.Analyzer, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"\x00\x00\x00\x20ftypisom" + bytes(100))
    with pytest.raises(mien.ImageError, match="is a video; read it with"):
        analyzer.analyze(clip)


def test_a_model_that_is_not_there_gets_one_sentence(portrait: np.ndarray) -> None:
    with pytest.raises(mien.ModelError, match=r"gone\.json"):
        mien.analyze(portrait, model="gone.onnx")


@pytest.mark.slow
def test_photos_and_videos_have_functions_of_their_own(portrait: np.ndarray) -> None:
    clip = write_clip([portrait[:512, :512]] * 2, [0.0, 0.2])
    assert mien.analyze_photo(portrait) == mien.analyze(portrait)
    settings = mien.VideoSettings(end_s=0.3)
    assert mien.analyze_video(clip, settings) == mien.analyze(clip, video=settings)
    with pytest.raises(mien.ImageError, match="is a video, expected a photo; read it with"):
        mien.analyze_photo(clip)
    with pytest.raises(mien.VideoError, match="is not a video; read a photo with"):
        mien.analyze_video(b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize(
    "single",
    ["photo.jpg", Path("photo.jpg"), b"\xff\xd8", np.zeros((512, 512, 3), np.uint8), io.BytesIO()],
)
def test_one_picture_in_place_of_many_is_refused(analyzer: mien.Analyzer, single: Any) -> None:
    with pytest.raises(mien.ConfigError, match="requires several pictures, got "):
        analyzer.analyze_many(single)


def test_an_array_of_pictures_is_several(analyzer: mien.Analyzer, portrait: np.ndarray) -> None:
    results = list(analyzer.analyze_many(np.stack([portrait, portrait * 0])))
    assert [len(result.faces) for result in results] == [1, 0]  # type: ignore[union-attr]


def test_results_bear_the_names_they_were_given(
    analyzer: mien.Analyzer, portrait: np.ndarray
) -> None:
    given = [("first", portrait[:9]), ("cam://me:pass@1", b"no picture"), ("third", portrait)]
    first, second, third = analyzer.analyze_many(given)
    assert [first.source, second.source, third.source] == ["first", "cam://1", "third"]
    assert isinstance(second, mien.Failure)
    assert second.message.startswith("cam://1 is not a supported picture")


@pytest.mark.slow
def test_a_turned_photo_is_read_as_the_upright_one(
    analyzer: mien.Analyzer, portrait: np.ndarray
) -> None:
    upright = analyzer.analyze(portrait)
    assert upright.turned == 0
    for turns in (1, 2, 3):
        turned = analyzer.analyze(np.rot90(portrait, turns))
        assert turned.turned == 90 * turns
        assert turned.faces[0].emotion == upright.faces[0].emotion
    as_stored = mien.analyze(np.rot90(portrait, 2), rotated="never")
    assert isinstance(as_stored, mien.ImageResult)
    assert as_stored.turned == 0


def test_boxes_of_a_photo_decoded_at_half_its_size_are_in_its_own_pixels(
    analyzer: mien.Analyzer, portrait: np.ndarray
) -> None:
    data = pictures.encode(Image.fromarray(portrait), "JPEG", quality=95)
    (whole,) = analyzer.analyze(data).faces
    (found,) = analyzer.read_faces([analyzer.find_faces(data, max_pixels=512 * 512 - 1)])
    assert (found.width, found.height) == (512, 512)
    assert found.faces[0].box.x == pytest.approx(whole.box.x, abs=8)
    assert found.faces[0].box.width == pytest.approx(whole.box.width, rel=0.1)
    assert found.faces[0].emotion == whole.emotion


def test_a_damaged_photo_is_read_and_says_so(analyzer: mien.Analyzer, portrait_path: Path) -> None:
    result = analyzer.analyze(portrait_path.read_bytes()[:-2])
    assert len(result.faces) == 1
    assert "its end is missing" in (result.damage or "")


@pytest.mark.slow
def test_processes_open_their_own_copy(analyzer: mien.Analyzer, portrait_path: Path) -> None:
    paths = [str(portrait_path)] * 2
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        results = list(pool.map(analyzer.analyze, paths))
    assert results == [analyzer.analyze(path) for path in paths]


def test_a_pickled_recognizer_keeps_its_threshold(tiny_model: Path) -> None:
    for recognizer in (
        mien.Recognizer("fast", coverage=0.5, threads=1),
        mien.Recognizer(tiny_model, threads=1),
    ):
        copy = pickle.loads(pickle.dumps(recognizer))
        assert copy.path == recognizer.path
        assert copy.abstention_threshold == recognizer.abstention_threshold


def test_a_recognizer_crops_as_the_analyzer_does(
    analyzer: mien.Analyzer, portrait: np.ndarray
) -> None:
    (face,) = mien.detect_faces(portrait)
    crop = analyzer.recognizer.crop(portrait, face)
    assert np.array_equal(crop[np.newaxis], analyzer.find_faces(portrait).crops)


def test_a_result_says_whose_label_the_model_answers_with(
    analyzer: mien.Analyzer, portrait_path: Path
) -> None:
    result = analyzer.analyze(portrait_path)
    assert result.labels == analyzer.recognizer.spec.labels == "own"
    assert result.to_dict()["labels"] == "own"
