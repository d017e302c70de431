"""Fit a scale and a bias for each class's logit, where they clearly help (vector scaling).

Guo et al. 2017, arXiv 1706.04599, section 4.2. Unlike a temperature, it may change an answer, and
it has two parameters per class, so it is used only where cross-validation on held-out faces
clearly prefers it. The export merges it into the network's last layer, so readers of the model
need not know about it.
"""

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from mien.data.datasets import Floats, Labels
from mien.evaluation.metrics import cross_entropies, fit_temperature, to_targets
from mien.model.probabilities import softmax

FOLDS: Final = 5
CLEAR: Final = 2.0
"""Required improvement of the likelihood, in standard errors."""
MIN_FACES: Final = 20
"""Minimum number of faces per class: fewer cannot determine two parameters."""
_STRENGTH: Final = 1e-3  # regularisation towards the identity


@dataclass(frozen=True)
class Scaling:
    """A transformation of the logits: `scale * logits + bias`.

    Attributes:
        scale: (C,), above 0.
        bias: (C,).
        gain: Reduction of the mean negative log-likelihood compared with a temperature alone, in
            nats, by cross-validation.
        gain_error: Standard error of `gain`.
    """

    scale: Floats
    bias: Floats
    gain: float
    gain_error: float

    def to_dict(self) -> dict[str, Any]:
        """Return the scaling as JSON types."""
        return {**asdict(self), "scale": self.scale.tolist(), "bias": self.bias.tolist()}


def find_scaling(
    logits: NDArray[np.floating], truth: Labels | Floats, *, folds: int = FOLDS, seed: int = 0
) -> Scaling | None:
    """Fit vector scaling, if it is clearly better than a temperature alone.

    Args:
        logits: (N, C), for faces that the model was not trained on.
        truth: (N,) class indices, or (N, C) annotators' vote shares, whose rows sum to 1.
        folds: Number of cross-validation folds.
        seed: Seed of the assignment to folds.

    Returns:
        The scaling; None where a temperature does as well or there are too few faces.
    """
    scores = np.asarray(logits, dtype=np.float64)
    targets = to_targets(truth, scores.shape[1])
    if targets.sum(axis=0).min() < MIN_FACES:
        return None

    fold = np.random.default_rng(seed).permutation(len(targets)) % folds
    gains = np.empty(len(targets))
    for number in range(folds):
        rest, held = fold != number, fold == number
        temperature = fit_temperature(scores[rest], targets[rest])
        scale, bias = _fit(scores[rest], targets[rest])
        simple = cross_entropies(scores[held] / temperature, targets[held])
        gains[held] = simple - cross_entropies(scores[held] * scale + bias, targets[held])

    gain, error = float(gains.mean()), float(gains.std(ddof=1) / np.sqrt(len(gains)))
    if gain <= CLEAR * error:
        return None
    scale, bias = _fit(scores, targets)
    return Scaling(scale, bias, gain, error)


def _fit(scores: Floats, targets: Floats) -> tuple[Floats, Floats]:
    """Return the scale and the bias, (C,) each, that maximise the likelihood of targets (N, C)."""
    classes = scores.shape[1]

    def loss(x: Floats) -> tuple[float, Floats]:
        scale = np.exp(x[:classes])
        scaled = scores * scale + x[classes:]
        errors = (softmax(scaled) - targets) / len(targets)
        gradient = np.concatenate([(errors * scores).sum(axis=0) * scale, errors.sum(axis=0)])
        value = cross_entropies(scaled, targets).mean() + _STRENGTH * (x @ x)
        return float(value), gradient + 2 * _STRENGTH * x

    found = optimize.minimize(loss, np.zeros(2 * classes), jac=True, method="L-BFGS-B")
    return np.exp(found.x[:classes]), found.x[classes:]
