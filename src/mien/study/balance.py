"""Estimate a person's offset where several expressions are shown about equally often.

Two steps, neither of which sees a label:

1. The mean of the log-probabilities, first within each expression and then over those that were
   shown, so that an expression that was shown often does not weigh more. Which picture shows
   which is not known: offset and expressions are estimated in turn. The mean is shrunk by
   n / (n + 1).
2. A mean of logarithms is decided by the expressions that a picture does *not* show. So the offset
   is moved on until the corrected probabilities share themselves evenly between the expressions
   shown, which is the most probable offset (MAP) under a normal prior around that of step 1. It
   is adjusting for shifted priors (Saerens et al. 2002, doi 10.1162/089976602753284446) turned
   round: there the offset is known and the shares are sought. Where the shares after step 1 speak
   against even shares, step 2 is left out.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

SHRINKAGE: Final = 1.0
"""Pictures at which half of a person's mean is taken off."""
BALANCE_PRIOR: Final = 0.3
"""Precision of the prior of step 2: its standard deviation is 1.8, in log-probabilities."""
MAX_DIVERGENCE: Final = 0.03
"""How far the shares may be from even ones for step 2, as their KL divergence in nats: readings
err. With few pictures chance alone takes them farther, so that 1 / (2 n) is allowed at least."""

_ROUNDS = 4  # of estimating offset and expressions in turn; more change nothing
_RARE = 0.5  # pictures of an expression at which it counts half
_NEWTON = 30  # steps at most; a handful is enough


def estimate_even_offset(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Estimate what to take off a person's log-probabilities.

    Args:
        logs: (N, C), a row a picture, each less its mean.

    Returns:
        The offset, (C,), shrunk.
    """
    weight = len(logs) / (len(logs) + SHRINKAGE)
    offset = np.zeros(logs.shape[1])
    for _ in range(_ROUNDS):
        offset = weight * _average_over_expressions(logs, logs - offset)
    return offset + _balance(logs - offset)


def _average_over_expressions(
    logs: NDArray[np.float64], corrected: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Average over expressions: first within each, then over those that were shown.

    Args:
        logs: A person's log-probabilities, (N, C).
        corrected: The same less the offset so far: they say which picture shows what.

    Returns:
        The mean, (C,).
    """
    shares = _to_shares(corrected)  # (N, C)
    shown = shares.sum(axis=0)  # (C,)
    means = (shares.T @ logs) / np.maximum(shown, 1e-12)[:, np.newaxis]  # (C, C)
    weights = shown / (shown + _RARE)
    average: NDArray[np.float64] = weights @ means / weights.sum()
    return average


def _balance(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Find how far to move on, so that the expressions shown have even shares, (C,)."""
    count, columns = logs.shape
    step, moved = np.zeros(columns), np.zeros(columns)
    shown = _to_shares(logs).sum(axis=0)
    even = shown / (shown + _RARE)  # 1 for what was shown, near 0 for what was not
    even /= even.sum()
    shares = np.maximum(shown / count, 1e-12)
    divergence = float((shares * np.log(shares / even)).sum())
    if divergence > max(MAX_DIVERGENCE, 1 / (2 * count)):
        return moved

    # The negative log posterior is convex: Newton's steps, halved where they lead up.
    def cost(at: NDArray[np.float64]) -> float:
        spread = np.logaddexp.reduce(logs - at, axis=1).sum()
        return float(spread + count * even @ at + BALANCE_PRIOR / 2 * at @ at)

    for _ in range(_NEWTON):
        found = _to_shares(logs - moved)
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


def _to_shares(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert log-probabilities (N, C) to probabilities that sum to 1 in each row."""
    shares = np.exp(logs - logs.max(axis=1, keepdims=True))
    normed: NDArray[np.float64] = shares / shares.sum(axis=1, keepdims=True)
    return normed
