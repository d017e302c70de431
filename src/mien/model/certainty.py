"""How likely a face's most probable expression is the one that most people would choose.

A model of people's votes answers with shares: 0.6 means that six people of ten would choose the
word, and then nearly always more of them choose it than any other. The share is therefore not the
chance that the answer is right. Dividing the logarithms of the shares by a temperature, fitted to
the words that most people chose (Guo et al., 2017, arXiv 1706.04599), gives that chance.
"""

from collections.abc import Collection


def find_certainty(probabilities: Collection[float], temperature: float) -> float:
    """Return how likely the most probable expression is the one that most people would choose.

    Args:
        probabilities: Those of one face, calibrated, summing to 1.
        temperature: The contract's `certainty_temperature`; 1 returns the top probability.

    Returns:
        The certainty, in [0, 1].
    """
    top = max(probabilities)
    # Relative to the largest, no power overflows, and what is negligible becomes 0.
    weights = [(value / top) ** (1 / temperature) for value in probabilities]
    return float(1 / sum(weights))
