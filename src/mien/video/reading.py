"""Read a video: faces per frame, tracks, events and a summary."""

import math
from array import array
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from mien.errors import ConfigError
from mien.face_reader import crop_faces, gather, read_faces
from mien.faces.detector import FaceDetector
from mien.faces.face import Face
from mien.model.recognizer import Recognizer
from mien.progress import track
from mien.results import FrameResult, Track, VideoResult, VideoSummary
from mien.video.container import VideoSource
from mien.video.decoder import Video, VideoFrame
from mien.video.events import find_events
from mien.video.following import Follower
from mien.video.smoothing import SMOOTHING_S, Smoother

MAX_AHEAD: Final = 4
"""Frames decoded in advance while one is analysed."""
MAX_WAITING: Final = 16
"""Frames whose faces are read in one batch."""


@dataclass(frozen=True)
class VideoSettings:
    """Which frames of a video to analyse, and how.

    Attributes:
        every_s: Interval between analysed frames, in seconds; None analyses every frame.
        start_s: Start time, in seconds.
        end_s: End time, exclusive, in seconds; None reads to the end.
        detect_every_s: Maximum interval between detections in the whole image, in seconds. In
            between, each face is searched for near its expected position. 0 detects in every frame.
        smoothing_s: Time constant of the smoothing, in seconds; 0 disables it.
    """

    every_s: float | None = 0.2
    start_s: float = 0.0
    end_s: float | None = None
    detect_every_s: float = 0.2
    smoothing_s: float = SMOOTHING_S

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            ConfigError: A setting is out of range.
        """
        if self.every_s is not None and not 0 < self.every_s < math.inf:
            raise ConfigError(
                f"every_s must be above 0 seconds, got {self.every_s}; None takes every frame"
            )
        for name in ("start_s", "detect_every_s", "smoothing_s"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise ConfigError(f"{name} must be 0 seconds or more, got {value}")
        if self.end_s is not None and not self.start_s < self.end_s:
            raise ConfigError(f"end_s must be after start_s ({self.start_s} s), got {self.end_s} s")


class FaceAnalyzer(Protocol):
    """Interface that finds and reads a video's faces, such as `mien.Analyzer`."""

    detector: FaceDetector
    recognizer: Recognizer


@dataclass(frozen=True)
class _Found:
    """A frame with detected faces that have not been read yet."""

    time_s: float
    frame: int
    faces: tuple[Face, ...]
    track_ids: tuple[int, ...]
    crops: NDArray[np.uint8]


@dataclass
class _Course:
    """Compact record of a track: a few numbers per frame."""

    start_s: float
    end_s: float
    frames: int = 0
    times_s: "array[float]" = field(default_factory=lambda: array("d"))
    smoothed: "array[float]" = field(default_factory=lambda: array("f"))  # rows concatenated
    total: NDArray[np.float64] | None = None
    read: int = 0


