"""The result of an evaluation: what one model is worth on one split."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from mien.data.predictions import Predictions
from mien.evaluation.metrics import Figures, Reliability, RiskCoverage, threshold_for_coverage
from mien.evaluation.vote_figures import VoteFigures
from mien.model.spec import LABELS

FLIP: Final = "mean of the calibrated probabilities of a face and of its mirror image"
_COVERAGES: Final = (1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5)


@dataclass(frozen=True)
class View:
    """One way to look at a split, and the figures it gives.

    Attributes:
        what: The split and the way, as a reader should quote it.
        figures: Of calibrated probabilities.
    """

    what: str
    figures: Figures


@dataclass(frozen=True)
class Calibration:
    """Calibration of the probabilities, single view, before and after temperature scaling.

    Attributes:
        temperature: What the logits are divided by; 1 changes nothing.
        origin: Where the temperature comes from, as a reader should quote it.
        ece_before: Expected calibration error at temperature 1.
        ece_after: The same at `temperature`.
        nll_before: Mean negative log-likelihood at temperature 1, in nats.
        nll_after: The same at `temperature`.
    """

    temperature: float
    origin: str
    ece_before: float
    ece_after: float
    nll_before: float
    nll_after: float


@dataclass(frozen=True)
class Provenance:
    """Where an evaluation comes from, so that it can be repeated.

    Attributes:
        model: Name, path, format, SHA-256 and training of the model.
        source: The data, as the user named it.
        source_sha256: Of the data's file; None if it is a folder.
        command: What was typed.
        created: When, in UTC (ISO 8601).
        versions: Of Python and the packages that matter.
    """

    model: Mapping[str, Any]
    source: str
    source_sha256: str | None
    command: str
    created: str
    versions: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Return the provenance as JSON types."""
        return {
            "model": dict(self.model),
            "data": {"source": self.source, "source_sha256": self.source_sha256},
            "command": self.command,
            "created": self.created,
            "versions": dict(self.versions),
        }


@dataclass(frozen=True)
class Evaluation:
    """The results of a model on one split.

    Attributes:
        split: "train", "validation" or "test".
        title: The split's own name: "PrivateTest" where the data is FER2013.
        split_sha256: Of the split's pixels and labels: the same digits, the same faces.
        views: "single", "flip" and, where copies in train are known,
            "single_without_train_copies" and "flip_without_train_copies".
        calibration: Before and after temperature scaling.
        reliability: Confidence against accuracy, single view, calibrated.
        risk_coverage: What abstaining would buy, single view, calibrated.
        abstention_threshold: Under this top probability the model gives no answer, if it has one.
        predictions: Single view, calibrated.
        labels: Whose label the model answers with, one of `mien.model.spec.LABELS`.
        votes: What it is worth by people's votes, if there were any.
    """

    split: str
    title: str
    split_sha256: str
    views: Mapping[str, View]
    calibration: Calibration
    reliability: Reliability
    risk_coverage: RiskCoverage
    abstention_threshold: float | None
    predictions: Predictions
    labels: str = "own"
    votes: VoteFigures | None = None

    @property
    def whose_label(self) -> str:
        """Return whose label the model answers with, in words."""
        return LABELS[self.labels]

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the single predictions, as JSON types."""
        copies = self.predictions.copies
        return {
            "data": {
                "split": self.split,
                "title": self.title,
                "faces": len(self.predictions.labels),
                "copies_in_train": None if copies is None else int(copies.sum()),
                "class_names": list(self.predictions.class_names),
                "split_sha256": self.split_sha256,
            },
            "labels": self.labels,
            **({} if self.votes is None else {"votes": self.votes.to_dict()}),
            "views": {
                key: {"what": view.what, "split": self.split, **asdict(view.figures)}
                for key, view in self.views.items()
            },
            "flip": FLIP,
            "calibration": {
                **asdict(self.calibration),
                "bins": _bins(self.reliability),
            },
            "abstention": {
                "aurc": self.risk_coverage.aurc,
                "threshold": self.abstention_threshold,
                "points": coverage_points(self.risk_coverage),
            },
        }


def coverage_points(curve: RiskCoverage) -> list[dict[str, float]]:
    """Read a risk-coverage curve at a few round coverages.

    Returns:
        For each: the coverage really reached, the accuracy there and the threshold that gives it.
    """
    points = []
    for wanted in _COVERAGES:
        threshold = threshold_for_coverage(curve, wanted)
        i = int(np.flatnonzero(curve.threshold == threshold)[0])
        coverage, risk = float(curve.coverage[i]), float(curve.risk[i])
        points.append({"coverage": coverage, "accuracy": 1 - risk, "threshold": threshold})
    return points


def _bins(bins: Reliability) -> list[dict[str, float]]:
    lows, highs = bins.edges[:-1].round(6).tolist(), bins.edges[1:].round(6).tolist()
    rows = zip(
        lows,
        highs,
        bins.counts.tolist(),
        bins.confidence.tolist(),
        bins.accuracy.tolist(),
        strict=True,
    )
    keys = ("from", "to", "faces", "confidence", "accuracy")
    return [dict(zip(keys, row, strict=True)) for row in rows]
