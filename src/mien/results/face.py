"""Record one face and its apparent expression."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mien.emotions import Reason
from mien.faces.face import Box, Face
from mien.results import display
from mien.results.record import round_probabilities


@dataclass(frozen=True, slots=True)
class FaceResult:
    """One face and its apparent expression.

    Attributes:
        box: Where the face is, in pixels of the source.
        landmarks: Right eye, left eye, nose tip, right and left mouth corner: (x, y) in pixels.
        detection_score: How sure the detector is, in [0, 1]; not a probability.
        probabilities: For each emotion, calibrated, summing to 1; None where the face was not read
            because it is too small.
        emotion: The most probable emotion; None where there is a reason to name none.
        reason: Why no emotion is named; None where one is.
        certainty: How likely it is that most people would choose the most probable emotion, in [0,
            1] (see `mien.model.certainty`); None where the face was not read, or the model's
            contract does not say.
        track_id: In a video, which track of faces this one belongs to, from 1; it says that a face
            went on from frame to frame, never whose it is. None in a photo.
        smoothed: In a video, the track's probabilities smoothed over time, summing to 1; None in a
            photo, or where the track was not read at any time near.
    """

    box: Box
    landmarks: tuple[tuple[float, float], ...]
    detection_score: float
    probabilities: Mapping[str, float] | None
    emotion: str | None
    reason: Reason | None
    certainty: float | None = None
    track_id: int | None = None
    smoothed: Mapping[str, float] | None = None

    @classmethod
    def unread(cls, face: Face, reason: Reason) -> "FaceResult":
        """Record a face that was found but not read."""
        return cls(face.box, face.landmarks, face.score, None, None, reason)

    @classmethod
    def read(
        cls,
        face: Face,
        probabilities: Mapping[str, float],
        *,
        threshold: float | None,
        certainty: float | None = None,
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
            certainty=certainty,
        )

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "FaceResult":
        """Read back what `to_dict` returned."""
        box = record["box"]
        return cls(
            box=Box(box["x"], box["y"], box["width"], box["height"]),
            landmarks=tuple((x, y) for x, y in record["landmarks"]),
            detection_score=record["detection_score"],
            probabilities=record["probabilities"],
            emotion=record["emotion"],
            reason=record["reason"],
            track_id=record.get("track_id"),
            smoothed=record.get("smoothed"),
            certainty=record.get("certainty"),
        )

    def __repr__(self) -> str:
        box = self.box
        place = f"{box.width:.0f} x {box.height:.0f} at ({box.x:.0f}, {box.y:.0f})"
        return f"<FaceResult {display.describe_face(self.to_dict())}, {place}>"

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON types; pixels to 2 decimals, probabilities to 8."""
        box = self.box
        record = {
            "box": {
                "x": round(box.x, 2),
                "y": round(box.y, 2),
                "width": round(box.width, 2),
                "height": round(box.height, 2),
            },
            "landmarks": [[round(x, 2), round(y, 2)] for x, y in self.landmarks],
            "detection_score": round(self.detection_score, 4),
            "probabilities": round_probabilities(self.probabilities),
            "emotion": self.emotion,
            "reason": self.reason,
            "certainty": None if self.certainty is None else round(self.certainty, 4),
        }

        if self.track_id is not None:
            record |= {"track_id": self.track_id, "smoothed": round_probabilities(self.smoothed)}
        return record
