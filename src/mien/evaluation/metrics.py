"""Compute metrics from labels and probabilities.

Everything here is pure: arrays in, frozen dataclasses out. The statistics are scikit-learn's and
SciPy's. The one exception is the expected calibration error, which is summed over SciPy's bins:
torchmetrics puts a confidence of exactly 1 into a bin of its own, and the reliability diagram
needs the bins anyway (`tests/evaluation/test_metrics.py` shows that both agree below 1).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats
from sklearn import metrics as sk

from mien.data.datasets import Floats, Labels
from mien.errors import DataError, InputError
from mien.model import recognizer

CALIBRATION_BINS: Final = 15
_TEMPERATURE_BOUNDS: Final = (0.05, 20.0)
_TEMPERATURE_SD: Final = 0.5  # of its logarithm, before any face is seen


@dataclass(frozen=True)
class ClassFigures:
    """Results for one class: fractions of 0 to 1, and the counts they come from.

    Attributes:
        precision: Of the faces that were given this class, the fraction that has it.
        recall: Of the faces that have this class, the fraction that was given it.
        recall_interval: Its 95 % interval (Wilson, 1927); a rare class has a wide one.
        f1: The harmonic mean of both.
        faces: How many faces have this class.
        predicted: How many faces were given it.
    """

    precision: float
    recall: float
    recall_interval: tuple[float, float]
    f1: float
    faces: int
    predicted: int


@dataclass(frozen=True)
class Figures:
    """The metrics of a set of predictions.

    Attributes:
        faces: How many faces were judged.
        correct: How many of them got their label.
        accuracy: `correct / faces`, 0 to 1.
        accuracy_interval: Its 95 % interval (Wilson, 1927).
        macro_f1: The mean F1 over the classes that have a face here.
        top2_accuracy: How often the label is among the two most probable classes.
        ece: Expected calibration error of the top probability, 15 bins of equal width
            (Guo et al., 2017, arXiv 1706.04599).
        nll: Mean negative log-likelihood, in nats.
        brier: Mean squared distance to the one-hot label, 0 to 2.
        per_class: Each class by name, in the order of the confusion matrix.
        confusion: Counts, a row for each labelled class, a column for each predicted class.
    """

    faces: int
    correct: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    macro_f1: float
    top2_accuracy: float
    ece: float
    nll: float
    brier: float
    per_class: Mapping[str, ClassFigures]
    confusion: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Reliability:
    """Confidence against accuracy, in bins of equal width (a reliability diagram).

    Attributes:
        edges: (B + 1,) from 0 to 1.
        counts: (B,) faces whose top probability falls into the bin.
        confidence: (B,) their mean top probability, 0 where the bin is empty.
        accuracy: (B,) the fraction of them that is right, 0 where the bin is empty.
    """

    edges: Floats
    counts: Labels
    confidence: Floats
    accuracy: Floats

    @property
    def ece(self) -> float:
        """The expected calibration error: |accuracy - confidence|, weighted by the counts."""
        return float(np.average(np.abs(self.accuracy - self.confidence), weights=self.counts))


@dataclass(frozen=True)
class RiskCoverage:
    """The risk-coverage curve of abstaining below a threshold (El-Yaniv & Wiener, 2010).

    One point for each distinct top probability, from the most to the least confident: faces that
    tie are kept or left together.

    Attributes:
        threshold: (P,) falling; a face is kept if its top probability is at least this.
        coverage: (P,) the fraction of faces kept, rising to 1.
        risk: (P,) the fraction of the kept faces that is wrong.
    """

    threshold: Floats
    coverage: Floats
    risk: Floats

    @property
    def aurc(self) -> float:
        """The area under the curve: the mean risk over all coverages; lower is better."""
        return float(np.average(self.risk, weights=np.diff(self.coverage, prepend=0.0)))


def softmax(logits: NDArray[np.floating], temperature: float = 1.0) -> Floats:
    """Convert logits (N, C) to probabilities (N, C) whose rows sum to 1."""
    return recognizer.softmax(np.asarray(logits, dtype=np.float64) / temperature)


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """Return the 95 % interval of a fraction (Wilson, 1927); 0 to 1 without trials."""
    if not trials:
        return (0.0, 1.0)
    interval = stats.binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    return (float(interval.low), float(interval.high))


def compute_figures(labels: Labels, probabilities: Floats, class_names: Sequence[str]) -> Figures:
    """Evaluate probabilities against labels.

    Args:
        labels: (N,) indices into `class_names`.
        probabilities: (N, C), rows sum to 1.
        class_names: C names.

    Raises:
        DataError: There is no face to judge.
        InputError: The arrays do not fit one another.
    """
    _check(labels, probabilities, len(class_names))

    classes = np.arange(len(class_names))
    predicted = probabilities.argmax(axis=1)
    correct = int((predicted == labels).sum())
    confusion = sk.confusion_matrix(labels, predicted, labels=classes)
    precision, recall, f1, faces = sk.precision_recall_fscore_support(
        labels, predicted, labels=classes, zero_division=0
    )

    return Figures(
        faces=len(labels),
        correct=correct,
        accuracy=correct / len(labels),
        accuracy_interval=wilson_interval(correct, len(labels)),
        macro_f1=float(f1[faces > 0].mean()),
        top2_accuracy=_top2_accuracy(labels, probabilities, classes),
        ece=reliability(labels, probabilities).ece,
        nll=float(sk.log_loss(labels, probabilities, labels=classes)),
        brier=float(
            sk.brier_score_loss(labels, probabilities, labels=classes, scale_by_half=False)
        ),
        per_class={
            name: ClassFigures(
                precision=float(precision[i]),
                recall=float(recall[i]),
                recall_interval=wilson_interval(int(confusion[i, i]), int(faces[i])),
                f1=float(f1[i]),
                faces=int(faces[i]),
                predicted=int(confusion[:, i].sum()),
            )
            for i, name in enumerate(class_names)
        },
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
    )


def reliability(
    labels: Labels, probabilities: Floats, *, bins: int = CALIBRATION_BINS
) -> Reliability:
    """Sort faces into bins of equal width by their top probability.

    Args:
        labels: (N,) indices of classes.
        probabilities: (N, C), rows sum to 1.
        bins: How many bins divide 0 to 1; a confidence of exactly 1 belongs to the last.
    """
    _check(labels, probabilities, probabilities.shape[-1])
    confidence = probabilities.max(axis=1)
    right = (probabilities.argmax(axis=1) == labels).astype(np.float64)
    sums, edges, _ = stats.binned_statistic(
        confidence, [np.ones_like(right), confidence, right], "sum", bins, range=(0.0, 1.0)
    )
    counts = sums[0].astype(np.int64)
    divisor = np.maximum(counts, 1)
    return Reliability(edges, counts, sums[1] / divisor, sums[2] / divisor)


def to_targets(truth: Labels | Floats, classes: int) -> Floats:
    """Return (N, C) targets: shares as they are, labels (N,) as rows with a single 1."""
    targets: Floats = np.eye(classes)[truth] if truth.ndim == 1 else truth.astype(np.float64)
    return targets


def cross_entropies(logits: NDArray[np.floating], targets: Floats) -> Floats:
    """Return each face's cross-entropy to its target, (N,), in nats.

    Args:
        logits: (N, C).
        targets: (N, C), rows sum to 1. Of a one-hot row it is the negative log-likelihood.
    """
    log_probabilities = special.log_softmax(np.asarray(logits, dtype=np.float64), axis=1)
    entropies: Floats = -(targets * log_probabilities).sum(axis=1)
    return entropies


def fit_temperature(logits: NDArray[np.floating], truth: Labels | Floats) -> float:
    """Find the temperature that makes `softmax(logits / temperature)` likeliest.

    One number, fitted by the likelihood of held-out faces; it never changes the answer, only how
    sure it is (Guo et al., 2017, arXiv 1706.04599). Its logarithm is expected near 0 (a Gaussian
    prior, SD 0.5): a dozen faces, all right, do not make a model certain, and for hundreds the
    prior no longer shows. The result lies between 0.05 and 20.

    Args:
        logits: (N, C), of faces the model was not trained on.
        truth: (N,) indices of classes, or (N, C) shares of annotators, whose rows sum to 1.
    """
    _check(truth, logits, logits.shape[-1])
    scores = np.asarray(logits, dtype=np.float64)
    targets = to_targets(truth, logits.shape[-1])

    def loss(log_temperature: float) -> float:
        prior = (log_temperature / _TEMPERATURE_SD) ** 2 / 2
        return float(prior + cross_entropies(scores / np.exp(log_temperature), targets).sum())

    bounds = tuple(np.log(_TEMPERATURE_BOUNDS))
    found = optimize.minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def risk_coverage(labels: Labels, probabilities: Floats) -> RiskCoverage:
    """Trace the risk that remains as less and less confident faces are let in."""
    _check(labels, probabilities, probabilities.shape[-1])
    confidence = probabilities.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    confidence = confidence[order]
    wrong = np.cumsum((probabilities.argmax(axis=1) != labels)[order])
    last = np.flatnonzero(np.append(np.diff(confidence) < 0, True))  # the last face of each tie
    kept = last + 1
    return RiskCoverage(confidence[last], kept / len(labels), wrong[last] / kept)


def threshold_for_coverage(curve: RiskCoverage, coverage: float) -> float:
    """Find the highest threshold that still answers for `coverage` (0 to 1) of the faces."""
    if not 0 < coverage <= 1:
        raise InputError(f"a coverage lies above 0 and at most at 1, got {coverage:g}")
    return float(curve.threshold[np.flatnonzero(curve.coverage >= coverage - 1e-12)[0]])


def threshold_for_accuracy(curve: RiskCoverage, accuracy: float) -> float:
    """Find the threshold that answers for most faces while `accuracy` (0 to 1) holds.

    Raises:
        DataError: No threshold is that accurate on these faces.
    """
    if not 0 < accuracy <= 1:
        raise InputError(f"an accuracy lies above 0 and at most at 1, got {accuracy:g}")
    reached = np.flatnonzero(curve.risk <= 1 - accuracy + 1e-12)
    if not len(reached):
        best = 1 - curve.risk.min()
        raise DataError(
            f"no threshold reaches an accuracy of {accuracy:.1%} on these faces; "
            f"the best is {best:.1%}"
        )
    return float(curve.threshold[reached[-1]])


def _top2_accuracy(labels: Labels, probabilities: Floats, classes: Labels) -> float:
    if len(classes) <= 2:  # scikit-learn calls it meaningless, and it is always 1
        return 1.0
    return float(sk.top_k_accuracy_score(labels, probabilities, k=2, labels=classes))


def _check(labels: Labels | Floats, scores: NDArray[np.floating], classes: int) -> None:
    if scores.ndim != 2 or scores.shape != (len(labels), classes):
        raise InputError(
            f"{len(labels)} labels of {classes} classes need an array of shape "
            f"({len(labels)}, {classes}), got {scores.shape}"
        )
    if not len(labels):
        raise DataError("there is no face to judge; choose a split that has some")
    if not np.isfinite(scores).all():
        raise InputError(
            "the model gave numbers that are not finite; it was trained or exported wrongly"
        )
