"""Follow faces from frame to frame: look at the whole picture now and then, and near between."""

import math

import numpy as np
from numpy.typing import NDArray

from mien.faces.detector import FaceDetector
from mien.faces.face import Box, Face
from mien.video.tracking import Tracker


class Follower:
    """Finds the faces of one video or camera and says which track each belongs to."""

    def __init__(self, detector: FaceDetector, *, detect_every_s: float) -> None:
        """Begin.

        Args:
            detector: What faces are found with.
            detect_every_s: Look at the whole picture at least this often, in seconds; between,
                each face is found again near where it is expected. 0 looks every time.
        """
        self._detector = detector
        self._detect_every_s = detect_every_s
        self._tracker = Tracker()
        self._next_detection_s = -math.inf

    def cut(self) -> None:
        """End all tracks: what follows is another scene."""
        self._tracker.cut()
        self._next_detection_s = -math.inf

    def find(
        self, image: NDArray[np.uint8], time_s: float, *, early_s: float = 0.0
    ) -> tuple[tuple[Face, ...], tuple[int, ...]]:
        """Find a frame's faces, the largest first, and the track of each.

        Args:
            image: (H, W, 3) uint8 RGB.
            time_s: The frame's time, after that of the frame before.
            early_s: By how much a look at the whole picture may come before its time.
        """
        faces = None
        if time_s < self._next_detection_s - early_s:
            faces = self._find_again(image, time_s)
        if faces is None:
            faces = self._detector.detect_frame(image)
            self._next_detection_s = time_s + self._detect_every_s
        return faces, self._tracker.update(time_s, faces)

    def _find_again(self, image: NDArray[np.uint8], time_s: float) -> tuple[Face, ...] | None:
        """Find the faces of the frame before near where they are expected; None if one is lost."""
        faces: list[Face] = []
        for box in self._tracker.expect(time_s):
            face = self._detector.detect_near(image, box)
            if face is None or any(_is_same(face.box, other.box) for other in faces):
                return None
            faces.append(face)
        return tuple(sorted(faces, key=lambda face: -face.box.area))


def _is_same(one: Box, other: Box) -> bool:
    """Return whether two boxes are so close that they must be of one face."""
    return one.shared_area(other) > 0.5 * min(one.area, other.area)
