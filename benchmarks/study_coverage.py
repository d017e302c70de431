"""Do 95 % intervals of `mien study` hold the true difference in 95 % of studies?

Command: python benchmarks/study_coverage.py

Makes 1,000 studies of each size with a known difference, of normal and of skewed differences as
shares of expressions have them, and counts how many intervals hold it.
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
    """Draw differences that are normal."""
    return rng.normal(TRUTH, 0.2, count)


def draw_skewed(rng: np.random.Generator, count: int) -> np.ndarray:
    """Draw differences of two shares, with a mean of `TRUTH`."""
    return rng.beta(2, 8, count) - rng.beta(1, 9, count)


def count_held(draw: Draw, size: int) -> float:
    """Return the share of intervals that hold the truth."""
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
