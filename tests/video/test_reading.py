"""Videos become frames, tracks and events at true times, and the whole of them a summary."""

import io
import itertools
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mien
from clips import even, lit, numbered, on_canvas, shrunk, uneven, write_clip
from labelled_images import FER2013, needs_fer2013
from mien.video.reading import FaceAnalyzer, analyze_video
from pictures import encode
from tiny_model import write_tiny_model

TOLERANCE_S = 0.3


@pytest.mark.slow
def test_stamps_that_begin_anew_do_not_shorten_the_video(tiny_model: Path) -> None:
    part = write_clip(numbered(60), even(60), container="mpegts")  # 2.4 s, as its stamps say
    summary = mien.analyze(part + part, model=tiny_model).summary
    assert summary.duration_s == pytest.approx(4.8, abs=0.05)


def test_what_should_be_a_video_is_told_as_one(tmp_path: Path) -> None:
    for content, words in ((b"", "is empty, expected a video"), (b"#EXTM3U\nx\n", "a playlist")):
        path = tmp_path / "clip.mp4"
        path.write_bytes(content)
        with pytest.raises(mien.VideoError, match=words):
            mien.analyze(path)
    with pytest.raises(mien.VideoError, match="does not exist"):
        mien.analyze(tmp_path / "absent.mov")


@pytest.fixture(scope="module")
def sharp(tmp_path_factory: pytest.TempPathFactory) -> mien.Analyzer:
    """A model sure of itself: dark faces are angry, grey ones neutral, bright ones happy."""
    path = write_tiny_model(tmp_path_factory.mktemp("sharp"), temperature=0.1)
    return mien.Analyzer(path, threads=1)


@pytest.fixture(scope="module")
def small(portrait: np.ndarray) -> np.ndarray:
    """The portrait at 240 x 240, where its face is about 42 x 50."""
    return shrunk(portrait, 240)


def going(
    small: np.ndarray, times: list[float], light: Callable[[float], float]
) -> list[np.ndarray]:
    """The portrait drifting over a canvas, in a light that depends on time."""
    return [lit(on_canvas(small, (60 + round(40 * t), 30)), light(t)) for t in times]


@pytest.fixture(scope="module")
def mood(small: np.ndarray) -> bytes:
    """A face that is angry up to 2 s, neutral up to 4 s, then happy; the frame rate varies."""
    times = uneven(6.0)
    light = lambda t: 0.08 if t < 2 else 0.4 if t < 4 else 1.4  # noqa: E731
    return write_clip(going(small, times, light), times)


@pytest.mark.slow
@pytest.mark.parametrize("every_s", [None, 0.1, 0.2])
@pytest.mark.parametrize("smoothing_s", [0.0, 0.3, 0.6])
def test_events_come_in_order_and_in_time(
    sharp: mien.Analyzer, mood: bytes, every_s: float | None, smoothing_s: float
) -> None:
    settings = mien.VideoSettings(every_s=every_s, smoothing_s=smoothing_s)
    result = sharp.analyze_video(mood, settings)
    events = result.summary.events
    assert [event.emotion for event in events] == ["angry", "neutral", "happy"]
    edges = [events[0].start_s, *(event.end_s for event in events)]
    assert edges == pytest.approx([0, 2, 4, 6], abs=TOLERANCE_S)
    assert [event.start_s for event in events[1:]] == [event.end_s for event in events[:-1]]
    assert all(event.confidence > 0.7 for event in events)
    assert [track.track_id for track in result.summary.tracks] == [1]
    assert sum(result.summary.tracks[0].probabilities.values()) == pytest.approx(1)


@pytest.mark.slow
def test_a_frame_gives_what_its_picture_gives(sharp: mien.Analyzer, mood: bytes) -> None:
    with mien.open_video(mood) as video:
        images = {frame.frame: frame.image for frame in video.frames()}
    for frame in sharp.analyze_video(mood).frames[::9]:
        (face,) = frame.faces
        (alone,) = sharp.analyze(images[frame.frame]).faces
        assert face.probabilities == pytest.approx(alone.probabilities, abs=1e-6)
        assert (face.box, face.emotion, face.track_id) == (alone.box, alone.emotion, 1)


