"""The result of one face: its box and apparent expression."""

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
        box: Bounding box, in pixels of the source.
        landmarks: Right eye, left eye, nose tip, right and left mouth corner: (x, y) in pixels.
        detection_score: Confidence of the detector, in [0, 1]; not a probability.
        probabilities: Calibrated probability of each emotion, summing to 1; None if the face was
            not read because it is too small.
        emotion: The most probable emotion; None if there is a `reason` to name none.
        reason: Why no emotion is named; None if one is.
        certainty: Probability that most people would choose the most probable emotion, in [0, 1]
            (see `mien.model.certainty`); None if the face was not read, or the model's contract has
            no certainty temperature.
        track_id: In a video, number of the face's track, from 1. A track links the faces of
            consecutive frames; it does not identify a person. None in a photo.
        smoothed: In a video, the track's probabilities smoothed over time, summing to 1; None in a
            photo, or if the track was not read near this time.
        features: Input of the last layer, 256 numbers for `accurate` and 96 for `fast`; None if
            they were not requested, or the face was not read. They describe an expression and a
            picture; they do not identify a person.
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
    features: tuple[float, ...] | None = None

    @classmethod
    def unread(cls, face: Face, reason: Reason) -> "FaceResult":
        """Return the result of a face that was found but not read.

        Args:
            face: The face.
            reason: Why it was not read.
        """
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
        """Return the result of a face that was read.

        Args:
            face: The face.
            probabilities: The probability of each expression, in [0, 1].
            threshold: Below this probability no emotion is named; None always names one.
            certainty: Probability that most people would choose the most probable expression.
        """
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
        """Restore a face from a record, the output of `to_dict`."""
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
            features=None if record.get("features") is None else tuple(record["features"]),
        )

    def __repr__(self) -> str:
        box = self.box
        place = f"{box.width:.0f} x {box.height:.0f} at ({box.x:.0f}, {box.y:.0f})"
        return f"<FaceResult {display.describe_face(self.to_dict())}, {place}>"

    def to_dict(self) -> dict[str, Any]:
        """Return the face as JSON types; pixels to 2 decimals, probabilities to 8."""
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
        if self.features is not None:
            record["features"] = [round(value, 6) for value in self.features]
        return record
