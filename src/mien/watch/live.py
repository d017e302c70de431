"""Read frames from your own camera loop: tracks, smoothing and events.

    live = mien.Live(model="fast")
    while camera_runs:
        result = live.read(frame, time_s)   # (H, W, 3) uint8 RGB, seconds from any origin

Only past frames are known. Smoothed probabilities are therefore an exponential mean over the past
that lags behind a change by about their time constant, and an event is reported once it has lasted
`MIN_EVENT_S`.
"""

import math
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from mien.addresses import hide_secrets
from mien.analyzer import Analyzer
from mien.devices import DEFAULT
from mien.errors import ConfigError, InputError
from mien.face_reader import crop_faces, read_faces
from mien.results import Event, FaceResult
from mien.video.events import MIN_EVENT_S
from mien.video.following import Follower
from mien.video.smoothing import LIVE_SMOOTHING_S
from mien.video.tracking import MAX_LOSS_S
from mien.watch.frame import LiveFrame
from mien.watch.stream import LiveStream

DETECT_EVERY_S: Final = 0.5
"""Interval between detections in the whole image, in seconds."""


@dataclass
class _Course:
    """State of a track: its smoothed probabilities, its event, and a possible next event."""

    time_s: float
    smoothed: Mapping[str, float] | None = None
    event: Event | None = None
    total: float = 0.0  # sum of the event's smoothed probabilities
    frames: int = 0
    next: str | None = None  # the expression since `next_s`, if it differs from the event's
    next_s: float = 0.0

    def step(
        self, track_id: int, expression: str | None, time_s: float
    ) -> tuple[Event | None, Event | None]:
        """Advance by one frame; an expression that lasts `MIN_EVENT_S` starts a new event.

        Returns:
            The event that began and the one that ended, each None if there is none.
        """
        shown = 0.0 if expression is None or not self.smoothed else self.smoothed[expression]
        event = self.event
        if event is not None and expression == event.emotion:
            self.total, self.frames, self.next = self.total + shown, self.frames + 1, expression
            self.event = replace(event, end_s=time_s, confidence=self.total / self.frames)
            return None, None

        # Another expression, or none, is shown; remember since when.
        key = expression or ""
        if self.next != key:
            self.next, self.next_s = key, time_s
            if event is None:
                self.total, self.frames = 0.0, 0
        if event is None:
            self.total, self.frames = self.total + shown, self.frames + 1
        if time_s - self.next_s < MIN_EVENT_S - 1e-9:
            return None, None

        ended = None if event is None else replace(event, end_s=self.next_s)
        if event is not None:
            self.event, self.total, self.frames = None, shown, 1
        if expression is None:
            return None, ended
        mean = self.total / self.frames
        self.event = Event(track_id, expression, self.next_s, time_s, mean, 0.0)
        return self.event, ended


