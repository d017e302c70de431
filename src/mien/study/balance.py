"""Estimate a person's offset when several expressions are shown about equally often.

There are two steps, neither of which uses labels:

1. Average the log-probabilities, first within each expression and then over the shown ones, so
   that frequent expressions do not dominate. Which picture shows which expression is unknown, so
   offset and expressions are estimated alternately. The mean is shrunk by n / (n + 1).
2. A mean of logarithms is dominated by the expressions that a picture does *not* show. The offset
   is therefore adjusted until the corrected probabilities are spread evenly over the expressions
   shown; this is the maximum a posteriori offset under a normal prior around that of step 1. It
   inverts the adjustment for shifted priors (Saerens et al. 2002, doi
   10.1162/089976602753284446), which knows the offset and seeks the shares. If the shares after
   step 1 contradict even shares, step 2 is skipped.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.model.probabilities import softmax

SHRINKAGE: Final = 1.0
"""Number of pictures at which half of a person's mean is subtracted."""
BALANCE_PRIOR: Final = 0.3
"""Precision of the prior in step 2: an SD of 1.8 in log-probabilities."""
MAX_DIVERGENCE: Final = 0.03
"""Maximum KL divergence of the shares from even ones for step 2, in nats, to allow for misread
pictures. With few pictures chance alone exceeds it, so at least 1 / (2 n) is allowed."""

_ROUNDS = 4  # alternations between offset and expressions; more change nothing
_RARE = 0.5  # number of pictures at which an expression gets half weight
_NEWTON = 30  # maximum number of steps; a handful is enough


def estimate_even_offset(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Estimate the offset to subtract from a person's log-probabilities.

    Args:
        logs: (N, C), one row per picture, minus its mean.

    Returns:
        The shrunk offset, (C,).
    """
    weight = len(logs) / (len(logs) + SHRINKAGE)
    offset = np.zeros(logs.shape[1])
    for _ in range(_ROUNDS):
        offset = weight * _average_over_expressions(logs, logs - offset)
    return offset + _balance(logs - offset)


def _average_over_expressions(
    logs: NDArray[np.float64], corrected: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Average over expressions: first within each, then over the shown ones.

    Args:
        logs: A person's log-probabilities, (N, C).
        corrected: The same minus the current offset, which tells the expression of each picture.

    Returns:
        Mean, (C,).
    """
    shares = softmax(corrected)  # (N, C)
    shown = shares.sum(axis=0)  # (C,)
    means = (shares.T @ logs) / np.maximum(shown, 1e-12)[:, np.newaxis]  # (C, C)
    weights = shown / (shown + _RARE)
    average: NDArray[np.float64] = weights @ means / weights.sum()
    return average


def _balance(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the further offset, (C,), that evens out the shares of the shown expressions."""
    count, columns = logs.shape
    step, moved = np.zeros(columns), np.zeros(columns)
    shown = softmax(logs).sum(axis=0)
    even = shown / (shown + _RARE)  # near 1 for shown expressions, near 0 for others
    even /= even.sum()
    shares = np.maximum(shown / count, 1e-12)
    divergence = float((shares * np.log(shares / even)).sum())
    if divergence > max(MAX_DIVERGENCE, 1 / (2 * count)):
        return moved

    # The negative log posterior is convex: take Newton steps, halved while the cost increases.
    def cost(at: NDArray[np.float64]) -> float:
        spread = np.logaddexp.reduce(logs - at, axis=1).sum()
        return float(spread + count * even @ at + BALANCE_PRIOR / 2 * at @ at)

    for _ in range(_NEWTON):
        found = softmax(logs - moved)
        totals = found.sum(axis=0)
        slope = count * even - totals + BALANCE_PRIOR * moved
        bend = np.diag(totals) - found.T @ found + BALANCE_PRIOR * np.eye(columns)
        step = np.linalg.solve(bend, slope)
        while cost(moved - step) > cost(moved) and np.abs(step).max() > 1e-9:
            step = step / 2
        moved = moved - step
        if np.abs(step).max() < 1e-6:
            break
    return moved
