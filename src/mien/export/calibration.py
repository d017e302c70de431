"""Calibration: a model's temperature and abstention threshold, from held-out faces."""

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
"""Where the curve in a contract has its points."""
MIN_ANSWERS: Final = 50
"""Where fewer faces would be answered, an accuracy says little: the curve ends."""


@dataclass(frozen=True)
class Calibrated:
    """The calibration of a model's probabilities on held-out faces.

    Attributes:
        temperature: What logits are divided by before the softmax.
        certainty_temperature: What they are divided by, after that, for the certainty.
        abstention_threshold: Below this top probability no emotion is named; None names always.
        abstention_curve: What other thresholds give.
        metrics: How good the model is on these faces.
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
        logits: (N, C), of faces the model was not trained on.
        held_out: These faces; their labels are indices into `class_names`.
        class_names: C names, the order of the columns.
        shares: (N, C) shares of annotators, rows sum to 1: the temperature is then fitted to them,
            and to the labels otherwise.
        coverage: Share of the faces to answer, above 0 to 1.
        accuracy: Required share of answers that agree with the labels, above 0 to 1.

    Raises:
        ConfigError: Both are given, or one is out of range.
        DataError: The accuracy is never reached, or there is no face.
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
    """Keep a point a percent; thresholds are rounded down, so that they answer as much."""
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
    """Round a threshold down to six digits: a face at it then passes in 32-bit floats, too."""
    return math.floor(threshold * 1e6) / 1e6
