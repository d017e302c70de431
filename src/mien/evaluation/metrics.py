"""Compute classification and calibration metrics from labels and probabilities.

All functions are pure: arrays in, frozen dataclasses out. The statistics come from scikit-learn
and SciPy, with one exception: the expected calibration error is summed over SciPy's bins, because
torchmetrics puts a confidence of exactly 1 into a separate bin, and the reliability diagram needs
the bins anyway (`tests/evaluation/test_metrics.py` shows that both agree below 1).
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
from mien.model import probabilities

CALIBRATION_BINS: Final = 15
_TEMPERATURE_BOUNDS: Final = (0.05, 20.0)
_TEMPERATURE_SD: Final = 0.5  # prior SD of the log temperature


@dataclass(frozen=True)
class ClassFigures:
    """Metrics of one class: fractions from 0 to 1, and the underlying counts.

    Attributes:
        precision: Fraction of the faces predicted as this class that are labelled with it.
        recall: Fraction of the faces labelled with this class that are predicted as it.
        recall_interval: Its 95 % interval (Wilson, 1927), wide for rare classes.
        f1: Harmonic mean of precision and recall.
        faces: Number of faces labelled with this class.
        predicted: Number of faces predicted as this class.
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
        faces: Number of faces.
        correct: Number of faces whose prediction equals the label.
        accuracy: `correct / faces`, 0 to 1.
        accuracy_interval: Its 95 % interval (Wilson, 1927).
        macro_f1: Mean F1 over the classes that have a face.
        top2_accuracy: Fraction of faces whose label is one of the two most probable classes.
        ece: Expected calibration error of the top probability, 15 bins of equal width (Guo et al.,
            2017, arXiv 1706.04599).
        nll: Mean negative log-likelihood, in nats.
        brier: Mean squared distance to the one-hot label, 0 to 2.
        per_class: Metrics by class name, in the order of the confusion matrix.
        confusion: Counts; rows are labels, columns are predictions.
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
    """Accuracy by confidence, in bins of equal width (a reliability diagram).

    Attributes:
        edges: (B + 1,) bin edges from 0 to 1.
        counts: (B,) number of faces whose top probability falls into the bin.
        confidence: (B,) their mean top probability; 0 in empty bins.
        accuracy: (B,) their accuracy; 0 in empty bins.
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
    """Risk-coverage curve of abstaining below a threshold (El-Yaniv & Wiener, 2010).

    It has one point per distinct top probability, in descending order: faces with the same
    confidence are accepted or rejected together.

    Attributes:
        threshold: (P,) descending; a face is answered if its top probability is at least this.
        coverage: (P,) fraction of faces answered, rising to 1.
        risk: (P,) error rate among the answered faces.
    """

    threshold: Floats
    coverage: Floats
    risk: Floats

    @property
    def aurc(self) -> float:
        """Area under the curve: the mean risk over all coverages; lower is better."""
        return float(np.average(self.risk, weights=np.diff(self.coverage, prepend=0.0)))


def softmax(logits: NDArray[np.floating], temperature: float = 1.0) -> Floats:
    """Convert logits (N, C) to probabilities (N, C) whose rows sum to 1."""
    return probabilities.softmax(np.asarray(logits, dtype=np.float64) / temperature)


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
        class_names: C class names.

    Raises:
        DataError: There are no faces.
        InputError: The shapes of the arrays do not match.
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
    """Bin faces by their top probability, in bins of equal width.

    Args:
        labels: (N,) class indices.
        probabilities: (N, C), rows sum to 1.
        bins: Number of bins between 0 and 1; a confidence of exactly 1 falls into the last.
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
    """Return (N, C) targets: shares unchanged, labels (N,) as one-hot rows."""
    targets: Floats = np.eye(classes)[truth] if truth.ndim == 1 else truth.astype(np.float64)
    return targets


def cross_entropies(logits: NDArray[np.floating], targets: Floats) -> Floats:
    """Return each face's cross-entropy to its target, (N,), in nats.

    Args:
        logits: (N, C).
        targets: (N, C), rows sum to 1. For one-hot rows, the result is the negative log-likelihood.
    """
    log_probabilities = special.log_softmax(np.asarray(logits, dtype=np.float64), axis=1)
    entropies: Floats = -(targets * log_probabilities).sum(axis=1)
    return entropies


def fit_temperature(logits: NDArray[np.floating], truth: Labels | Floats) -> float:
    """Fit the temperature that maximises the likelihood of `softmax(logits / temperature)`.

    A single number, fitted to held-out faces, that changes the confidence of an answer but never
    the answer itself (Guo et al., 2017, arXiv 1706.04599). A Gaussian prior on its logarithm (mean
    0, SD 0.5) keeps a dozen correctly classified faces from making a model overconfident; with
    hundreds of faces it has no visible effect. The result lies between 0.05 and 20.

    Args:
        logits: (N, C), for faces that the model was not trained on.
        truth: (N,) class indices, or (N, C) annotators' vote shares, whose rows sum to 1.
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
    """Compute the risk at each coverage, from the most to the least confident faces."""
    _check(labels, probabilities, probabilities.shape[-1])
    confidence = probabilities.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    confidence = confidence[order]
    wrong = np.cumsum((probabilities.argmax(axis=1) != labels)[order])
    last = np.flatnonzero(np.append(np.diff(confidence) < 0, True))  # the last face of each tie
    kept = last + 1
    return RiskCoverage(confidence[last], kept / len(labels), wrong[last] / kept)


def threshold_for_coverage(curve: RiskCoverage, coverage: float) -> float:
    """Return the highest threshold that answers at least `coverage` (0 to 1) of the faces."""
    if not 0 < coverage <= 1:
        raise InputError(f"coverage must be above 0 and at most 1, got {coverage:g}")
    return float(curve.threshold[np.flatnonzero(curve.coverage >= coverage - 1e-12)[0]])


def threshold_for_accuracy(curve: RiskCoverage, accuracy: float) -> float:
    """Return the threshold of largest coverage that reaches `accuracy` (0 to 1).

    Raises:
        DataError: No threshold reaches this accuracy on these faces.
    """
    if not 0 < accuracy <= 1:
        raise InputError(f"accuracy must be above 0 and at most 1, got {accuracy:g}")
    reached = np.flatnonzero(curve.risk <= 1 - accuracy + 1e-12)
    if not len(reached):
        best = 1 - curve.risk.min()
        raise DataError(
            f"no threshold reaches an accuracy of {accuracy:.1%} on these faces; "
            f"the best is {best:.1%}"
        )
    return float(curve.threshold[reached[-1]])


def _top2_accuracy(labels: Labels, probabilities: Floats, classes: Labels) -> float:
    if len(classes) <= 2:  # always 1, and scikit-learn warns
        return 1.0
    return float(sk.top_k_accuracy_score(labels, probabilities, k=2, labels=classes))


def _check(labels: Labels | Floats, scores: NDArray[np.floating], classes: int) -> None:
    if scores.ndim != 2 or scores.shape != (len(labels), classes):
        raise InputError(
            f"{len(labels)} labels of {classes} classes require an array of shape "
            f"({len(labels)}, {classes}), got {scores.shape}"
        )
    if not len(labels):
        raise DataError("there are no faces to evaluate; choose a split that has some")
    if not np.isfinite(scores).all():
        raise InputError("the model returned non-finite numbers; train or export it again")
