"""Pick the frames in which a track shows each expression most clearly."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.faces.face import Box
from mien.report.thumbnails import cut_face
from mien.results import FaceResult

_BETTER: Final = 0.02  # minimum gain in probability to replace a peak


@dataclass(frozen=True)
class Peak:
    """The frame in which a track shows an expression most clearly.

    Attributes:
        emotion: The expression.
        probability: Its smoothed probability in that frame.
        time_s: Time of the frame, in seconds.
        box: The face's box in that frame.
        jpeg: The cropped face, if the frame was available.
    """

    emotion: str
    probability: float
    time_s: float
    box: Box
    jpeg: bytes | None


class Peaks:
    """Keeps one peak for each expression of each track."""

    def __init__(self, least: float) -> None:
        """Start without peaks.

        Args:
            least: Minimum probability of a peak.
        """
        self._least = least
        self._peaks: dict[int, dict[str, Peak]] = {}

    def add(self, face: FaceResult, time_s: float, image: NDArray[np.uint8] | None) -> None:
        """Keep a frame that shows its expression more clearly than any earlier one."""
        values = face.smoothed or face.probabilities
        if values is None or face.emotion is None or face.track_id is None:
            return
        name = max(values, key=lambda name: values[name])
        # Require the single frame and the smoothed probabilities to agree.
        if name != face.emotion or values[name] < self._least:
            return
        peaks = self._peaks.setdefault(face.track_id, {})
        if name not in peaks or values[name] > peaks[name].probability + _BETTER:
            jpeg = None if image is None else cut_face(image, face.box)
            peaks[name] = Peak(name, values[name], time_s, face.box, jpeg)

    def keep_only(self, tracks: Collection[int]) -> None:
        """Drop all other tracks."""
        for track_id in [track for track in self._peaks if track not in tracks]:
            del self._peaks[track_id]

    def of(self, track_id: int) -> list[Peak]:
        """Return a track's peaks in order of time."""
        return sorted(self._peaks.get(track_id, {}).values(), key=lambda peak: peak.time_s)

    def add_picture(self, time_s: float, image: NDArray[np.uint8]) -> None:
        """Crop the faces of the peaks at a time from its frame."""
        for peaks in self._peaks.values():
            for name, peak in peaks.items():
                if peak.time_s == time_s and peak.jpeg is None:
                    peaks[name] = replace(peak, jpeg=cut_face(image, peak.box))
