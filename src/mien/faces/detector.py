"""Turn an image into the faces in it: box, five landmarks, score.

The detector is YuNet. A score is not a probability: it only ranks.
"""

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.errors import ConfigError, ModelError
from mien.faces.face import Box, Face
from mien.faces.yunet import MULTIPLE, Candidates, YuNet
from mien.files import advise_missing_asset
from mien.images import ImageSource, read_image

DETECTOR_PATH: Final = Path(__file__).parents[1] / "assets" / "yunet_2023mar_any_size.onnx"
DETECTOR_SIZE: Final = 640
"""The picture's longer side at detection; 1280 finds more of the small faces of a group."""
MIN_SCORE: Final = 0.7
MAX_OVERLAP: Final = 0.3
"""Of two candidates that overlap more than this (intersection over union), the better stays."""
NEAR_SIZE: Final = 128
"""The longer side, in pixels, of the small picture in which a face is found again."""
NEAR_MARGIN: Final = 2.6
"""How large that picture is, in face sizes."""
TIGHT_CROP_SIZES: Final = (224, 160)
"""Longer sides tried when nothing was found: a face that fills its picture is missed at 640."""


class FaceDetector:
    """A face detector, opened once for many pictures; several threads may share it."""

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        *,
        detector_size: int = DETECTOR_SIZE,
        min_score: float = MIN_SCORE,
        try_rotated: bool = False,
        threads: int | None = None,
    ) -> None:
        """Open the detector.

        Args:
            model: A YuNet file of one's own; None takes the one that comes with mien.
            detector_size: The picture's longer side at detection, in pixels. 640 suits photos
                and portraits; 1280 finds smaller faces and takes 2.3 times as long.
            min_score: Faces under this score, in [0, 1], are left out.
            try_rotated: Look at the picture turned by 90, 180 and 270 degrees as well, and take
                the turn whose best face scores highest; four times the work. For scans and for
                photos that lost their EXIF block.
            threads: Threads for one picture; None takes the cores at hand.

        Raises:
            ConfigError: A setting is out of its range.
            ModelError: The file is missing, or is not a YuNet model.
        """
        _check_settings(detector_size, min_score)
        self._size = detector_size
        self._min_score = min_score
        self._try_rotated = try_rotated
        path = DETECTOR_PATH if model is None else Path(model)
        self._network = YuNet(_read_model(path), name=path.name, threads=threads)

    def with_settings(self, *, detector_size: int, min_score: float) -> Self:
        """Return a detector with other settings that shares this one's network.

        Args:
            detector_size: See `FaceDetector`.
            min_score: See `FaceDetector`.

        Raises:
            ConfigError: A setting is out of its range.
        """
        _check_settings(detector_size, min_score)
        other = object.__new__(type(self))
        other.__dict__ |= self.__dict__ | {"_size": detector_size, "_min_score": min_score}
        return other

    def detect(self, image: NDArray[np.uint8]) -> tuple[Face, ...]:
        """Find the faces, the largest first.

        Args:
            image: (H, W, 3) uint8 RGB, as `read_image` gives it.

        Returns:
            The faces; an empty tuple where there are none.
        """
        faces = self._detect_upright(image)
        if self._try_rotated:
            best = max((face.score for face in faces), default=0.0)
            for turns in (1, 2, 3):
                turned = self._detect_upright(np.rot90(image, turns))
                if max((face.score for face in turned), default=0.0) > best:
                    best = max(face.score for face in turned)
                    faces = [_turn_back(face, turns, image.shape[:2]) for face in turned]
        return tuple(sorted(faces, key=_area, reverse=True))

    def detect_near(self, image: NDArray[np.uint8], box: Box) -> Face | None:
        """Find a face again near where it is expected; a small part of the picture is looked at.

        Args:
            image: (H, W, 3) uint8 RGB.
            box: Where the face is expected, in pixels.

        Returns:
            The face whose centre is closest to the box's; None where there is none near.
        """
        centre = box.center
        reach = max(box.width, box.height) * NEAR_MARGIN / 2
        height, width = image.shape[:2]
        left, top = max(0, round(centre[0] - reach)), max(0, round(centre[1] - reach))
        right, bottom = min(width, round(centre[0] + reach)), min(height, round(centre[1] + reach))
        if right <= left or bottom <= top:
            return None
        found = [
            _shift(face, left, top)
            for face in self._detect_at(image[top:bottom, left:right], NEAR_SIZE)
        ]
        return min(found, key=lambda face: _distance(face.box, centre), default=None)

    def _detect_upright(self, image: NDArray[np.uint8]) -> list[Face]:
        """Find the faces of a picture that is the right way up."""
        for size in dict.fromkeys((self._size, *TIGHT_CROP_SIZES)):
            faces = self._detect_at(image, size)
            if faces:
                return faces
        return []

    def _detect_at(self, image: NDArray[np.uint8], size: int) -> list[Face]:
        """Find the faces at one size of the picture."""
        pixels, scale = _letterbox(image, size)
        candidates = self._network.propose(pixels, min_score=self._min_score)
        kept = _suppress(candidates)
        boxes = candidates.boxes[kept] / scale  # (K, 4); scale is (x, y)
        landmarks = candidates.landmarks[kept] / scale[:2]
        return [
            Face(
                box=Box(*(float(value) for value in box)),
                landmarks=tuple((float(x), float(y)) for x, y in points),
                score=float(score),
            )
            for box, points, score in zip(boxes, landmarks, candidates.scores[kept], strict=True)
        ]


