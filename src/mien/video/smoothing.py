"""Smooth the probabilities of a video's frames over time.

Each face's probabilities are replaced by a mean over the frames of its track before and after it,
weighted by exp(-|time difference| / time constant). Using both directions avoids lag, and weights
by time suit any frame rate. Frames are held back until the following ones are known.
"""

import math
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from mien.results import FaceResult, FrameResult

SMOOTHING_S: Final = 0.3
"""Time constant for videos, in seconds, which uses frames before and after."""
LIVE_SMOOTHING_S: Final = 0.4
"""Time constant for live frames, in seconds, which uses only past frames."""
REACH: Final = 4.0
"""Window in time constants; beyond it, weights are under 2 %."""


class Smoother:
    """Smooths the frames of one video, passed in order of time."""

    def __init__(self, smoothing_s: float) -> None:
        """Set the amount of smoothing.

        Args:
            smoothing_s: Time constant in seconds; 0 leaves the probabilities unchanged.
        """
        self._smoothing_s = smoothing_s
        self._reach_s = REACH * smoothing_s
        self._waiting: deque[FrameResult] = deque()
        self._read: dict[int, deque[tuple[float, Mapping[str, float]]]] = {}

    def push(self, frame: FrameResult) -> Iterator[FrameResult]:
        """Add the next frame, and yield those whose neighbours are now known."""
        self._waiting.append(frame)
        for face in frame.faces:
            if face.track_id is not None and face.probabilities is not None:
                read = self._read.setdefault(face.track_id, deque())
                read.append((frame.time_s, face.probabilities))
        while self._waiting and frame.time_s >= self._waiting[0].time_s + self._reach_s:
            yield self._smooth(self._waiting.popleft())

    def finish(self) -> Iterator[FrameResult]:
        """Yield the remaining frames, at the end of the video."""
        while self._waiting:
            yield self._smooth(self._waiting.popleft())

    def _smooth(self, frame: FrameResult) -> FrameResult:
        self._forget(frame.time_s - self._reach_s)
        faces = tuple(self._smooth_face(face, frame.time_s) for face in frame.faces)
        return replace(frame, faces=faces)

    def _smooth_face(self, face: FaceResult, time_s: float) -> FaceResult:
        if self._smoothing_s == 0 or face.track_id is None:
            return replace(face, smoothed=face.probabilities)
        near = [
            (math.exp(-abs(at_s - time_s) / self._smoothing_s), probabilities)
            for at_s, probabilities in self._read.get(face.track_id, ())
            if at_s <= time_s + self._reach_s
        ]

        if not near:
            return face

        total = math.fsum(weight for weight, _ in near)
        smoothed = {
            name: math.fsum(weight * probabilities[name] for weight, probabilities in near) / total
            for name in near[0][1]
        }
        return replace(face, smoothed=smoothed)

    def _forget(self, before_s: float) -> None:
        """Drop frames that are too old to matter, and tracks that have ended."""
        for track_id, read in list(self._read.items()):
            while read and read[0][0] < before_s:
                read.popleft()
            if not read:
                del self._read[track_id]
