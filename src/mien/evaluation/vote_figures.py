"""Evaluate a model against annotators' votes: the majority's word, and the vote shares."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from mien.data.datasets import Floats, Labels
from mien.data.predictions import Predictions
from mien.data.votes import NO_WORD, Votes
from mien.errors import DataError
from mien.evaluation.metrics import (
    Figures,
    compute_figures,
    reliability,
    softmax,
    wilson_interval,
)

_RESAMPLES: Final = 1000
_TINY: Final = 1e-12
"""Probabilities are clipped to this before taking the logarithm."""


@dataclass(frozen=True)
class EightClasses:
    """FER+'s own protocol, for comparison with papers: contempt is an eighth word.

    It covers faces with a majority among eight words after dropping single votes. A model that does
    not know contempt is wrong on every such face.

    Attributes:
        faces: Number of faces with a majority.
        correct: Number of them where the model agrees with the majority.
        accuracy: `correct / faces`, 0 to 1.
        accuracy_interval: Its 95 % interval (Wilson, 1927).
    """

    faces: int
    correct: int
    accuracy: float
    accuracy_interval: tuple[float, float]


@dataclass(frozen=True)
class VoteFigures:
    """Results of a model against annotators' votes, single view.

    Attributes:
        plurality: Against the word with the most votes, on all faces where a word has a vote.
        majority: Against the word that more than half chose, single votes dropped.
        plurality_macro_f1_interval: Its 95 % interval (percentile bootstrap over the faces).
        majority_macro_f1_interval: Its 95 % interval, computed in the same way.
        eight_classes: FER+'s own protocol; None where contempt was not an option.
        cross_entropy: Mean cross-entropy of the probabilities to the vote shares, in nats.
        entropy: Entropy of the vote shares, in nats: the lower bound of `cross_entropy`.
        label_agreement: Fraction of the faces with a plurality whose dataset label agrees with it.
        certainty_ece: Expected calibration error of the certainty, against the plurality; None
            where the model has no certainty.
        faces_without_votes: Number of faces of the split without votes.
        faces_without_word: Number of faces with votes, but none for one of the words.
    """

    plurality: Figures
    majority: Figures | None
    plurality_macro_f1_interval: tuple[float, float]
    majority_macro_f1_interval: tuple[float, float] | None
    eight_classes: EightClasses | None
    cross_entropy: float
    entropy: float
    label_agreement: float
    certainty_ece: float | None
    faces_without_votes: int
    faces_without_word: int

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON types."""
        return asdict(self)


def judge_by_votes(
    predictions: Predictions, votes: Votes, *, certainty_temperature: float | None = None
) -> VoteFigures:
    """Evaluate predictions against annotators' votes.

    Args:
        predictions: Single-view predictions for the faces of a split.
        votes: Votes that include these faces; the model must know all their words.
        certainty_temperature: The model's certainty temperature, to evaluate its certainty too.

    Raises:
        DataError: No face of the split has a vote for a word, or the model lacks a word.
    """
    names = predictions.class_names
    unknown = set(votes.class_names) - set(names)
    if unknown:
        raise DataError(
            f"the votes are for {', '.join(votes.class_names)}, but the model does not know "
            f"{', '.join(sorted(unknown))}; evaluate a model with these classes"
        )
    own = _order(votes.of(predictions.paths), names)
    plurality, majority = own.plurality(), own.majority()
    chosen = plurality != NO_WORD
    if not chosen.any():
        raise DataError(
            "the votes match no face of the split; check that their paths are those of the data"
        )

    probabilities, shares = predictions.probabilities[chosen], own.shares()[chosen]
    distance = -(shares * np.log(np.maximum(probabilities, _TINY))).sum(axis=1)
    by_plurality, plurality_interval = _judge(plurality, predictions.probabilities, names)
    by_majority, majority_interval = None, None
    if (majority != NO_WORD).any():
        by_majority, majority_interval = _judge(majority, predictions.probabilities, names)
    certainty_ece = None
    if certainty_temperature is not None:
        certain = softmax(
            np.log(np.maximum(predictions.probabilities, _TINY)), certainty_temperature
        )
        certainty_ece = reliability(plurality[chosen], certain[chosen]).ece
    return VoteFigures(
        plurality=by_plurality,
        majority=by_majority,
        plurality_macro_f1_interval=plurality_interval,
        majority_macro_f1_interval=majority_interval,
        eight_classes=_judge_eight(own, predictions.predicted),
        cross_entropy=float(distance.mean()),
        entropy=float(stats.entropy(shares, axis=1).mean()),
        label_agreement=float((predictions.labels[chosen] == plurality[chosen]).mean()),
        certainty_ece=certainty_ece,
        faces_without_votes=int((own.totals == 0).sum()),
        faces_without_word=int(((own.totals > 0) & ~chosen).sum()),
    )


def compare_with_plurality(
    predictions: Predictions, votes: Votes
) -> tuple[Predictions, NDArray[np.int64]]:
    """Return the predictions labelled with the word that most people chose.

    Args:
        predictions: Predictions for the faces of a split.
        votes: Votes on these faces, among others; the model knows all their words.

    Returns:
        Those for which a word has votes, and their indices, (M,).
    """
    chosen = _order(votes.of(predictions.paths), predictions.class_names).plurality()
    kept = np.flatnonzero(chosen != NO_WORD)
    copies = predictions.copies
    judged = Predictions(
        predictions.class_names,
        tuple(predictions.paths[i] for i in kept),
        chosen[kept],
        predictions.probabilities[kept],
        None if copies is None else copies[kept],
    )
    return judged, kept


def _order(votes: Votes, names: Sequence[str]) -> Votes:
    """Reorder the columns of votes to the model's classes; missing words get no votes."""
    counts = np.zeros((len(votes.paths), len(names)), dtype=np.int64)
    for column, name in enumerate(votes.class_names):
        counts[:, names.index(name)] = votes.counts[:, column]
    return Votes(votes.paths, tuple(names), counts, votes.others)


def _judge(
    chosen: Labels, probabilities: Floats, names: Sequence[str]
) -> tuple[Figures, tuple[float, float]]:
    """Evaluate the faces that have a word, and bootstrap the interval of macro-F1."""
    kept = chosen != NO_WORD
    labels, answers = chosen[kept], probabilities[kept]
    figures = compute_figures(labels, answers, names)

    confusion = np.asarray(figures.confusion)
    draws = np.random.default_rng(0).multinomial(
        len(labels), (confusion / len(labels)).ravel(), size=_RESAMPLES
    )
    scores = [_macro_f1(draw.reshape(confusion.shape)) for draw in draws]
    low, high = np.quantile(scores, (0.025, 0.975))
    return figures, (float(low), float(high))


def _macro_f1(confusion: Labels) -> float:
    """Return macro-F1 from a confusion matrix, over the classes that have a face."""
    faces, predicted = confusion.sum(axis=1), confusion.sum(axis=0)
    f1 = 2 * np.diag(confusion) / np.maximum(faces + predicted, 1)
    return float(f1[faces > 0].mean())


def _judge_eight(votes: Votes, predicted: Labels) -> EightClasses | None:
    """Evaluate with FER+'s eight-word protocol."""
    if not votes.others[:, 0].any():
        return None
    majority = votes.with_contempt().majority()
    kept = majority != NO_WORD
    faces, correct = int(kept.sum()), int((predicted == majority)[kept].sum())
    if not faces:
        return None
    return EightClasses(faces, correct, correct / faces, wilson_interval(correct, faces))