def detect_faces(source: ImageSource, *, detector_size: int = DETECTOR_SIZE) -> tuple[Face, ...]:
    """Find the faces in one picture, the largest first.

    For many pictures, keep a `FaceDetector`.

    Args:
        source: Anything `read_image` takes.
        detector_size: The picture's longer side at detection, in pixels.

    Returns:
        The faces; an empty tuple where there are none.

    Raises:
        ImageError: The source cannot be read as a picture.
    """
    return FaceDetector(detector_size=detector_size).detect(read_image(source))


def _check_settings(detector_size: int, min_score: float) -> None:
    if not 32 <= detector_size <= 4096:
        raise ConfigError(f"detector_size must be 32 to 4096 pixels, got {detector_size}")
    if not 0 < min_score <= 1:
        raise ConfigError(f"min_score must be above 0 and at most 1, got {min_score}")


def _read_model(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        if path == DETECTOR_PATH:
            raise ModelError(
                f"the face detector {path.name} is missing from this installation; "
                f"{advise_missing_asset()}"
            ) from error
        reason = error.strerror or type(error).__name__
        raise ModelError(f"the face detector {path} cannot be read: {reason}") from error


def _letterbox(
    image: NDArray[np.uint8], size: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Scale a picture to a longer side and pad it, black, to the right and below.

    Returns:
        The pixels, (H, W, 3) with H and W multiples of 32, and what to divide a box
        (x, y, width, height) by to come back to the picture: (4,) float32.
    """
    height, width = image.shape[:2]
    longer = max(height, width)
    fitted = max(1, round(height * size / longer)), max(1, round(width * size / longer))
    scaled = Image.fromarray(np.ascontiguousarray(image)).resize(
        (fitted[1], fitted[0]), Image.Resampling.BILINEAR, reducing_gap=2.0
    )
    padded = [-(-side // MULTIPLE) * MULTIPLE for side in fitted]
    pixels = np.zeros((padded[0], padded[1], 3), dtype=np.uint8)
    pixels[: fitted[0], : fitted[1]] = np.asarray(scaled)
    x_scale, y_scale = fitted[1] / width, fitted[0] / height
    return pixels, np.array([x_scale, y_scale, x_scale, y_scale], dtype=np.float32)


def _suppress(candidates: Candidates) -> list[int]:
    """Keep the best of the candidates that overlap: indices, the best first."""
    left, top, width, height = candidates.boxes.T.astype(np.float64)
    right, bottom, area = left + width, top + height, width * height
    waiting = np.argsort(-candidates.scores, kind="stable")
    kept: list[int] = []
    while waiting.size:
        best, waiting = waiting[0], waiting[1:]
        kept.append(int(best))
        across = np.minimum(right[best], right[waiting]) - np.maximum(left[best], left[waiting])
        down = np.minimum(bottom[best], bottom[waiting]) - np.maximum(top[best], top[waiting])
        shared = np.clip(across, 0, None) * np.clip(down, 0, None)
        waiting = waiting[shared <= MAX_OVERLAP * (area[best] + area[waiting] - shared)]
    return kept


def _turn_back(face: Face, turns: int, shape: tuple[int, ...]) -> Face:
    """Move a face found in `np.rot90(image, turns)` to where it is in the image."""
    height, width = shape
    to_image: Callable[[float, float], tuple[float, float]] = (
        lambda x, y: (x, y),
        lambda x, y: (width - y, x),
        lambda x, y: (width - x, height - y),
        lambda x, y: (y, height - x),
    )[turns]
    box = face.box
    corners = to_image(box.x, box.y), to_image(box.x + box.width, box.y + box.height)
    (left, right), (top, bottom) = (sorted(axis) for axis in zip(*corners, strict=True))
    return Face(
        box=Box(left, top, right - left, bottom - top),
        landmarks=tuple(to_image(x, y) for x, y in face.landmarks),
        score=face.score,
    )


def _shift(face: Face, x: float, y: float) -> Face:
    """Move a face found in a part of a picture to where it is in the picture."""
    box = face.box
    return Face(
        box=Box(box.x + x, box.y + y, box.width, box.height),
        landmarks=tuple((at_x + x, at_y + y) for at_x, at_y in face.landmarks),
        score=face.score,
    )


def _distance(box: Box, point: tuple[float, float]) -> float:
    return math.dist(box.center, point)


def _area(face: Face) -> float:
    return face.box.area
