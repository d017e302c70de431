"""Follow faces from frame to frame: detect in the whole image at intervals, and nearby between."""

import math

import numpy as np
from numpy.typing import NDArray

from mien.faces.detector import FaceDetector
from mien.faces.face import Box, Face
from mien.video.tracking import Tracker


class Follower:
    """Find the faces of one video or camera, and assign them to tracks."""

    def __init__(self, detector: FaceDetector, *, detect_every_s: float) -> None:
        """Start without tracks.

        Args:
            detector: The face detector.
            detect_every_s: Maximum interval between detections in the whole image, in seconds. In
                between, each face is searched for near its expected position. 0 detects in every
                frame.
        """
        self._detector = detector
        self._detect_every_s = detect_every_s
        self._tracker = Tracker()
        self._next_detection_s = -math.inf

    def cut(self) -> None:
        """End all tracks at a scene cut."""
        self._tracker.cut()
        self._next_detection_s = -math.inf

    def find(
        self, image: NDArray[np.uint8], time_s: float, *, early_s: float = 0.0
    ) -> tuple[tuple[Face, ...], tuple[int, ...]]:
        """Find a frame's faces, the largest first, and the track of each.

        Args:
            image: (H, W, 3) uint8 RGB.
            time_s: Time of the frame, after that of the previous one.
            early_s: By how much a detection in the whole image may come early, in seconds.
        """
        faces = None
        if time_s < self._next_detection_s - early_s:
            faces = self._find_again(image, time_s)
        if faces is None:
            faces = self._detector.detect_frame(image)
            self._next_detection_s = time_s + self._detect_every_s
        return faces, self._tracker.update(time_s, faces)

    def _find_again(self, image: NDArray[np.uint8], time_s: float) -> tuple[Face, ...] | None:
        """Find the previous frame's faces near their expected positions; None if one is lost."""
        faces: list[Face] = []
        for box in self._tracker.expect(time_s):
            face = self._detector.detect_near(image, box)
            if face is None or any(_is_same(face.box, other.box) for other in faces):
                return None
            faces.append(face)
        return tuple(sorted(faces, key=lambda face: -face.box.area))


def _is_same(one: Box, other: Box) -> bool:
    """Return whether two boxes are so close that they must belong to the same face."""
    return one.shared_area(other) > 0.5 * min(one.area, other.area)
