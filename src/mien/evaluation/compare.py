"""Compare two models' predictions for the same faces."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from mien.data.datasets import fer2013_split
from mien.data.predictions import Predictions
from mien.errors import DataError
from mien.evaluation.metrics import wilson_interval

RESAMPLES: Final = 9999
SIGNIFICANT: Final = 0.05
_BATCH: Final = 100

Codes = NDArray[np.int16]


@dataclass(frozen=True)
class Contender:
    """One of the two models.

    Attributes:
        name: Display name of the model.
        correct: Number of correctly classified faces.
        accuracy: `correct` as a fraction of all faces.
        accuracy_interval: Its 95 % interval (Wilson, 1927).
        macro_f1: Mean F1 over the classes present in these faces.
    """

    name: str
    correct: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    macro_f1: float


@dataclass(frozen=True)
class Difference:
    """Difference of a metric, B minus A, with its paired bootstrap 95 % interval."""

    value: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Comparison:
    """Comparison of two models on the same faces, single view.

    Attributes:
        title: Display name of the data, for example "PrivateTest".
        faces: Number of faces.
        a: The first model.
        b: The second model.
        both_right: Number of faces that both models classify correctly.
        only_a_right: Number of faces that only A classifies correctly.
        only_b_right: Number of faces that only B classifies correctly.
        both_wrong: Number of faces that both models misclassify.
        p_value: McNemar's exact test (1947), two-sided: the probability, if both models were
            equally accurate, of a split between `only_a_right` and `only_b_right` this uneven.
        accuracy: Accuracy of B minus accuracy of A.
        macro_f1: Macro-F1 of B minus macro-F1 of A.
        resamples: Number of bootstrap resamples.
        seed: Seed of the bootstrap.
    """

    title: str
    faces: int
    a: Contender
    b: Contender
    both_right: int
    only_a_right: int
    only_b_right: int
    both_wrong: int
    p_value: float
    accuracy: Difference
    macro_f1: Difference
    resamples: int
    seed: int

    @property
    def conclusion(self) -> str:
        """One sentence that states the result."""
        where = f"On the {self.faces:,} faces of {self.title}"
        first, last = self.a.name, self.b.name
        low, high = self.accuracy.interval
        value = self.accuracy.value
        if value < 0:
            first, last, value, low, high = last, first, -value, -high, -low

        figures = (
            f"{100 * value:.1f} points (95 % interval {100 * low:.1f} to {100 * high:.1f}; "
            f"McNemar's p {format_p(self.p_value)})"
        )

        if not self.only_a_right + self.only_b_right:
            return f"{where}, {first} and {last} classify exactly the same ones correctly."
        if self.p_value < SIGNIFICANT:
            return f"{where}, {last} is more accurate than {first} by {figures}."
        return (
            f"{where}, {first} and {last} do not differ significantly: {last} is ahead by "
            f"{figures}."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON types."""
        return {"schema": 1, **asdict(self), "conclusion": self.conclusion}


