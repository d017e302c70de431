"""Measure the agreement between human coders and the model."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from mien.errors import ConfigError, InputError, require_extra
from mien.study.coding import Coded
from mien.study.statistics import import_stats

MIN_RECORDINGS: Final = 3
"""Minimum number of recordings for correlating the shares of an expression."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A coefficient with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement between coders and model.

    Attributes:
        pictures: Number of photos or frames with both codes.
        recordings: Number of recordings they belong to.
        agreement: Fraction with the same word.
        kappa: Cohen's kappa over pictures; None where either side used a single word. Its interval
            assumes independent pictures, which the frames of a video are not.
        icc: For each expression, ICC(A,1) between its share of each recording according to the
            coders and to the model; expressions whose shares do not vary are left out.
    """

    pictures: int
    recordings: int
    agreement: float
    kappa: Estimate | None
    icc: Mapping[str, Estimate]


def agree(codes: Sequence[Coded]) -> Agreement:
    """Measure the agreement between coders and model.

    Raises:
        ConfigError: No picture has both codes.
    """
    try:
        from statsmodels.stats.inter_rater import cohens_kappa, to_table
    except ImportError as error:
        raise require_extra("study", "agreement with coders", "statsmodels") from error
    if not codes:
        raise ConfigError("no picture has both a human code and a reading")

    words = sorted({word for one in codes for word in (one.human, one.machine)})
    numbers = [[words.index(one.human), words.index(one.machine)] for one in codes]
    same = sum(a == b for a, b in numbers) / len(numbers)
    recordings = len({one.recording for one in codes})
    correlations = _correlate_shares(codes, words)
    if len(words) < 2:
        return Agreement(len(codes), recordings, same, None, correlations)

    table, _ = to_table(numbers, bins=len(words))
    with np.errstate(divide="ignore", invalid="ignore"):  # one side used a single word
        found = cohens_kappa(table)
    kappa = Estimate(float(found.kappa), float(found.kappa_low), float(found.kappa_upp))
    known = all(map(math.isfinite, (kappa.value, kappa.low, kappa.high)))
    return Agreement(len(codes), recordings, same, kappa if known else None, correlations)


def find_icc(ratings: ArrayLike) -> Estimate | None:
    """Compute the intraclass correlation ICC(A,1): two-way random effects, absolute agreement.

    The estimate and its interval follow McGraw and Wong 1996 (doi 10.1037/1082-989X.1.1.30); Shrout
    and Fleiss call it ICC(2,1).

    Args:
        ratings: (N, K), N recordings rated by K raters.

    Returns:
        The coefficient, at most 1; None where the recordings do not vary.

    Raises:
        InputError: There are fewer than 2 recordings or raters.
    """
    table = np.asarray(ratings, dtype=np.float64)
    if table.ndim != 2 or min(table.shape) < 2:
        raise InputError(f"ratings must be (N, K) with N and K at least 2, got {table.shape}")
    count, raters = table.shape
    rows = table.mean(axis=1, keepdims=True) - table.mean()
    columns = table.mean(axis=0, keepdims=True) - table.mean()
    rest = table - table.mean() - rows - columns
    between_rows = raters * float((rows**2).sum()) / (count - 1)
    between_raters = count * float((columns**2).sum()) / (raters - 1)
    error = float((rest**2).sum()) / ((count - 1) * (raters - 1))

    excess = raters / count * (between_raters - error)
    total = between_rows + (raters - 1) * error + excess
    if total <= 1e-12:
        return None
    value = (between_rows - error) / total
    if math.isclose(value, 1):
        return Estimate(1.0, 1.0, 1.0)
    if max(between_rows, error) <= 1e-12:
        return None  # no variance between recordings

    # Satterthwaite's degrees of freedom for the mixture of the raters' and the error's variance.
    a = raters * value / (count * (1 - value))
    b = 1 + a * (count - 1)
    first, second = a * between_raters, b * error
    freedom = (first + second) ** 2 / (
        first**2 / (raters - 1) + second**2 / ((count - 1) * (raters - 1))
    )
    stats = import_stats()
    lower_f = float(stats.f.ppf(0.975, count - 1, freedom))
    upper_f = float(stats.f.ppf(0.975, freedom, count - 1))
    mixed = raters * between_raters + (raters * count - raters - count) * error
    low = count * (between_rows - lower_f * error) / (lower_f * mixed + count * between_rows)
    high = count * (upper_f * between_rows - error) / (mixed + count * upper_f * between_rows)
    return Estimate(value, low, high)


def _correlate_shares(codes: Sequence[Coded], words: Sequence[str]) -> dict[str, Estimate]:
    """Compute the ICC of each word's share in the recordings, between coders and model."""
    by_recording: dict[str, list[Coded]] = {}
    for one in codes:
        by_recording.setdefault(one.recording, []).append(one)
    if len(by_recording) < MIN_RECORDINGS:
        return {}

    found = {}
    for word in words:
        shares = [
            (
                sum(one.human == word for one in own) / len(own),
                sum(one.machine == word for one in own) / len(own),
            )
            for own in by_recording.values()
        ]
        icc = find_icc(shares)
        if icc is not None:
            found[word] = icc
    return found
