"""Turn held-out logits into a scale and a bias for each class, where they help.

Vector scaling (Guo et al. 2017, arXiv 1706.04599, section 4.2). Other than a temperature it may
change an answer, and it has two numbers a class, so it is taken only where cross-validation on the
held-out faces clearly prefers it. It is put into the network's last layer at export: whoever reads
the model has nothing to do for it.
"""

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from mien.data.datasets import Floats, Labels
from mien.evaluation.metrics import fit_temperature

FOLDS: Final = 5
CLEAR: Final = 2.0
"""Standard errors by which the likelihood must be better."""
MIN_FACES: Final = 20
"""Faces each class needs: fewer cannot carry two numbers."""
_STRENGTH: Final = 1e-3  # of a pull towards changing nothing


@dataclass(frozen=True)
class Scaling:
    """What is done to the logits: `scale * logits + bias`.

    Attributes:
        scale: (C,), above 0.
        bias: (C,).
        gain: How much the mean negative log-likelihood falls against a temperature alone, in nats,
            by cross-validation.
        gain_error: Its standard error.
    """

    scale: Floats
    bias: Floats
    gain: float
    gain_error: float

    def to_dict(self) -> dict[str, Any]:
        """Give the scaling as JSON types."""
        return {**asdict(self), "scale": self.scale.tolist(), "bias": self.bias.tolist()}


def find_scaling(
    logits: NDArray[np.floating], labels: Labels, *, folds: int = FOLDS, seed: int = 0
) -> Scaling | None:
    """Fit vector scaling, if it is clearly better than a temperature alone.

    Args:
        logits: (N, C), of faces the model was not trained on.
        labels: (N,) indices of classes.
        folds: Of the cross-validation.
        seed: Of the cut into folds.

    Returns:
        The scaling; None where a temperature does as well, or there are too few faces to know.
    """
    scores = np.asarray(logits, dtype=np.float64)
    if np.bincount(labels, minlength=scores.shape[1]).min() < MIN_FACES:
        return None
    fold = np.random.default_rng(seed).permutation(len(labels)) % folds
    gains = np.empty(len(labels))
    for number in range(folds):
        rest, held = fold != number, fold == number
        temperature = fit_temperature(scores[rest], labels[rest])
        scale, bias = _fit(scores[rest], labels[rest])
        simple = _losses(scores[held] / temperature, labels[held])
        gains[held] = simple - _losses(scores[held] * scale + bias, labels[held])
    gain, error = float(gains.mean()), float(gains.std(ddof=1) / np.sqrt(len(gains)))
    if gain <= CLEAR * error:
        return None
    scale, bias = _fit(scores, labels)
    return Scaling(scale, bias, gain, error)


def _fit(scores: Floats, labels: Labels) -> tuple[Floats, Floats]:
    """Find the scale and the bias that make the labels likeliest."""
    classes = scores.shape[1]
    hits = np.eye(classes)[labels]

    def loss(x: Floats) -> tuple[float, Floats]:
        scale = np.exp(x[:classes])
        scaled = scores * scale + x[classes:]
        errors = (special.softmax(scaled, axis=1) - hits) / len(labels)
        gradient = np.concatenate([(errors * scores).sum(axis=0) * scale, errors.sum(axis=0)])
        value = _losses(scaled, labels).mean() + _STRENGTH * (x @ x)
        return float(value), gradient + 2 * _STRENGTH * x

    found = optimize.minimize(loss, np.zeros(2 * classes), jac=True, method="L-BFGS-B")
    return np.exp(found.x[:classes]), found.x[classes:]


def _losses(scaled: Floats, labels: Labels) -> Floats:
    """Give each face's negative log-likelihood, in nats."""
    log_probabilities: Floats = special.log_softmax(scaled, axis=1)
    return -log_probabilities[np.arange(len(labels)), labels]
