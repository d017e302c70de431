"""Measure how often the 95 % intervals of `mien study` contain the true difference.

Command: python benchmarks/study_coverage.py

Simulates 1,000 studies of each size with a known difference, normal or skewed as in shares of
expressions, and counts how many intervals contain it. The intervals of mixed models
(`--test mixed`) are those of studies in which 15 % of the means are missing, once with
participants who differ and once with participants who are alike apart from noise, whose variance
is often estimated as 0.
"""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Final

import numpy as np

from machine import write_result
from mien.study import statistics
from mien.study.mixed_model import fit_mixed_model

STUDIES: Final = 1_000
TRUTH: Final = 0.1
SIZES: Final = (12, 20, 40)
SPREADS: Final = {"mixed model": 0.2, "mixed model, participants alike": 0.0}
"""Standard deviation of the participants' own means in the studies of mixed models."""

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


def count_held_by_mixed_models(size: int, spread: float) -> float:
    """Return the fraction of mixed models' intervals that contain the true difference.

    Args:
        size: Number of participants.
        spread: Standard deviation of the participants' own means.
    """
    rng = np.random.default_rng(size)
    people = np.repeat(np.arange(size), 2)
    second = np.tile([False, True], size)
    held = 0
    for _ in range(STUDIES):
        own, change = rng.normal(0.4, spread, size), rng.normal(TRUTH, 0.1, size)
        values = own[people] + second * change[people] + rng.normal(0, 0.05, 2 * size)
        there = rng.random(2 * size) < 0.85
        fit = fit_mixed_model(values[there], second[there], people[there].astype(str))
        held += fit is not None and fit.low <= TRUTH <= fit.high
    return held / STUDIES


def main() -> None:
    """Measure every size and shape."""
    with ProcessPoolExecutor() as pool:  # each count has a seed of its own
        counts = {
            name: {str(size): pool.submit(count_held, draw, size) for size in SIZES}
            for name, draw in {"normal": draw_normal, "skewed": draw_skewed}.items()
        } | {
            name: {
                str(size): pool.submit(count_held_by_mixed_models, size, spread) for size in SIZES
            }
            for name, spread in SPREADS.items()
        }
        held = {
            name: {size: count.result() for size, count in sizes.items()}
            for name, sizes in counts.items()
        }
    figures = {
        "studies": STUDIES,
        "resamples": statistics.RESAMPLES,
        "intervals_that_hold_the_truth": held,
    }
    packages = ("mien", "numpy", "scipy", "statsmodels")
    write_result(__file__, packages, figures)


if __name__ == "__main__":
    main()
