"""Choose abstention thresholds by coverage or accuracy.

Below the threshold a model names no emotion (selective classification, El-Yaniv & Wiener 2010;
Geifman & El-Yaniv 2017, arXiv 1705.08500). The effect of each threshold was measured on held-out
faces at export and is stored in the contract.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mien.errors import ConfigError, ModelError


@dataclass(frozen=True)
class Operating:
    """Coverage and accuracy at one threshold.

    Attributes:
        threshold: An emotion is named if its probability is at least this, 0 to 1.
        coverage: Fraction of faces that get an answer, 0 to 1.
        accuracy: Fraction of these answers that are correct, 0 to 1.
    """

    threshold: float
    coverage: float
    accuracy: float


@dataclass(frozen=True)
class AbstentionCurve:
    """A model's risk-coverage curve, sampled closely enough to choose thresholds from.

    Attributes:
        split: Display name of the faces it was measured on, for example "PublicTest".
        faces: Number of these faces.
        points: Points, from full coverage down.
    """

    split: str
    faces: int
    points: tuple[Operating, ...]

    def __post_init__(self) -> None:
        """Validate all fields.

        Raises:
            ModelError: A field has the wrong type or an impossible value.
        """
        values = [v for p in self.points for v in (p.threshold, p.coverage, p.accuracy)]
        split: object = self.split  # the annotation does not hold for values read from a file
        sound = (
            isinstance(split, str)
            and type(self.faces) is int
            and self.faces > 0
            and len(self.points) > 0
            and all(_is_share(value) for value in values)
        )
        if not sound:
            raise ModelError(
                "the contract's abstention_curve needs a split, a number of faces and points of "
                "threshold, coverage and accuracy from 0 to 1; export the model again"
            )

    @classmethod
    def from_dict(cls, values: Any) -> "AbstentionCurve":  # noqa: ANN401 - any JSON value
        """Read the curve from JSON types.

        Raises:
            ModelError: The value is not a valid curve.
        """
        try:
            points = tuple(Operating(**point) for point in values["points"])
            return cls(values["split"], values["faces"], points)
        except (KeyError, TypeError) as error:
            raise ModelError(
                f"the contract's abstention_curve is invalid ({error}); export the model again"
            ) from error

    def to_dict(self) -> dict[str, Any]:
        """Return the curve as JSON types."""
        points = [
            {"threshold": p.threshold, "coverage": p.coverage, "accuracy": p.accuracy}
            for p in self.points
        ]
        return {"split": self.split, "faces": self.faces, "points": points}

    def choose(self, *, coverage: float | None = None, accuracy: float | None = None) -> Operating:
        """Choose the point that reaches a coverage or an accuracy on the measured faces.

        Args:
            coverage: Required fraction of faces with an answer, above 0 to 1. Selects the highest
                threshold that reaches it.
            accuracy: Required accuracy of the answers, above 0 to 1. Selects the threshold with the
                largest coverage that reaches it.

        Raises:
            ConfigError: Both or neither are given, one is out of range, or no threshold reaches the
                accuracy.
        """
        wish = check_wish(coverage=coverage, accuracy=accuracy)
        if wish is None:
            raise ConfigError("set either coverage or accuracy")
        if coverage is not None:
            enough = [point for point in self.points if point.coverage >= coverage - 1e-9]
            return min(enough or self.points[:1], key=lambda point: point.coverage)
        right = [point for point in self.points if point.accuracy >= (accuracy or 0) - 1e-9]
        if not right:
            best = max(self.points, key=lambda point: point.accuracy)
            raise ConfigError(
                f"no threshold reaches an accuracy of {accuracy:.0%} on {self.split}; the best is "
                f"{best.accuracy:.1%}, at a coverage of {best.coverage:.0%}"
            )
        return max(right, key=lambda point: point.coverage)


def check_wish(*, coverage: float | None, accuracy: float | None) -> str | None:
    """Check the requested coverage or accuracy.

    Returns:
        "coverage" or "accuracy", whichever is given; None if neither is.

    Raises:
        ConfigError: Both are given, or one is out of range.
    """
    given: Mapping[str, float] = {
        name: value
        for name, value in (("coverage", coverage), ("accuracy", accuracy))
        if value is not None
    }
    if len(given) > 1:
        raise ConfigError("set either coverage or accuracy, not both")
    for name, value in given.items():
        if not (_is_share(value) and value > 0):
            raise ConfigError(f"{name} must be above 0 and at most 1, got {value}")
        return name
    return None


def _is_share(value: object) -> bool:
    if not isinstance(value, int | float) or type(value) is bool:
        return False
    return math.isfinite(value) and 0 <= value <= 1
