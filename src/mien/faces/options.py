"""Define the options of face detection."""

import math
from dataclasses import dataclass, fields
from typing import Final, get_args

from mien.errors import ConfigError
from mien.faces.turns import Rotated

DETECTOR_SIZE: Final = 640
"""Longer side of the picture at detection, in pixels; 1280 finds more small faces in groups."""
MIN_SCORE: Final = 0.7


@dataclass(frozen=True, kw_only=True)
class DetectorOptions:
    """How to search for faces, and which to keep.

    Attributes:
        detector_size: Longer side of the picture at detection, in pixels.
        min_score: Faces with a lower score, in [0, 1], are left out.
        rotated: When to search the picture rotated by quarter turns as well; in videos, "auto" is
            "never".
        limit_faces: Keep at most this many faces of a picture, the largest; None keeps all.
        min_face_px: Leave out faces whose box has a shorter side below this, in pixels.
    """

    detector_size: int = DETECTOR_SIZE
    min_score: float = MIN_SCORE
    rotated: Rotated = "auto"
    limit_faces: int | None = None
    min_face_px: float = 0

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            ConfigError: An option is out of range.
        """
        if not 32 <= self.detector_size <= 4096:
            raise ConfigError(f"detector_size must be 32 to 4096 pixels, got {self.detector_size}")
        if not 0 < self.min_score <= 1:
            raise ConfigError(f"min_score must be above 0 and at most 1, got {self.min_score}")
        if self.rotated not in get_args(Rotated):
            raise ConfigError(f"rotated must be 'auto', 'always' or 'never', got {self.rotated!r}")
        if self.limit_faces is not None and self.limit_faces < 1:
            raise ConfigError(
                f"limit_faces must be 1 or more, got {self.limit_faces}; leave it out for all"
            )
        if not 0 <= self.min_face_px < math.inf:
            raise ConfigError(f"min_face_px must be 0 or more pixels, got {self.min_face_px}")

    def for_detector(self) -> "DetectorOptions":
        """Return these options alone, without those that a subclass adds."""
        names = (field.name for field in fields(DetectorOptions))
        return DetectorOptions(**{name: getattr(self, name) for name in names})
