"""Detect scene cuts from small thumbnails of neighbouring frames."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

THUMBNAIL: Final = (18, 32)
"""Rows and columns of a thumbnail."""
MIN_CHANGE: Final = 12.0
"""Minimum mean difference of the thumbnails before and after a cut, in grey levels."""
MAX_LIKENESS: Final = 0.6
"""Maximum correlation of the thumbnails before and after a cut."""

_FINE = 5  # samples averaged per thumbnail pixel, on each axis


def make_thumbnail(luma: NDArray[np.generic]) -> NDArray[np.float32]:
    """Shrink a frame's brightness to a thumbnail, using a sample of its pixels.

    Args:
        luma: (H, W), of any dtype and range.

    Returns:
        `THUMBNAIL` float32, in the range of `luma`.
    """
    rows, columns = THUMBNAIL[0] * _FINE, THUMBNAIL[1] * _FINE
    y = np.arange(rows) * luma.shape[0] // rows
    x = np.arange(columns) * luma.shape[1] // columns
    sample = luma[y[:, np.newaxis], x].astype(np.float32)
    blocks = sample.reshape(THUMBNAIL[0], _FINE, THUMBNAIL[1], _FINE)
    thumbnail: NDArray[np.float32] = blocks.mean(axis=(1, 3))
    return thumbnail


def is_cut(before: NDArray[np.float32], after: NDArray[np.float32]) -> bool:
    """Return whether there is a scene cut between two neighbouring frames.

    A cut changes both brightness and layout. A flash or a lamp changes brightness but leaves the
    pattern, and a moving object leaves most of the picture.

    Args:
        before: Thumbnail of a frame, levels in [0, 255].
        after: Thumbnail of the next frame.
    """
    if float(np.abs(after - before).mean()) < MIN_CHANGE:
        return False
    one, other = before - before.mean(), after - after.mean()
    strength = float(np.sqrt((one * one).sum() * (other * other).sum()))
    flat = min(float(one.std()), float(other.std())) < 2  # a blank frame has no pattern
    return flat or float((one * other).sum()) / strength < MAX_LIKENESS
