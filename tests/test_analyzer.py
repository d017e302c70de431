"""Pictures become results, one by one or many together, and bad ones do not stop the others."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mien
from clips import write_clip
from mien.analyzer import MAX_WAITING
from mien.faces.crop import crop_face
from mien.model.recognizer import calibrate
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


def test_photos_and_videos_have_functions_of_their_own(portrait: np.ndarray) -> None:
    clip = write_clip([portrait[:512, :512]] * 2, [0.0, 0.2])
    assert mien.analyze_photo(portrait) == mien.analyze(portrait)
    settings = mien.VideoSettings(end_s=0.3)
    assert mien.analyze_video(clip, settings) == mien.analyze(clip, video=settings)
    with pytest.raises(mien.ImageError, match="is a video, wanted a photo; read it with"):
        mien.analyze_photo(clip)
    with pytest.raises(mien.VideoError, match="is not a video; read a photo with"):
        mien.analyze_video(b"\x89PNG\r\n\x1a\n")
