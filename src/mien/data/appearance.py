"""Measure the appearance of images, and find splits that look different."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

MEASURES: Final = ("sharpness", "brightness", "contrast")
"""Per image: variance of the Laplacian, mean, and standard deviation of the grey levels."""

_CHUNK: Final = 1024
_SIGMAS: Final = 3.0  # significance; the other two conditions make false alarms even rarer


@dataclass(frozen=True)
class _Limit:
    """Thresholds of a difference: it must be consistent (a share) and large (medians)."""

    share: float
    ratio: float
    levels: float


# Brightness is judged by the difference in grey levels, the others by the ratio.
_SEVERE: Final = _Limit(share=0.9, ratio=2.0, levels=30.0)
_MILD: Final = _Limit(share=0.7, ratio=1.25, levels=10.0)


@dataclass(frozen=True)
class Mismatch:
    """Two splits that look different.

    Attributes:
        measure: One of `MEASURES`.
        higher: The split that has more of it.
        lower: The split that has less.
        higher_median: Median of the measure over the first split's images.
        lower_median: Median of the measure over the second split's images.
        share: Share of all pairs of one image from each split in which `higher` has more; 0.5 for
            splits that look alike.
        severe: Whether a model trained on one split should not be evaluated on the other.
    """

    measure: str
    higher: str
    lower: str
    higher_median: float
    lower_median: float
    share: float
    severe: bool


def measure_looks(images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    """Measure each image.

    Args:
        images: (N, S, S) uint8, S of 3 or more.

    Returns:
        (N,) float32 for each of `MEASURES`. Sharpness is the variance of the Laplacian (four
        neighbours, without the border) in squared grey levels; the others are in grey levels.
    """
    looks = {measure: np.empty(len(images), dtype=np.float32) for measure in MEASURES}
    for start in range(0, len(images), _CHUNK):
        part = slice(start, start + _CHUNK)
        levels = images[part].astype(np.float32)
        laplacian = -4 * levels[:, 1:-1, 1:-1]
        laplacian += levels[:, :-2, 1:-1] + levels[:, 2:, 1:-1]
        laplacian += levels[:, 1:-1, :-2] + levels[:, 1:-1, 2:]
        looks["sharpness"][part] = laplacian.var(axis=(1, 2))
        looks["brightness"][part] = levels.mean(axis=(1, 2))
        looks["contrast"][part] = levels.std(axis=(1, 2))
    return looks


def compare_looks(looks: Mapping[str, Mapping[str, NDArray[np.float32]]]) -> tuple[Mismatch, ...]:
    """Find the pairs of splits that look different, worst first.

    Two splits differ in a measure if three conditions hold. In at least 90 % of all pairs of one
    image from each split (70 % for a mild difference), the image of the first split has more of it;
    this is the area under the ROC curve of the Mann-Whitney test. The medians are apart (sharpness
    and contrast by a factor of 2, brightness by 30 levels; mild: 1.25, 10 levels). And the
    difference is significant for splits of this size (3 standard deviations).

    Args:
        looks: The output of `measure_looks` for each split.
    """
    found = []
    for one, other in combinations(looks, 2):
        for measure in MEASURES:
            mismatch = _compare(measure, {one: looks[one][measure], other: looks[other][measure]})
            if mismatch is not None:
                found.append(mismatch)
    return tuple(sorted(found, key=lambda mismatch: (not mismatch.severe, -mismatch.share)))


def _compare(measure: str, values: Mapping[str, NDArray[np.float32]]) -> Mismatch | None:
    """Compare two splits in one measure."""
    one, other = values
    share = _share_above(values[one], values[other])
    higher, lower = (one, other) if share >= 0.5 else (other, one)
    share = max(share, 1 - share)
    medians = {split: float(np.median(values[split])) for split in values}
    high, low = medians[higher], medians[lower]
    n, m = len(values[one]), len(values[other])
    if share - 0.5 < _SIGMAS * np.sqrt((n + m + 1) / (12 * n * m)):
        return None
    for limit, severe in ((_SEVERE, True), (_MILD, False)):
        is_apart = (
            high - low >= limit.levels
            if measure == "brightness"
            else high >= limit.ratio * low and high - low >= 1  # 1: images without any texture
        )
        if is_apart and share >= limit.share:
            return Mismatch(measure, higher, lower, high, low, share, severe)
    return None


def _share_above(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Return the share of pairs in which the first has more; ties count half."""
    ordered = np.sort(other)
    below = np.searchsorted(ordered, one, side="left")
    not_above = np.searchsorted(ordered, one, side="right")
    return float((below + not_above).mean() / (2 * len(other)))