class VideoReading:
    """A video being read: iterate over it once for its frames, then read the summary.

    A context manager that closes itself after the last frame.

    Attributes:
        source: The path, or a display name of another source.
        width: Display width in pixels.
        height: Display height in pixels.
        frame_rate: Mean frame rate stated in the file, in frames per second; None if unknown.
        settings: Which frames are analysed, and how.
    """

    def __init__(
        self,
        analyzer: FaceAnalyzer,
        source: VideoSource,
        settings: VideoSettings | None = None,
        *,
        on_packet: Callable[[int], None] | None = None,
    ) -> None:
        """Open the video; nothing is analysed yet.

        Args:
            analyzer: A `mien.Analyzer`.
            source: A path, a whole file as bytes, or a binary stream.
            settings: Which frames to analyse, and how.
            on_packet: Called from another thread with the number of pictures sent to the decoder.

        Raises:
            VideoError: The source cannot be read as a video.
            MissingExtraError: PyAV is not installed.
        """
        self.settings = settings or VideoSettings()
        self._analyzer = analyzer
        self._video = Video(source, on_packet=on_packet)
        self.source = self._video.name
        self.width, self.height = self._video.width, self._video.height
        self.frame_rate = self._video.frame_rate
        self._follower = Follower(analyzer.detector, detect_every_s=self.settings.detect_every_s)
        self._courses: dict[int, _Course] = {}
        self._frames = self._frames_with_face = 0
        self._results = self._run()

    def __iter__(self) -> Iterator[FrameResult]:
        return self._results

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def duration_s(self) -> float | None:
        """Duration stated in the file, in seconds; None if unknown."""
        return self._video.duration_s

    def close(self) -> None:
        """Stop reading; the summary then covers the frames read so far."""
        self._results.close()
        self._video.close()

    @property
    def summary(self) -> VideoSummary:
        """Summary of the frames read so far; complete after the last frame."""
        tracks = []
        events = []
        emotions = self._analyzer.recognizer.emotions

        for track_id, course in self._courses.items():
            mean = None
            if course.total is not None:
                mean = dict(zip(emotions, map(float, course.total / course.read), strict=True))
                events += find_events(
                    track_id,
                    course.times_s,
                    np.array(course.smoothed).reshape(len(course.times_s), -1),
                    emotions,
                    threshold=self._analyzer.recognizer.abstention_threshold,
                )
            tracks.append(Track(track_id, course.start_s, course.end_s, course.frames, mean))

        return VideoSummary(
            source=self.source,
            width=self.width,
            height=self.height,
            duration_s=self.duration_s,
            frames=self._frames,
            frames_with_face=self._frames_with_face,
            tracks=tuple(tracks),
            events=tuple(sorted(events, key=lambda event: (event.start_s, event.track_id))),
            damage=self._video.damage,
            labels=self._analyzer.recognizer.spec.labels,
        )

    def _run(self) -> Generator[FrameResult, None, None]:
        """Detect, read, smooth and record the frames."""
        settings = self.settings
        smoother = Smoother(settings.smoothing_s)
        decoded = self._video.frames(
            every_s=settings.every_s, start_s=settings.start_s, end_s=settings.end_s
        )
        with closing(_decode_ahead(decoded)) as frames:
            found = map(self._find, frames)
            for batch in gather(found, lambda frame: len(frame.crops), most=MAX_WAITING):
                for result in self._read(batch):
                    yield from map(self._count, smoother.push(result))
        yield from map(self._count, smoother.finish())

    def _find(self, frame: VideoFrame) -> _Found:
        """Find a frame's faces, assign tracks, and crop them."""
        if frame.is_cut:
            self._follower.cut()
        # Frames seldom match their interval exactly, so half an interval early counts as on time.
        early_s = (self.settings.every_s or 0.0) / 2 + 1e-6
        faces, track_ids = self._follower.find(frame.image, frame.time_s, early_s=early_s)
        crops = crop_faces(frame.image, faces, self._analyzer.recognizer)
        return _Found(frame.time_s, frame.frame, faces, track_ids, crops)

    def _read(self, waiting: list[_Found]) -> Iterator[FrameResult]:
        """Read the faces of several frames in one batch."""
        pictures = [(found.faces, found.crops) for found in waiting]
        labels = self._analyzer.recognizer.spec.labels
        for found, faces in zip(
            waiting, read_faces(self._analyzer.recognizer, pictures), strict=True
        ):
            tracked = tuple(
                replace(face, track_id=track_id)
                for face, track_id in zip(faces, found.track_ids, strict=True)
            )
            yield FrameResult(self.source, found.time_s, found.frame, tracked, labels)

    def _count(self, frame: FrameResult) -> FrameResult:
        """Record what the summary needs from a frame."""
        self._frames += 1
        self._frames_with_face += bool(frame.faces)
        for face in frame.faces:
            if face.track_id is None:
                continue
            course = self._courses.setdefault(face.track_id, _Course(frame.time_s, frame.time_s))
            course.end_s = frame.time_s
            course.frames += 1

            if face.smoothed is not None:
                course.times_s.append(frame.time_s)
                course.smoothed.extend(face.smoothed.values())
            if face.probabilities is not None:
                row = np.array(list(face.probabilities.values()))
                course.total = row if course.total is None else course.total + row
                course.read += 1
        return frame


def _decode_ahead(
    decoded: Generator[VideoFrame, None, None],
) -> Generator[VideoFrame, None, None]:
    """Decode the next frames in a thread while the caller processes one."""
    with closing(decoded), ThreadPoolExecutor(1, "mien-decode") as pool:
        coming = deque(pool.submit(next, decoded, None) for _ in range(MAX_AHEAD))
        try:
            while (frame := coming.popleft().result()) is not None:
                coming.append(pool.submit(next, decoded, None))
                yield frame
        finally:
            pool.shutdown(cancel_futures=True)


def read_video(
    analyzer: FaceAnalyzer,
    source: VideoSource,
    settings: VideoSettings | None = None,
    *,
    on_packet: Callable[[int], None] | None = None,
) -> VideoReading:
    """Read a video frame by frame; memory does not grow with its length.

    Args:
        analyzer: A `mien.Analyzer`.
        source: A path, a whole file as bytes, or a binary stream.
        settings: Which frames to analyse, and how; None analyses five frames per second.
        on_packet: Called before each packet is decoded, from another thread, with the number of
            pictures sent to the decoder so far. An exception from it stops the reading.

    Returns:
        An iterable of one `FrameResult` per analysed frame, in order, including frames without
        faces; afterwards its `summary` covers the whole video.

    Raises:
        VideoError: The source cannot be read as a video.
        MissingExtraError: PyAV is not installed.
    """
    return VideoReading(analyzer, source, settings, on_packet=on_packet)


def analyze_video(
    analyzer: FaceAnalyzer,
    source: VideoSource,
    settings: VideoSettings | None = None,
    *,
    progress: bool = False,
) -> VideoResult:
    """Read a whole video; see `read_video`.

    Args:
        analyzer: A `mien.Analyzer`.
        source: A path, a whole file as bytes, or a binary stream.
        settings: Which frames to analyse, and how.
        progress: Show a progress bar, on a terminal or in a notebook.

    Returns:
        Every analysed frame, and the summary.
    """
    with read_video(analyzer, source, settings) as reading:
        results: Iterable[FrameResult] = reading
        if progress:
            ends_s = (reading.duration_s, reading.settings.end_s)
            end_s = min((end for end in ends_s if end is not None), default=None)
            results = track(
                reading, unit="seconds", total=end_s, reached=lambda frame: frame.time_s
            )
        frames = tuple(results)
        return VideoResult(reading.summary, frames)
