"""The result of an evaluation: one model on one split."""

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
    """Metrics of a split, with or without horizontal flip or train duplicates.

    Attributes:
        what: Display name of the split and the variant.
        figures: Metrics of the calibrated probabilities.
    """

    what: str
    figures: Figures


@dataclass(frozen=True)
class Calibration:
    """Calibration of the probabilities, single view, before and after temperature scaling.

    Attributes:
        temperature: Divisor of the logits; 1 leaves them unchanged.
        origin: Display text of where the temperature comes from.
        ece_before: Expected calibration error at temperature 1, 0 to 1.
        ece_after: Expected calibration error at `temperature`, 0 to 1.
        nll_before: Mean negative log-likelihood at temperature 1, in nats.
        nll_after: Mean negative log-likelihood at `temperature`, in nats.
    """

    temperature: float
    origin: str
    ece_before: float
    ece_after: float
    nll_before: float
    nll_after: float


@dataclass(frozen=True)
class Provenance:
    """Origin of an evaluation, so that it can be repeated.

    Attributes:
        model: Name, path, format, SHA-256 and training of the model.
        source: Path of the data, as given by the user.
        source_sha256: SHA-256 of the data file; None for a folder.
        command: Command line.
        created: Date and time in UTC (ISO 8601).
        versions: Versions of Python and of the relevant packages.
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
    """Results of a model on one split.

    Attributes:
        split: "train", "validation" or "test".
        title: The dataset's own name for the split, for example "PrivateTest" in FER2013.
        split_sha256: SHA-256 of the split's pixels and labels: equal if the faces are the same.
        views: "single", "flip" and, where duplicates in train are known,
            "single_without_train_copies" and "flip_without_train_copies".
        calibration: Calibration before and after temperature scaling.
        reliability: Accuracy by confidence, single view, calibrated.
        risk_coverage: Error rate by coverage when abstaining, single view, calibrated.
        abstention_threshold: Top probability below which the model abstains; None if it never does.
        predictions: Single-view calibrated predictions.
        labels: Which labels the model predicts, one of `mien.model.spec.LABELS`.
        votes: Evaluation against annotators' votes, if there were any.
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
        """Describe in words which labels the model predicts."""
        return LABELS[self.labels]

    def to_dict(self) -> dict[str, Any]:
        """Return everything except the individual predictions, as JSON types."""
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
    """Sample a risk-coverage curve at a few round coverages.

    Returns:
        For each, the actual coverage, the accuracy and the threshold.
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
