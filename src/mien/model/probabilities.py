"""Convert a network's logits to probabilities."""

import numpy as np
from numpy.typing import NDArray


def calibrate(
    logits: NDArray[np.float32], temperature: float, shift: NDArray[np.float64] | None = None
) -> NDArray[np.float32]:
    """Convert logits to probabilities by temperature scaling.

    Guo et al., "On Calibration of Modern Neural Networks" (2017), arXiv 1706.04599.

    Args:
        logits: (N, C).
        temperature: Above 0; 1 leaves the softmax unchanged.
        shift: (C,) logit shift of a prior, added after the temperature; None adds nothing.

    Returns:
        (N, C) float32; rows sum to 1.
    """
    scaled = logits.astype(np.float64) / temperature
    if shift is not None:
        scaled = scaled + shift
    return softmax(scaled).astype(np.float32)


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Convert logits (N, C) to probabilities (N, C) whose rows sum to 1."""
    scores = np.asarray(logits, dtype=np.float64)
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))  # avoids overflow
    probabilities: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return probabilities