def compare(
    a: Predictions,
    b: Predictions,
    *,
    names: tuple[str, str] = ("A", "B"),
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Comparison:
    """Compare two models face by face.

    McNemar's exact test is a binomial test on the faces that only one of them classifies
    correctly. The intervals are percentiles of a paired bootstrap over faces: both models are
    evaluated on the same resamples. Neither accounts for the variation between training seeds.

    Args:
        a: The first model's predictions.
        b: The second model's predictions for the same faces, in any order.
        names: Display names of the two models.
        resamples: Number of bootstrap resamples.
        seed: Seed of the bootstrap.

    Raises:
        DataError: The two models were evaluated on different faces or labels.
    """
    labels, said_a, said_b, classes = _align(a, b, names)
    right_a, right_b = said_a == labels, said_b == labels
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    discordant = only_a + only_b

    def accuracy_difference(truth: Codes, b: Codes, a: Codes, axis: int) -> NDArray[np.float64]:
        right_more: NDArray[np.int8] = (b == truth).astype(np.int8) - (a == truth)
        return np.asarray(right_more.mean(axis=axis))

    def macro_f1_difference(truth: Codes, b: Codes, a: Codes, axis: int) -> NDArray[np.float64]:
        return macro_f1(truth, b, classes, axis=axis) - macro_f1(truth, a, classes, axis=axis)

    accuracy, macro = (
        _bootstrap((labels, said_b, said_a), statistic, resamples, seed)
        for statistic in (accuracy_difference, macro_f1_difference)
    )
    return Comparison(
        title=fer2013_split(a.paths) or "the data",
        faces=len(labels),
        a=_contend(names[0], labels, said_a, classes),
        b=_contend(names[1], labels, said_b, classes),
        both_right=int((right_a & right_b).sum()),
        only_a_right=only_a,
        only_b_right=only_b,
        both_wrong=int((~right_a & ~right_b).sum()),
        p_value=float(stats.binomtest(only_a, discordant).pvalue) if discordant else 1.0,
        accuracy=accuracy,
        macro_f1=macro,
        resamples=resamples,
        seed=seed,
    )


def macro_f1(truth: Codes, said: Codes, classes: int, *, axis: int) -> NDArray[np.float64]:
    """Average F1 over the classes that have a face, along an axis, vectorised over resamples.

    scikit-learn computes one resample at a time, which is too slow for ten thousand.

    Args:
        truth: (..., N) labels, as class indices.
        said: (..., N) predictions, as class indices.
        classes: Number of classes.
        axis: Axis of the faces.
    """
    total = np.zeros(np.delete(truth.shape, axis))
    present = np.zeros_like(total)
    for code in range(classes):
        is_code, said_code = truth == code, said == code
        faces = is_code.sum(axis=axis)
        hits = (is_code & said_code).sum(axis=axis)
        total += 2 * hits / np.maximum(faces + said_code.sum(axis=axis), 1)
        present += faces > 0
    return total / present


def format_p(p_value: float) -> str:
    """Format a p-value with its sign: "= 0.031" or "< 0.0001"."""
    return f"= {p_value:.2g}" if p_value >= 0.0001 else "< 0.0001"


def _bootstrap(
    answers: tuple[Codes, Codes, Codes],
    statistic: Callable[..., NDArray[np.float64]],
    resamples: int,
    seed: int,
) -> Difference:
    """Compute a statistic and its bootstrap percentile interval over faces.

    Args:
        answers: (N,) labels, the second model's predictions, and the first model's.
        statistic: Computes the value from them, along an axis.
        resamples: Number of bootstrap resamples.
        seed: Seed of the bootstrap.
    """
    drawn = stats.bootstrap(
        answers,
        statistic,
        n_resamples=resamples,
        batch=_BATCH,
        paired=True,
        vectorized=True,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    value = float(statistic(*answers, axis=0))
    return Difference(value, (float(drawn.low), float(drawn.high)))


def _align(
    a: Predictions, b: Predictions, names: tuple[str, str]
) -> tuple[Codes, Codes, Codes, int]:
    """Align labels and both predictions, (N,) each, to A's order and one list of classes."""
    place = {path: i for i, path in enumerate(b.paths)}
    shared = sum(path in place for path in a.paths)
    if not shared == len(a.paths) == len(b.paths):
        raise DataError(
            f"{names[0]} was evaluated on {len(a.paths):,} faces and {names[1]} on "
            f"{len(b.paths):,}, with {shared:,} in common; evaluate both on the same split"
        )
    if shared < 2:
        raise DataError(f"a comparison needs at least two faces, got {shared}")

    # The two may list their classes in different orders, so codes stand for names, not columns.
    order = np.array([place[path] for path in a.paths])
    classes = list(dict.fromkeys((*a.class_names, *b.class_names)))
    codes_a = np.array([classes.index(name) for name in a.class_names], dtype=np.int16)
    codes_b = np.array([classes.index(name) for name in b.class_names], dtype=np.int16)
    labels = codes_a[a.labels]

    differing = int((labels != codes_b[b.labels[order]]).sum())
    if differing:
        raise DataError(
            f"{names[0]} and {names[1]} were evaluated against different labels for {differing:,} "
            "faces; evaluate both on the same data"
        )
    return labels, codes_a[a.predicted], codes_b[b.predicted[order]], len(classes)


def _contend(name: str, labels: Codes, said: Codes, classes: int) -> Contender:
    correct = int((said == labels).sum())
    return Contender(
        name=name,
        correct=correct,
        accuracy=correct / len(labels),
        accuracy_interval=wilson_interval(correct, len(labels)),
        macro_f1=float(macro_f1(labels, said, classes, axis=0)),
    )
