"""Compare conditions, with participants as the unit of analysis."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from types import ModuleType
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.errors import require_extra

Test: TypeAlias = Literal["permutation", "mixed"]
"""How conditions are compared: paired differences and permutation, or mixed models."""
MIN_PARTICIPANTS: Final = 3
"""Minimum number of pairs for an interval and a test."""
RESAMPLES: Final = 9_999
SEED: Final = 0
"""Seed of the resampling, so that a study's figures can be repeated."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One measure under two conditions, paired by participant.

    Attributes:
        measure: Name of the measure.
        first: The first condition.
        second: The second condition; differences are second minus first.
        participants: Number of participants with both; of a mixed model, also those with one.
        difference: Mean difference.
        low: Lower bound of its 95 % interval.
        high: Upper bound.
        effect_size: Cohen's d of paired differences: their mean divided by their standard
            deviation; None where they do not vary.
        p: Two-sided p-value of a permutation test that flips the signs of differences.
        p_holm: The same after Holm's correction over all comparisons of the study.
    """

    measure: str
    first: str
    second: str
    participants: int
    difference: float
    low: float | None = None
    high: float | None = None
    effect_size: float | None = None
    p: float | None = None
    p_holm: float | None = None


def find_interval(
    differences: ArrayLike, *, confidence: float = 0.95, seed: int = SEED
) -> tuple[float, float]:
    """Bootstrap an interval for the mean over participants.

    The percentile interval is too narrow for few participants. Its tails are therefore extended to
    match Student's t and the factor sqrt(n / (n - 1)) (the "expanded percentile" interval of
    Hesterberg 2015, doi 10.1080/00031305.2015.1089789). benchmarks/study_coverage.py shows that 95
    % of such intervals contain the true mean.

    Args:
        differences: One per participant, (N,).
        confidence: Nominal coverage of the interval, 0 to 1.
        seed: Seed of the resampling.

    Returns:
        Lower and upper bound.
    """
    stats = import_stats()
    values = np.asarray(differences, dtype=np.float64)
    count = len(values)
    if float(np.ptp(values)) == 0:
        return float(values[0]), float(values[0])

    # The percentile interval of few participants is too narrow: expand it (Hesterberg 2015).
    quantile = stats.t.ppf((1 - confidence) / 2, count - 1) * math.sqrt(count / (count - 1))
    tail = float(stats.norm.cdf(quantile))
    found = stats.bootstrap(
        (values,),
        np.mean,
        confidence_level=1 - 2 * tail,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(seed),
    )

    low, high = found.confidence_interval
    return float(low), float(high)


def compare_conditions(
    cells: Mapping[tuple[str, str], Mapping[str, float | None]],
    measures: Sequence[str],
    conditions: Sequence[str],
) -> tuple[Comparison, ...]:
    """Compare every pair of conditions in every measure.

    Args:
        cells: Measures by (participant, condition); None or missing where unavailable.
        measures: Names of the measures to compare.
        conditions: Conditions, in order.

    Returns:
        The comparisons; with fewer than `MIN_PARTICIPANTS` pairs, only the difference is given.
    """
    people = list(dict.fromkeys(participant for participant, _ in cells))
    found = []
    for first, second in itertools.combinations(conditions, 2):
        for measure in measures:
            pairs = [
                (cells[person, first].get(measure), cells[person, second].get(measure))
                for person in people
                if (person, first) in cells and (person, second) in cells
            ]
            differences = np.array([b - a for a, b in pairs if a is not None and b is not None])
            if len(differences):
                found.append(_compare(measure, first, second, differences))
    return correct_for_many(found)


def _compare(measure: str, first: str, second: str, differences: NDArray[np.float64]) -> Comparison:
    count, mean = len(differences), float(differences.mean())
    if count < MIN_PARTICIPANTS:
        return Comparison(measure, first, second, count, mean)

    stats = import_stats()
    deviation = float(differences.std(ddof=1))
    test = stats.permutation_test(
        (differences,),
        np.mean,
        permutation_type="samples",
        n_resamples=RESAMPLES,
        vectorized=True,
        rng=np.random.default_rng(SEED),
    )

    low, high = find_interval(differences)
    effect = mean / deviation if deviation > 0 else None
    return Comparison(
        measure, first, second, count, mean, low, high, effect, min(float(test.pvalue), 1.0)
    )


def correct_for_many(found: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """Correct the p-values for multiple comparisons by Holm's method."""
    tested = [one for one in found if one.p is not None]
    if not tested:
        return tuple(found)
    try:
        from statsmodels.stats.multitest import multipletests
    except ImportError as error:
        raise require_extra("study", "a study's statistics", "statsmodels") from error
    _, corrected, *_ = multipletests([one.p for one in tested], method="holm")
    holm = dict(zip(map(id, tested), map(float, corrected), strict=True))
    return tuple(replace(one, p_holm=holm.get(id(one))) for one in found)


def require_statistics() -> None:
    """Check that the libraries are installed, without importing them.

    Raises:
        MissingExtraError: One is not.
    """
    for module in ("scipy", "statsmodels"):
        if find_spec(module) is None:
            raise require_extra("study", "`mien study`", module)


def import_stats() -> ModuleType:
    """Import scipy.stats, or raise the error that names the extra."""
    try:
        import scipy.stats
    except ImportError as error:
        raise require_extra("study", "a study's statistics", "scipy") from error
    stats: ModuleType = scipy.stats
    return stats