class Live:
    """Read one camera's frames in order of time; can be shared between threads.

    Memory does not grow over time.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = "fast",
        *,
        analyzer: Analyzer | None = None,
        threads: int | None = None,
        source: str = "camera",
        smoothing_s: float = LIVE_SMOOTHING_S,
        detect_every_s: float = DETECT_EVERY_S,
        device: str = DEFAULT,
    ) -> None:
        """Open the detector and the model.

        Args:
            model: "fast" or "accurate", or the path of an `.onnx` file with its `.json`.
            analyzer: A `mien.Analyzer` instead of a model, to share one between cameras.
            threads: Maximum number of threads; None uses all available cores.
            source: Display name of the camera in results.
            smoothing_s: Time constant of the smoothing, in seconds; 0 disables it.
            detect_every_s: Maximum interval between detections in the whole image, in seconds. In
                between, each face is searched for near its expected position. 0 detects in every
                frame.
            device: Device of the networks (an `analyzer` has its own): "cpu" or another
                `mien.devices.DeviceName`; "auto" uses the best available.

        Raises:
            ModelError: The model or the detector is missing or damaged.
            ConfigError: A setting is negative, or there is no such device.
            MissingExtraError: The installed onnxruntime cannot use the device.
        """
        for name, value in (("smoothing_s", smoothing_s), ("detect_every_s", detect_every_s)):
            if not 0 <= value < math.inf:
                raise ConfigError(f"{name} must be 0 seconds or more, got {value}")
        self.source: Final = source
        self._analyzer = analyzer or Analyzer(model, threads=threads, device=device)
        self._smoothing_s = smoothing_s
        self._follower = Follower(self._analyzer.detector, detect_every_s=detect_every_s)
        self._courses: dict[int, _Course] = {}
        self._last_s = -math.inf
        self._shape: tuple[int, ...] | None = None
        self._frames = 0
        self._lock = threading.Lock()

    @classmethod
    def open(
        cls,
        source: int | str | os.PathLike[str],
        model: str | os.PathLike[str] = "fast",
        *,
        threads: int | None = None,
        smoothing_s: float = LIVE_SMOOTHING_S,
        detect_every_s: float = DETECT_EVERY_S,
        device: str = DEFAULT,
    ) -> LiveStream:
        """Read a camera, a stream or a file in a separate thread; see `mien.LiveStream`.

            with mien.Live.open(0) as stream:
                for result in stream:
                    ...

        Args:
            source: A camera's number, a device such as "/dev/video0", an address
                ("rtsp://user:password@host/path"), or a file, which is played in real time.
            model: As for `Live`, like the following arguments.
            threads: Maximum number of threads.
            smoothing_s: Time constant of the smoothing, in seconds.
            detect_every_s: Maximum interval between detections in the whole image, in seconds.
            device: Device of the networks.

        Returns:
            The open stream, a context manager; iterate over it for `LiveFrame` results.

        Raises:
            VideoError: The source cannot be opened.
            MissingExtraError: PyAV is not installed.
        """
        name = f"camera {source}" if isinstance(source, int) else hide_secrets(str(source))
        live = cls(
            model,
            threads=threads,
            source=name,
            smoothing_s=smoothing_s,
            detect_every_s=detect_every_s,
            device=device,
        )
        return LiveStream(source, live)

    @property
    def emotions(self) -> tuple[str, ...]:
        """Names of the model's expressions."""
        return self._analyzer.recognizer.emotions

    def cut(self) -> None:
        """Start a new scene: all tracks end, as after an interruption."""
        with self._lock:
            self._follower.cut()

    def read(
        self,
        frame: NDArray[np.generic],
        time_s: float,
        *,
        bgr: bool = False,
        number: int | None = None,
    ) -> LiveFrame:
        """Read the next frame.

        Args:
            frame: (H, W, 3) uint8, in RGB order unless `bgr` is set. Tracks end where its size
                differs from the previous frame's.
            time_s: Time of the frame, in seconds from any origin; a time that is not after the
                previous frame's is moved just after it.
            bgr: The channels are blue, green, red, as in OpenCV.
            number: Frame number that includes dropped frames; None counts the frames read.

        Returns:
            The faces with their tracks, and the events that began or ended.

        Raises:
            InputError: The frame has another shape or type, or the time is not a number.
        """
        given = _check_frame(frame, time_s)
        image = np.ascontiguousarray(given[:, :, ::-1]) if bgr else given

        with self._lock:
            if image.shape != self._shape:  # boxes of another size are no place to look for faces
                self._follower.cut()
                self._shape = image.shape
            time_s = self._last_s = max(time_s, self._last_s + 1e-3)
            found, track_ids = self._follower.find(image, time_s)
            recognizer = self._analyzer.recognizer
            (read,) = read_faces(recognizer, [(found, crop_faces(image, found, recognizer))])
            faces = tuple(
                self._smooth(replace(face, track_id=track_id), time_s)
                for face, track_id in zip(read, track_ids, strict=True)
            )
            expressions = tuple(map(self._name, faces))
            began, ended = self._tell_events(faces, expressions, time_s)
            count = self._frames if number is None else number
            self._frames += 1
        return LiveFrame(
            source=self.source,
            time_s=time_s,
            frame=count,
            faces=faces,
            labels=recognizer.spec.labels,
            expressions=expressions,
            began=began,
            ended=ended,
        )

    def finish(self) -> tuple[Event, ...]:
        """End all events after the last frame.

        Returns:
            The events that were still ongoing.
        """
        with self._lock:
            ended = [course.event for course in self._courses.values() if course.event]
            self._courses = {}
            self._follower.cut()
        return tuple(ended)

    def _smooth(self, face: FaceResult, time_s: float) -> FaceResult:
        """Update the exponential mean with a face's probabilities, and return it."""
        if face.track_id is None:
            return face
        course = self._courses.setdefault(face.track_id, _Course(time_s))
        values = face.probabilities
        if values is not None:
            if course.smoothed is not None and self._smoothing_s > 0:
                kept = math.exp(-(time_s - course.time_s) / self._smoothing_s)
                before = course.smoothed
                values = {name: kept * before[name] + (1 - kept) * values[name] for name in values}
            course.smoothed, course.time_s = values, time_s
        return replace(face, smoothed=course.smoothed)

    def _name(self, face: FaceResult) -> str | None:
        """Return the smoothed expression of a face."""
        smoothed = face.smoothed
        if smoothed is None:
            return None
        emotion = max(smoothed, key=lambda name: smoothed[name])
        threshold = self._analyzer.recognizer.abstention_threshold
        return emotion if threshold is None or smoothed[emotion] >= threshold else None

    def _tell_events(
        self, faces: tuple[FaceResult, ...], expressions: tuple[str | None, ...], time_s: float
    ) -> tuple[tuple[Event, ...], tuple[Event, ...]]:
        """Return the events that begin and end with a frame."""
        began: list[Event] = []
        ended: list[Event] = []
        for face, expression in zip(faces, expressions, strict=True):
            if face.track_id is not None and face.smoothed is not None:
                course = self._courses[face.track_id]
                beginning, ending = course.step(face.track_id, expression, time_s)
                began += [beginning] if beginning else []
                ended += [ending] if ending else []
        for track_id, course in list(self._courses.items()):
            if time_s - course.time_s > MAX_LOSS_S:  # the track has ended
                if course.event is not None:
                    ended.append(course.event)
                del self._courses[track_id]
        return tuple(began), tuple(ended)


def _check_frame(frame: object, time_s: object) -> NDArray[np.uint8]:
    """Return the frame if it is a colour picture of bytes, with a time.

    Raises:
        InputError: It is not, or the time is not a number.
    """
    if not isinstance(frame, np.ndarray):
        raise InputError(
            f"a live frame must be a NumPy array, (H, W, 3) uint8, got {type(frame).__name__}"
        )
    if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8 or not frame.size:
        hint = "stack a grey frame three times" if frame.ndim == 2 else "convert it first"
        raise InputError(
            f"a live frame must be (H, W, 3) uint8, got {frame.shape} {frame.dtype}; {hint}"
        )
    if not isinstance(time_s, int | float | np.number) or not math.isfinite(time_s):
        raise InputError(f"time_s must be a number of seconds, got {time_s!r}")
    return cast(NDArray[np.uint8], frame)
