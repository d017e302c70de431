"""Compute the certainty: the probability that most people would choose the top expression.

A model of people's votes predicts shares: 0.6 means that six people in ten would choose the word,
and then it is nearly always the most frequent answer. The share is therefore not the probability
that the answer is correct. That probability is obtained by dividing the log-shares by a
temperature, fitted to the words that most people chose (Guo et al., 2017, arXiv 1706.04599).
"""

from collections.abc import Collection


def find_certainty(probabilities: Collection[float], temperature: float) -> float:
    """Return the probability that most people would choose the most probable expression.

    Args:
        probabilities: Calibrated probabilities of one face, summing to 1.
        temperature: The contract's `certainty_temperature`; 1 returns the top probability.

    Returns:
        The certainty, in [0, 1].
    """
    top = max(probabilities)
    # Relative to the largest, no power overflows, and negligible terms become 0.
    weights = [(value / top) ** (1 / temperature) for value in probabilities]
    return float(1 / sum(weights))
