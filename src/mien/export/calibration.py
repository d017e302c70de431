"""Choose a model's temperature and abstention threshold on held-out faces."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from mien.data.datasets import Floats, Split, title_of
from mien.evaluation.metrics import (
    RiskCoverage,
    compute_figures,
    cross_entropies,
    fit_temperature,
    reliability,
    risk_coverage,
    softmax,
    threshold_for_accuracy,
    threshold_for_coverage,
)
from mien.model.abstention import AbstentionCurve, Operating, check_wish

COVERAGES: Final = tuple(share / 100 for share in range(100, 4, -1))
"""Coverages at which the contract's curve is sampled."""
MIN_ANSWERS: Final = 50
"""Minimum number of answered faces per point: accuracy on fewer is unreliable."""


@dataclass(frozen=True)
class Calibrated:
    """The calibration of a model's probabilities on held-out faces.

    Attributes:
        temperature: Divisor of the logits before the softmax.
        certainty_temperature: Further divisor, for the certainty.
        abstention_threshold: Top probability below which no emotion is named; None never abstains.
        abstention_curve: Coverage and accuracy at other thresholds.
        metrics: Metrics on these faces.
    """

    temperature: float
    certainty_temperature: float
    abstention_threshold: float | None
    abstention_curve: AbstentionCurve
    metrics: Mapping[str, Any]


def calibrate(
    logits: NDArray[np.float32],
    held_out: Split,
    class_names: tuple[str, ...],
    *,
    shares: Floats | None = None,
    coverage: float | None = None,
    accuracy: float | None = None,
) -> Calibrated:
    """Fit the temperatures, and choose the abstention threshold for a coverage or an accuracy.

    Args:
        logits: (N, C), for faces that the model was not trained on.
        held_out: These faces; their labels are indices into `class_names`.
        class_names: C class names, in the order of the columns.
        shares: (N, C) annotators' vote shares, rows sum to 1. If given, the temperature is fitted
            to them, otherwise to the labels.
        coverage: Required fraction of faces with an answer, above 0 to 1.
        accuracy: Required accuracy of the answers, above 0 to 1.

    Raises:
        ConfigError: Both are given, or one is out of range.
        DataError: No threshold reaches the accuracy, or there are no faces.
    """
    wish = check_wish(coverage=coverage, accuracy=accuracy)
    temperature = fit_temperature(logits, held_out.labels if shares is None else shares)
    probabilities = softmax(logits, temperature)
    # Probabilities that were fitted to labels say already how often the answer is right.
    certainty_temperature = 1.0
    if shares is not None:
        certainty_temperature = fit_temperature(logits / temperature, held_out.labels)
    curve = risk_coverage(held_out.labels, probabilities)
    figures = compute_figures(held_out.labels, probabilities, class_names)

    threshold = None
    if wish == "coverage" and coverage is not None:
        threshold = threshold_for_coverage(curve, coverage)
    elif accuracy is not None:
        threshold = threshold_for_accuracy(curve, accuracy)

    metrics = {
        "faces": figures.faces,
        "accuracy": figures.accuracy,
        "macro_f1": figures.macro_f1,
        "ece": figures.ece,
        "nll": figures.nll,
    }
    if shares is not None:
        certainty = softmax(logits, temperature * certainty_temperature)
        metrics |= {"certainty_ece": reliability(held_out.labels, certainty).ece}
        distance = cross_entropies(logits / temperature, shares)
        metrics |= {"cross_entropy_to_votes": float(distance.mean())}
        metrics |= {"entropy_of_votes": float(stats.entropy(shares, axis=1).mean())}
    return Calibrated(
        temperature,
        certainty_temperature,
        None if threshold is None else _round_down(threshold),
        _thin_out(curve, held_out),
        metrics,
    )


def _thin_out(curve: RiskCoverage, held_out: Split) -> AbstentionCurve:
    """Keep one point per percent of coverage, with thresholds rounded down to keep the coverage."""
    points: list[Operating] = []
    faces = len(held_out.labels)
    for wanted in COVERAGES:
        at = int(np.flatnonzero(curve.coverage >= wanted - 1e-12)[0])
        point = Operating(
            threshold=_round_down(float(curve.threshold[at])),
            coverage=round(float(curve.coverage[at]), 4),
            accuracy=round(1 - float(curve.risk[at]), 4),
        )
        if points and (round(curve.coverage[at] * faces) < MIN_ANSWERS or point == points[-1]):
            continue
        points.append(point)
    return AbstentionCurve(title_of(held_out), faces, tuple(points))


def _round_down(threshold: float) -> float:
    """Round a threshold down to six digits, so that a face exactly at it also passes in float32."""
    return math.floor(threshold * 1e6) / 1e6
