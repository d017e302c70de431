"""Compute metrics per slice of the faces, by a column of a table.

A slice is the set of faces that share a value: an age band, a light, a camera. Slices are compared
as independent groups; the interval of the largest gap is corrected for multiple comparisons.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np
from scipy import stats

from mien.data.predictions import Predictions
from mien.errors import DataError
from mien.evaluation.compare import macro_f1
from mien.evaluation.metrics import wilson_interval

TINY: Final = 30
"""Slices with fewer faces are listed but excluded from the gap."""
MAX_SLICES: Final = 40
RESAMPLES: Final = 1000
_BATCH: Final = 50


@dataclass(frozen=True)
class Slice:
    """Metrics of the faces that share one value of the column.

    Attributes:
        value: Value in the table.
        faces: Number of faces.
        correct: Number of correctly classified faces.
        accuracy: `correct` as a fraction of `faces`.
        accuracy_interval: Its 95 % interval (Wilson, 1927).
        macro_f1: The mean F1 over the classes that have a face in the slice.
        macro_f1_interval: Its 95 % interval (percentile bootstrap over the slice's faces).
        standardized_accuracy: Accuracy if the slice had the class mix of all sliced faces; None
            where it lacks a class.
        mean_confidence: Mean top probability; above the accuracy, the model is overconfident.
        classes: Number of faces per class.
    """

    value: str
    faces: int
    correct: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    macro_f1: float
    macro_f1_interval: tuple[float, float]
    standardized_accuracy: float | None
    mean_confidence: float
    classes: Mapping[str, int]


@dataclass(frozen=True)
class Gap:
    """The largest difference in accuracy between two slices of at least `TINY` faces.

    Attributes:
        best: Value of the slice with the higher accuracy.
        worst: Value of the slice with the lower accuracy.
        difference: Difference of the two accuracies.
        interval: Newcombe's interval (1998, method 10) with a Bonferroni correction over all pairs:
            95 % simultaneous coverage.
        pairs: Number of pairs.
        p_value: Chi-squared test of independence between accuracy and the column.
    """

    best: str
    worst: str
    difference: float
    interval: tuple[float, float]
    pairs: int
    p_value: float


@dataclass(frozen=True)
class Slices:
    """Metrics of a model for each value of a column.

    Attributes:
        column: Name of the column.
        title: Display name of the split.
        faces: Number of faces with a value.
        without: Number of faces without a value, which are left out.
        slices: Slices, the largest first.
        gap: The largest gap; None where fewer than two slices have `TINY` faces.
    """

    column: str
    title: str
    faces: int
    without: int
    slices: tuple[Slice, ...]
    gap: Gap | None

    @property
    def remarks(self) -> tuple[str, ...]:
        """Caveats about these figures, one sentence each."""
        said = [_judge(self.gap, self.column)]
        tiny = [part.value for part in self.slices if part.faces < TINY]
        if tiny:
            said.append(
                f"Under {TINY} faces: {', '.join(tiny)}. Slices this small are unreliable, as "
                "their intervals show, and are left out of the gap."
            )
        if self.without:
            said.append(f"{self.without:,} faces have no {self.column} and are left out.")
        said.append(
            "Slices may also differ in their class mix, and some classes are harder: see the "
            "accuracy at equal class mix. A gap shows where the model errs more often, not why."
        )
        return tuple(said)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON types."""
        return {**asdict(self), "remarks": list(self.remarks)}


def slice_predictions(
    predictions: Predictions,
    values: Sequence[str | None],
    *,
    column: str,
    title: str,
    seed: int = 0,
) -> Slices:
    """Evaluate a model on each slice of the faces.

    Args:
        predictions: The model's predictions for N faces.
        values: N values of the column; None or "" where missing.
        column: Name of the column.
        title: Display name of the faces.
        seed: Seed of the bootstrap.

    Raises:
        DataError: No face has a value, or there are too many different values.
    """
    groups: dict[str, list[int]] = {}
    for i, value in enumerate(values):
        if value:
            groups.setdefault(value, []).append(i)

    if not groups:
        raise DataError(
            f"no face of {title} has a value of {column}; check that the table describes these "
            "faces"
        )
    if len(groups) > MAX_SLICES:
        examples = ", ".join(list(groups)[:3])
        raise DataError(
            f"{column} has {len(groups)} different values ({examples}, ...), too many to compare; "
            f"group them into at most {MAX_SLICES} bands"
        )

    chosen = np.concatenate([np.array(rows) for rows in groups.values()])
    shares = np.bincount(predictions.labels[chosen], minlength=len(predictions.class_names))
    parts = [
        _judge_slice(predictions, value, np.array(rows), shares / shares.sum(), seed)
        for value, rows in groups.items()
    ]
    parts.sort(key=lambda part: (-part.faces, part.value))

    return Slices(
        column=column,
        title=title,
        faces=len(chosen),
        without=len(values) - len(chosen),
        slices=tuple(parts),
        gap=_find_gap(parts),
    )


def _judge_slice(
    predictions: Predictions,
    value: str,
    rows: np.ndarray[Any, np.dtype[np.int64]],
    shares: np.ndarray[Any, np.dtype[np.float64]],
    seed: int,
) -> Slice:
    labels = predictions.labels[rows].astype(np.int16)
    said = predictions.predicted[rows].astype(np.int16)
    classes = len(predictions.class_names)
    right = labels == said
    counts = np.bincount(labels, minlength=classes)
    recall = np.bincount(labels[right], minlength=classes) / np.maximum(counts, 1)
    has_all = bool((counts[shares > 0] > 0).all())

    # Batches keep the resamples of a large slice out of memory.
    draws = []
    rng = np.random.default_rng(seed)
    for start in range(0, RESAMPLES, _BATCH):
        drawn = rng.integers(0, len(rows), (min(_BATCH, RESAMPLES - start), len(rows)))
        draws.append(macro_f1(labels[drawn], said[drawn], classes, axis=1))
    low, high = np.quantile(np.concatenate(draws), (0.025, 0.975))

    correct = int(right.sum())
    return Slice(
        value=value,
        faces=len(rows),
        correct=correct,
        accuracy=correct / len(rows),
        accuracy_interval=wilson_interval(correct, len(rows)),
        macro_f1=float(macro_f1(labels, said, classes, axis=0)),
        macro_f1_interval=(float(low), float(high)),
        standardized_accuracy=float(shares @ recall) if has_all else None,
        mean_confidence=float(predictions.confidence[rows].mean()),
        classes={
            name: int(count)
            for name, count in zip(predictions.class_names, counts, strict=True)
            if count
        },
    )


def _find_gap(parts: Sequence[Slice]) -> Gap | None:
    large = [part for part in parts if part.faces >= TINY]
    if len(large) < 2:
        return None
    pairs = len(list(combinations(large, 2)))
    best = max(large, key=lambda part: part.accuracy)
    worst = min(large, key=lambda part: part.accuracy)
    if best is worst:  # all equal
        best, worst = large[0], large[1]
    level = 1 - 0.05 / pairs
    (low1, high1), (low2, high2) = (_wilson(part, level) for part in (best, worst))
    difference = best.accuracy - worst.accuracy
    below = np.hypot(best.accuracy - low1, high2 - worst.accuracy)
    above = np.hypot(high1 - best.accuracy, worst.accuracy - low2)
    counts = np.array([[part.correct, part.faces - part.correct] for part in large])
    varies = bool((counts.sum(axis=0) > 0).all())
    return Gap(
        best=best.value,
        worst=worst.value,
        difference=difference,
        interval=(float(difference - below), float(difference + above)),
        pairs=pairs,
        p_value=float(stats.chi2_contingency(counts, correction=False).pvalue) if varies else 1.0,
    )


def _wilson(part: Slice, level: float) -> tuple[float, float]:
    found = stats.binomtest(part.correct, part.faces).proportion_ci(level, method="wilson")
    return float(found.low), float(found.high)


def _judge(gap: Gap | None, column: str) -> str:
    if gap is None:
        return (
            f"Fewer than two slices have at least {TINY} faces, so gaps cannot be measured. "
            "Label more faces."
        )

    low, high = gap.interval
    figures = f"{100 * gap.difference:.1f} points"
    interval = f"{100 * low:.1f} to {100 * high:.1f}"
    sought = "" if gap.pairs == 1 else f", corrected for {gap.pairs} pairs"

    if low > 0:
        return (
            f"Accuracy is lower for {gap.worst} than for {gap.best}, by {figures} "
            f"(95 % interval {interval}{sought})."
        )
    return (
        f"The largest gap, {figures} between {gap.best} and {gap.worst}, may be due to chance (95 "
        f"% interval {interval}{sought}). This does not prove that {column} makes no difference: "
        "the interval shows how large it could be."
    )
