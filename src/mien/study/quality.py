"""Measure image quality for a face: size, sharpness, brightness and head pose."""

import math
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.devices import DEFAULT
from mien.faces.crop import crop_face
from mien.faces.detector import FaceDetector
from mien.faces.face import Box, Face
from mien.faces.turns import Detection

CROP_PX: Final = 64
"""Side to which a face is scaled to measure sharpness, so that values are comparable."""
MIN_SHARPNESS: Final = 10.0
MIN_BRIGHTNESS: Final = 10.0
"""Limits below which readings are wrong at least twice as often: benchmarks/face_quality.py."""
REASONS: Final = ("blurred", "dark")
"""Reasons to doubt a reading because of the picture's quality; the first that applies counts."""
_KEPT = 20_000  # faces whose quality is kept until it is requested


@dataclass(frozen=True, slots=True)
class Quality:
    """Image quality of one face.

    Attributes:
        size_px: Shorter side of the box, in pixels.
        sharpness: Variance of the Laplacian of the face at `CROP_PX`, in squared grey levels; low
            for blurred faces.
        brightness: Mean grey level, in [0, 255].
        yaw_deg: Rotation to the person's left (positive) or right, in degrees; a rough estimate
            from the position of the nose between the eyes.
        roll_deg: Tilt of the head, in degrees; positive is clockwise in the picture.
    """

    size_px: float
    sharpness: float
    brightness: float
    yaw_deg: float | None
    roll_deg: float | None

    def to_dict(self) -> dict[str, float | None]:
        """Return the quality as JSON types, rounded to 2 decimals."""
        return {
            name: None if value is None else round(value, 2) for name, value in asdict(self).items()
        }


def measure_quality(image: NDArray[np.uint8] | Image.Image, face: Face) -> Quality:
    """Measure the image quality of a face.

    Args:
        image: (H, W, 3) uint8 RGB, or a Pillow image.
        face: A face found in the image.
    """
    crop = crop_face(image, face, margin=0.0, size=CROP_PX).astype(np.float64)  # (64, 64)
    inner = crop[1:-1, 1:-1]
    laplacian = crop[:-2, 1:-1] + crop[2:, 1:-1] + crop[1:-1, :-2] + crop[1:-1, 2:] - 4 * inner
    yaw, roll = _find_pose(face)
    size = face.box.shorter_side
    return Quality(size, float(laplacian.var()), float(crop.mean()), yaw, roll)


def find_reason(quality: Mapping[str, float | None]) -> str | None:
    """Find why the reading of a face is in doubt.

    Args:
        quality: As `Quality.to_dict` returns it; what was not measured is None or missing.

    Returns:
        One of `REASONS`; None where the picture is good enough.
    """
    sharpness, brightness = quality.get("sharpness"), quality.get("brightness")
    if sharpness is not None and sharpness < MIN_SHARPNESS:
        return "blurred"
    return "dark" if brightness is not None and brightness < MIN_BRIGHTNESS else None


def _find_pose(face: Face) -> tuple[float | None, float | None]:
    """Estimate yaw and roll from the five landmarks, in degrees."""
    if len(face.landmarks) != 5:
        return None, None
    (right_x, right_y), (left_x, left_y), (nose_x, nose_y) = face.landmarks[:3]
    across = (left_x - right_x, left_y - right_y)
    length = math.hypot(*across)
    if length < 1e-6:
        return 90.0, None
    # Position of the nose tip along the line between the eyes, 0 in the middle. The tip protrudes
    # by about the distance between the eyes.
    middle = ((right_x + left_x) / 2, (right_y + left_y) / 2)
    along = ((nose_x - middle[0]) * across[0] + (nose_y - middle[1]) * across[1]) / length
    yaw = math.degrees(math.atan2(along, 0.5 * length))
    return yaw, math.degrees(math.atan2(across[1], across[0]))


class MeasuringDetector(FaceDetector):
    """A face detector that also measures the image quality of every face.

    Results do not include the quality: `take` returns it by the face's box.
    """

    def __init__(
        self, *, detector_size: int, threads: int | None = None, device: str = DEFAULT
    ) -> None:
        """Open the detector.

        Args:
            detector_size: Longer side of the image at detection, in pixels.
            threads: Maximum number of threads; None uses all available cores.
            device: "cpu" or another `mien.devices.DeviceName`.
        """
        super().__init__(detector_size=detector_size, threads=threads, device=device)
        self._found: OrderedDict[Box, Quality] = OrderedDict()
        self._lock = threading.Lock()

    def search(self, image: NDArray[np.uint8] | Image.Image, *, reduction: int = 1) -> Detection:
        """Find the faces of a photo, and the rotation that makes it upright."""
        detection = super().search(image, reduction=reduction)
        for face in detection.faces:
            self._measure(image, face, reduction)
        return detection

    def detect_frame(self, image: NDArray[np.uint8]) -> tuple[Face, ...]:
        """Find the faces in a video frame, the largest first."""
        faces = super().detect_frame(image)
        for face in faces:
            self._measure(image, face)
        return faces

    def detect_near(self, image: NDArray[np.uint8], box: Box) -> Face | None:
        """Find a face near its expected position."""
        face = super().detect_near(image, box)
        if face is not None:
            self._measure(image, face)
        return face

    def take(self, box: Box) -> Quality | None:
        """Return the quality of the face with this box, once."""
        with self._lock:
            return self._found.get(box)

    def _measure(
        self, image: NDArray[np.uint8] | Image.Image, face: Face, reduction: int = 1
    ) -> None:
        """Measure a face; results refer to it by its box in the source's pixels."""
        quality = measure_quality(image, face)
        quality = replace(quality, size_px=reduction * quality.size_px)
        with self._lock:
            self._found[face.scaled(reduction).box] = quality
            while len(self._found) > _KEPT:
                self._found.popitem(last=False)
