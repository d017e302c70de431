"""Measure the quality of a face's picture: size, sharpness, brightness and head pose."""

import math
import threading
from collections import OrderedDict
from dataclasses import asdict, dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.devices import DEFAULT
from mien.faces.crop import crop_face
from mien.faces.detector import FaceDetector
from mien.faces.face import Box, Face
from mien.faces.turns import Detection

CROP_PX: Final = 64
"""Side to which a face is scaled before its sharpness is measured, so that sizes compare."""
_KEPT = 20_000  # faces whose quality waits for its result


@dataclass(frozen=True, slots=True)
class Quality:
    """The quality of one face's picture.

    Attributes:
        size_px: The shorter side of its box, in pixels.
        sharpness: Variance of the Laplacian of the face at `CROP_PX`, in squared grey levels;
            blurred faces have little.
        brightness: The mean grey level, in [0, 255].
        yaw_deg: How far the face is turned to its left (above 0) or right, in degrees; roughly,
            from where the nose lies between the eyes.
        roll_deg: How far the head leans, in degrees; clockwise in the picture is above 0.
    """

    size_px: float
    sharpness: float
    brightness: float
    yaw_deg: float | None
    roll_deg: float | None

    def to_dict(self) -> dict[str, float | None]:
        """Return the quality as plain JSON types, to 2 decimals."""
        return {
            name: None if value is None else round(value, 2) for name, value in asdict(self).items()
        }


def measure_quality(image: NDArray[np.uint8], face: Face) -> Quality:
    """Measure the quality of a face's picture.

    Args:
        image: (H, W, 3) uint8 RGB.
        face: A face that was found in it.
    """
    crop = crop_face(image, face, margin=0.0, size=CROP_PX).astype(np.float64)  # (64, 64)
    inner = crop[1:-1, 1:-1]
    laplacian = crop[:-2, 1:-1] + crop[2:, 1:-1] + crop[1:-1, :-2] + crop[1:-1, 2:] - 4 * inner
    yaw, roll = _find_pose(face)
    size = face.box.shorter_side
    return Quality(size, float(laplacian.var()), float(crop.mean()), yaw, roll)


def _find_pose(face: Face) -> tuple[float | None, float | None]:
    """Estimate yaw and roll from the five landmarks, in degrees."""
    if len(face.landmarks) != 5:
        return None, None
    (right_x, right_y), (left_x, left_y), (nose_x, nose_y) = face.landmarks[:3]
    across = (left_x - right_x, left_y - right_y)
    length = math.hypot(*across)
    if length < 1e-6:
        return 90.0, None
    # Where the nose's tip lies along the line between the eyes: 0 is in the middle. The tip stands
    # about as far before the eyes as the eyes are apart.
    middle = ((right_x + left_x) / 2, (right_y + left_y) / 2)
    along = ((nose_x - middle[0]) * across[0] + (nose_y - middle[1]) * across[1]) / length
    yaw = math.degrees(math.atan2(along, 0.5 * length))
    return yaw, math.degrees(math.atan2(across[1], across[0]))


class MeasuringDetector(FaceDetector):
    """A face detector that measures the quality of every face it finds.

    Results do not carry pictures: `take` gives the quality of a face by its box.
    """

    def __init__(
        self, *, detector_size: int, threads: int | None = None, device: str = DEFAULT
    ) -> None:
        """Open the detector.

        Args:
            detector_size: The picture's longer side at detection, in pixels.
            threads: Threads for one picture; None takes all available cores.
            device: "cpu", or another of `mien.devices.DeviceName`.
        """
        super().__init__(detector_size=detector_size, threads=threads, device=device)
        self._found: OrderedDict[Box, Quality] = OrderedDict()
        self._lock = threading.Lock()

    def search(self, image: NDArray[np.uint8], *, reduction: int = 1) -> Detection:
        """Find the faces of a photo, and how it has to be turned to be upright."""
        detection = super().search(image, reduction=reduction)
        for face in detection.faces:
            self._measure(image, face, reduction)
        return detection

    def detect_frame(self, image: NDArray[np.uint8]) -> tuple[Face, ...]:
        """Find the faces in a frame of a video, the largest first."""
        faces = super().detect_frame(image)
        for face in faces:
            self._measure(image, face)
        return faces

    def detect_near(self, image: NDArray[np.uint8], box: Box) -> Face | None:
        """Find a face again near where it is expected."""
        face = super().detect_near(image, box)
        if face is not None:
            self._measure(image, face)
        return face

    def take(self, box: Box) -> Quality | None:
        """Return the quality of the face with this box."""
        with self._lock:
            return self._found.get(box)

    def _measure(self, image: NDArray[np.uint8], face: Face, reduction: int = 1) -> None:
        """Measure a face; results name it by its box in the source's pixels."""
        quality = measure_quality(image, face)
        quality = replace(quality, size_px=reduction * quality.size_px)
        with self._lock:
            self._found[face.scaled(reduction).box] = quality
            while len(self._found) > _KEPT:
                self._found.popitem(last=False)
