"""Measure how often the 95 % intervals of `mien study` contain the true difference.

Command: python benchmarks/study_coverage.py

Simulates 1,000 studies of each size with a known difference, normal or skewed as in shares of
expressions, and counts how many intervals contain it.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from machine import write_result
from mien.study import statistics

STUDIES: Final = 1_000
TRUTH: Final = 0.1
SIZES: Final = (12, 20, 40)

Draw = Callable[[np.random.Generator, int], np.ndarray]


def draw_normal(rng: np.random.Generator, count: int) -> np.ndarray:
    """Draw normally distributed differences."""
    return rng.normal(TRUTH, 0.2, count)


def draw_skewed(rng: np.random.Generator, count: int) -> np.ndarray:
    """Draw differences of two shares, with a mean of `TRUTH`."""
    return rng.beta(2, 8, count) - rng.beta(1, 9, count)


def count_held(draw: Draw, size: int) -> float:
    """Return the fraction of intervals that contain the true difference."""
    rng = np.random.default_rng(size)
    held = 0
    for number in range(STUDIES):
        low, high = statistics.find_interval(draw(rng, size), seed=number)
        held += low <= TRUTH <= high
    return held / STUDIES


def main() -> None:
    """Measure every size and shape."""
    shapes = {"normal": draw_normal, "skewed": draw_skewed}
    figures = {
        "studies": STUDIES,
        "resamples": statistics.RESAMPLES,
        "intervals_that_hold_the_truth": {
            name: {str(size): count_held(draw, size) for size in SIZES}
            for name, draw in shapes.items()
        },
    }
    write_result(
        __file__, "python benchmarks/study_coverage.py", ("mien", "numpy", "scipy"), figures
    )


if __name__ == "__main__":
    main()
