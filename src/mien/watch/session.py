"""Turn the pictures of one live camera into frames with tracks, smoothed over time."""

import math
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from mien.analyzer import Analyzer
from mien.faces.face import Face
from mien.results import FaceResult, FrameResult
from mien.video.tracking import MAX_LOSS_S, Tracker

SMOOTHING_S: Final = 0.4
"""The time constant of the smoothing, in seconds."""


class LiveSession:
    """One camera, watched in one tab of a browser.

    A live view cannot look ahead: smoothed probabilities are an exponential mean over what came
    before, `exp(-age / SMOOTHING_S)`, so they lag behind a change by about that time.
    """

    def __init__(self, analyzer: Analyzer, source: str) -> None:
        """Begin to follow faces.

        Args:
            analyzer: Detector and model; several sessions may share it.
            source: What the records call the camera.
        """
        self.source: Final = source
        self._analyzer = analyzer
        self._tracker = Tracker()
        self._smoothed: dict[int, tuple[float, Mapping[str, float]]] = {}
        self._last_s = -math.inf
        self._lock = threading.Lock()

    def analyze(self, picture: bytes, *, time_s: float, frame: int) -> FrameResult:
        """Read one picture.

        Args:
            picture: An encoded picture, as a browser's canvas gives it.
            time_s: When it was taken, in seconds from the session's beginning; one that does
                not come after the picture before is moved there.
            frame: Its number among the camera's frames, from 0; dropped ones are counted too.

        Returns:
            The frame, its faces with tracks and smoothed probabilities.

        Raises:
            ImageError: It cannot be read as a picture.
        """
        result = self._analyzer.analyze(picture)
        with self._lock:
            time_s = self._last_s = max(time_s, self._last_s + 1e-3)
            found = [Face(face.box, face.landmarks, face.detection_score) for face in result.faces]
            track_ids = self._tracker.update(time_s, found)
            self._smoothed = {
                track: known
                for track, known in self._smoothed.items()
                if time_s - known[0] <= MAX_LOSS_S
            }
            faces = tuple(
                self._smooth(face, track_id, time_s)
                for face, track_id in zip(result.faces, track_ids, strict=True)
            )
        return FrameResult(self.source, time_s, frame, faces)

    def _smooth(self, face: FaceResult, track_id: int, time_s: float) -> FaceResult:
        """Note a face's track, and what its probabilities are in the mean of late."""
        known = self._smoothed.get(track_id)
        values = face.probabilities
        if values is None:
            return replace(face, track_id=track_id, smoothed=known[1] if known else None)
        if known is not None:
            before_s, before = known
            kept = math.exp(-(time_s - before_s) / SMOOTHING_S)
            values = {name: kept * before[name] + (1 - kept) * values[name] for name in values}
        self._smoothed[track_id] = time_s, values
        return replace(face, track_id=track_id, smoothed=values)