@pytest.mark.slow
@needs_fer2013
def test_a_real_face_going_sad_neutral_happy() -> None:
    moods = ("sad", "neutral", "happy")
    analyzer = mien.Analyzer(threads=1)
    faces = {mood: _surest_face(analyzer, mood) for mood in moods}
    times = uneven(6.0, seed=3)
    canvases = {mood: on_canvas(face, (200, 60)) for mood, face in faces.items()}
    clip = write_clip([canvases[moods[int(t // 2)]] for t in times], times)
    for every_s in (None, 0.2):
        events = analyzer.analyze_video(clip, mien.VideoSettings(every_s=every_s)).summary.events
        assert [event.emotion for event in events] == list(moods)
        edges = [events[0].start_s, *(event.end_s for event in events)]
        assert edges == pytest.approx([0, 2, 4, 6], abs=TOLERANCE_S)


def _surest_face(analyzer: mien.Analyzer, emotion: str) -> np.ndarray:
    """Of 100 validation faces with a label: the most surely and rightly read that is found."""
    with zipfile.ZipFile(FER2013) as archive:
        names = [n for n in archive.namelist() if f"test/{emotion}/PublicTest" in n]
        faces = [np.asarray(Image.open(io.BytesIO(archive.read(n)))) for n in sorted(names)[:100]]
    column = analyzer.recognizer.emotions.index(emotion)
    sure = analyzer.recognizer.predict_probabilities(np.stack(faces))[:, column]
    for index in np.argsort(-sure):
        face = np.repeat(
            np.asarray(Image.fromarray(faces[index]).resize((192, 192)))[..., None], 3, 2
        )
        found = analyzer.analyze(on_canvas(face, (200, 60))).faces
        if len(found) == 1 and found[0].emotion == emotion:
            return face
    raise AssertionError(f"the detector finds none of the {emotion} faces")


# --- frames, tracks, settings ---------------------------------------------------------------------


@pytest.mark.slow
def test_every_frame_has_a_row_also_without_a_face(sharp: mien.Analyzer, small: np.ndarray) -> None:
    empty = on_canvas(small[:8, :8], (0, 0))
    shown = on_canvas(small, (100, 60))
    clip = write_clip([empty] * 10 + [shown] * 20 + [empty] * 10, even(40, 10))
    result = sharp.analyze_video(clip, mien.VideoSettings(every_s=None))
    assert [frame.frame for frame in result.frames] == list(range(40))
    assert [len(frame.faces) for frame in result.frames] == [0] * 10 + [1] * 20 + [0] * 10
    summary = result.summary
    assert (summary.frames, summary.frames_with_face) == (40, 20)
    assert (summary.width, summary.height, summary.duration_s) == (
        640,
        360,
        pytest.approx(4, abs=0.1),
    )
    (track,) = summary.tracks
    assert (track.start_s, track.end_s, track.frames) == (1.0, pytest.approx(2.9), 20)


@pytest.mark.slow
def test_a_short_loss_keeps_the_track_and_a_cut_ends_it(
    sharp: mien.Analyzer, small: np.ndarray
) -> None:
    shown, hidden = on_canvas(small, (100, 60)), on_canvas(small[:8, :8], (0, 0))
    clip = write_clip([shown] * 10 + [hidden] * 4 + [shown] * 10, even(24, 10))
    # Blanking most of a picture out is a cut; what goes through a door is not.
    held = sharp.analyze_video(clip, mien.VideoSettings(every_s=None)).summary
    assert len(held.tracks) == 2
    door = shown.copy()
    door[60:200, 190:300] = (70, 74, 80)
    clip = write_clip([shown] * 10 + [door] * 4 + [shown] * 10, even(24, 10))
    kept = sharp.analyze_video(clip, mien.VideoSettings(every_s=None))
    assert [len(frame.faces) for frame in kept.frames] == [1] * 10 + [0] * 4 + [1] * 10
    assert [track.frames for track in kept.summary.tracks] == [20]
    other = np.ascontiguousarray(np.roll(255 - shown, 90, axis=0))
    other[60:300, 100:340] = small
    clip = write_clip([shown] * 10 + [other] * 10, even(20, 10))
    cut = sharp.analyze_video(clip, mien.VideoSettings(every_s=None)).summary
    assert [(track.start_s, track.frames) for track in cut.tracks] == [(0.0, 10), (1.0, 10)]


@pytest.mark.slow
def test_two_faces_keep_their_tracks_while_they_move(
    sharp: mien.Analyzer, small: np.ndarray
) -> None:
    images = []
    for number in range(40):
        image = on_canvas(lit(small, 0.5), (6 * number - 60, 40)).copy()
        image[120:360, 400 - 4 * number : 640 - 4 * number] = small
        images.append(image)
    clip = write_clip(images, even(40, 10))
    for detect_every_s in (0.0, 0.5, 5.0):
        settings = mien.VideoSettings(every_s=None, detect_every_s=detect_every_s)
        result = sharp.analyze_video(clip, settings)
        for one, other in itertools.pairwise(result.frames):
            before = {face.track_id: face.box.x for face in one.faces}
            for face in other.faces:
                if face.track_id in before:
                    assert abs(face.box.x - before[face.track_id]) < 15


@pytest.mark.slow
def test_looking_near_finds_what_looking_everywhere_finds(
    sharp: mien.Analyzer, mood: bytes
) -> None:
    class Counting(mien.FaceDetector):
        looks = 0

        def detect_frame(self, image: np.ndarray) -> tuple[mien.Face, ...]:
            self.looks += 1
            return super().detect_frame(image)

    class Both:
        recognizer = sharp.recognizer
        detector = Counting(threads=1)

    both: FaceAnalyzer = Both()
    everywhere = sharp.analyze_video(mood, mien.VideoSettings(every_s=None, detect_every_s=0))
    near = analyze_video(both, mood, mien.VideoSettings(every_s=None, detect_every_s=1))
    assert Both.detector.looks < len(near.frames) / 10
    assert [len(frame.faces) for frame in near.frames] == [1] * len(near.frames)
    for one, other in zip(everywhere.frames, near.frames, strict=True):
        for side in ("x", "y", "width", "height"):
            assert getattr(one.faces[0].box, side) == pytest.approx(
                getattr(other.faces[0].box, side), abs=5
            )
    assert [event.emotion for event in near.summary.events] == ["angry", "neutral", "happy"]


@pytest.mark.slow
def test_reading_goes_frame_by_frame_and_may_stop(sharp: mien.Analyzer, mood: bytes) -> None:
    with mien.read_video(sharp, mood) as reading:
        assert (reading.source, reading.width, reading.height) == ("<bytes>", 640, 360)
        first = next(iter(reading))
        assert first.time_s == 0
        rest = list(itertools.islice(reading, 4))
        assert len(rest) == 4
        assert reading.summary.frames == 5
    assert list(reading) == []
    assert reading.summary.frames == 5


def test_the_part_between_start_and_end(sharp: mien.Analyzer, mood: bytes) -> None:
    settings = mien.VideoSettings(start_s=2.5, end_s=3.5)
    frames = sharp.analyze_video(mood, settings).frames
    assert 2.5 <= frames[0].time_s < 2.7
    assert 3.2 < frames[-1].time_s < 3.5


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"every_s": 0.0}, "every_s must be above 0"),
        ({"every_s": -1.0}, "every_s must be above 0"),
        ({"every_s": float("nan")}, "every_s must be above 0"),
        ({"start_s": -1.0}, "start_s must be 0 seconds or more"),
        ({"start_s": 5.0, "end_s": 5.0}, "end_s must be after start_s"),
        ({"detect_every_s": -0.1}, "detect_every_s must be 0"),
        ({"smoothing_s": float("inf")}, "smoothing_s must be 0"),
    ],
)
def test_settings_that_make_no_sense(choice: dict[str, float], words: str) -> None:
    with pytest.raises(mien.ConfigError, match=words):
        mien.VideoSettings(**choice)


def test_a_damaged_video_keeps_what_was_read(sharp: mien.Analyzer, small: np.ndarray) -> None:
    times = even(40, 10)
    clip = write_clip(
        going(small, times, lambda _: 1.0), times, container_options={"movflags": "+faststart"}
    )
    result = sharp.analyze_video(clip[: len(clip) * 2 // 3])
    assert 3 < len(result.frames) < 20
    assert all(frame.faces for frame in result.frames)
    assert "reading stopped at" in str(result.summary.damage)


@pytest.mark.slow
def test_analyze_tells_pictures_from_videos(
    tiny_model: Path, tmp_path: Path, portrait_path: Path, small: np.ndarray
) -> None:
    clip = tmp_path / "clip.jpg"  # content decides
    clip.write_bytes(write_clip([on_canvas(small, (9, 9))] * 5, even(5)))
    video = mien.analyze(clip, model=tiny_model, video=mien.VideoSettings(every_s=None))
    assert isinstance(video, mien.VideoResult)
    assert len(video.frames) == 5
    with clip.open("rb") as stream:
        assert isinstance(mien.analyze(stream, model=tiny_model), mien.VideoResult)
    assert isinstance(mien.analyze(clip.read_bytes(), model=tiny_model), mien.VideoResult)
    assert isinstance(mien.analyze(portrait_path, model=tiny_model), mien.ImageResult)
    for kind, codec, pix_fmt in (("gif", "gif", "rgb8"), ("apng", "apng", "rgb24")):
        for count in (1, 4):
            moving = write_clip(
                numbered(count), even(count), container=kind, codec=codec, pix_fmt=pix_fmt
            )
            result = mien.analyze(moving, model=tiny_model)
            assert isinstance(result, mien.VideoResult if count > 1 else mien.ImageResult), kind
    for kind in ("WEBP", "AVIF"):
        for count in (1, 4):
            pictures = [Image.fromarray(frame) for frame in numbered(count)]
            moving = encode(pictures[0], kind, save_all=True, append_images=pictures[1:])
            result = mien.analyze(moving, model=tiny_model)
            assert isinstance(result, mien.VideoResult if count > 1 else mien.ImageResult), kind
    for container, codec in (("mpegts", "libx264"), ("matroska", "libx264"), ("avi", "mpeg4")):
        other = write_clip(numbered(4), even(4), container=container, codec=codec)
        assert isinstance(mien.analyze(other, model=tiny_model), mien.VideoResult)
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as pipe:
        with os.fdopen(writing, "wb") as end:
            end.write(clip.read_bytes()[:60_000])
        assert isinstance(mien.analyze(pipe, model=tiny_model), mien.VideoResult)
    with pytest.raises(mien.VideoError, match="damaged or incomplete"):
        mien.analyze(clip.read_bytes()[:60], model=tiny_model)
