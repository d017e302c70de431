"""This module turns what was found in a picture into one frozen record with one JSON form.

The same keys in Python, JSON, HTTP and the page.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from mien.faces import Box, Face

SCHEMA: Final = 1

Reason: TypeAlias = Literal["too_small", "uncertain"]
"""Why a face has no emotion: too few pixels, or no emotion is probable enough."""


@dataclass(frozen=True, slots=True)
class FaceResult:
    """One face and its apparent expression.

    Attributes:
        box: Where the face is, in pixels of the source.
        landmarks: Right eye, left eye, nose tip, right and left mouth corner: (x, y) in pixels.
        detection_score: How sure the detector is, in [0, 1]; not a probability.
        probabilities: For each emotion, calibrated, summing to 1; None where the face was not
            read because it is too small.
        emotion: The most probable emotion; None where there is a reason to name none.
        reason: Why no emotion is named; None where one is.
    """

    box: Box
    landmarks: tuple[tuple[float, float], ...]
    detection_score: float
    probabilities: Mapping[str, float] | None
    emotion: str | None
    reason: Reason | None

    @classmethod
    def unread(cls, face: Face, reason: Reason) -> "FaceResult":
        """Record a face that was found but not read."""
        return cls(face.box, face.landmarks, face.score, None, None, reason)

    @classmethod
    def read(
        cls, face: Face, probabilities: Mapping[str, float], *, threshold: float | None
    ) -> "FaceResult":
        """Record a face that was read; below the threshold no emotion is named."""
        emotion = max(probabilities, key=lambda name: probabilities[name])
        certain = threshold is None or probabilities[emotion] >= threshold
        return cls(
            box=face.box,
            landmarks=face.landmarks,
            detection_score=face.score,
            probabilities=probabilities,
            emotion=emotion if certain else None,
            reason=None if certain else "uncertain",
        )

    def to_dict(self) -> dict[str, Any]:
        """Give the record as plain JSON types; pixels to 2 decimals, probabilities to 8."""
        box, probabilities = self.box, self.probabilities
        return {
            "box": {
                "x": round(box.x, 2),
                "y": round(box.y, 2),
                "width": round(box.width, 2),
                "height": round(box.height, 2),
            },
            "landmarks": [[round(x, 2), round(y, 2)] for x, y in self.landmarks],
            "detection_score": round(self.detection_score, 4),
            "probabilities": None
            if probabilities is None
            else {name: round(value, 8) for name, value in probabilities.items()},
            "emotion": self.emotion,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class ImageResult:
    """One picture and the faces in it.

    Attributes:
        source: The path, or what was given in place of one: "<bytes>", "<array>", "<image>".
        width: The picture's width in pixels, upright.
        height: The picture's height in pixels, upright.
        faces: The largest first; empty where there are none.
    """

    source: str
    width: int
    height: int
    faces: tuple[FaceResult, ...]

    def to_dict(self) -> dict[str, Any]:
        """Give the record as plain JSON types."""
        return {
            "schema": SCHEMA,
            "source": self.source,
            "width": self.width,
            "height": self.height,
            "faces": [face.to_dict() for face in self.faces],
        }

    def to_json(self) -> str:
        """Give the record as one line of JSON."""
        return _to_line(self.to_dict())


@dataclass(frozen=True, slots=True)
class Failure:
    """A source that could not be read.

    Attributes:
        source: The path, or what was given in place of one.
        kind: The kind of error, e.g. "image".
        message: What went wrong, in one sentence.
    """

    source: str
    kind: str
    message: str

    def to_dict(self) -> dict[str, Any]:
        """Give the record as plain JSON types."""
        error = {"kind": self.kind, "message": self.message}
        return {"schema": SCHEMA, "source": self.source, "error": error}

    def to_json(self) -> str:
        """Give the record as one line of JSON."""
        return _to_line(self.to_dict())


def _to_line(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, allow_nan=False)
