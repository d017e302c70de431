"""Measure the agreement between human coders and the model."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from mien.data.raters import find_fleiss_kappa
from mien.errors import ConfigError, InputError, require_extra
from mien.study.coding import Coded
from mien.study.statistics import import_stats

MIN_RECORDINGS: Final = 3
"""Minimum number of recordings for correlating shares, and for an interval of the coders' kappa."""
RESAMPLES: Final = 2_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A coefficient with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class CoderAgreement:
    """How far several coders agree with each other.

    Attributes:
        coders: Their names.
        pictures: How many photos or frames all of them coded.
        recordings: Of how many recordings these are.
        kappa: Fleiss' kappa; None where they used a single word.
        low: The lower end of its 95 % interval, bootstrapped over recordings; None where there are
            fewer than `MIN_RECORDINGS`.
        high: The upper end.
    """

    coders: tuple[str, ...]
    pictures: int
    recordings: int
    kappa: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement between coders and model.

    Attributes:
        pictures: Number of photos or frames with both codes.
        recordings: Number of recordings they belong to.
        agreement: Fraction with the same word; None if the coders agreed on no word anywhere.
        kappa: Cohen's kappa over pictures; None where either side used a single word. Its interval
            assumes independent pictures, which the frames of a video are not.
        icc: For each expression, ICC(A,1) between its share of each recording according to the
            coders and to the model; expressions whose shares do not vary are left out.
        tied: Number of further pictures without a word that most coders chose.
        coders: How far the coders agree with each other; None if there is only one.
    """

    pictures: int
    recordings: int
    agreement: float | None
    kappa: Estimate | None
    icc: Mapping[str, Estimate]
    tied: int = 0
    coders: CoderAgreement | None = None


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
        raise ConfigError(
            "no picture has both a human code and a reading; name sources in the codes as in the "
            "study, and give times in seconds"
        )

    pairs = [(one.human, one.machine) for one in codes if one.human is not None]
    named = [one for one in codes if one.human is not None]
    words = sorted({word for pair in pairs for word in pair})
    found = Agreement(
        pictures=len(pairs),
        recordings=len({one.recording for one in named}),
        agreement=sum(a == b for a, b in pairs) / len(pairs) if pairs else None,
        kappa=None,
        icc=_correlate_shares(named, words),
        tied=len(codes) - len(pairs),
        coders=compare_coders(codes),
    )
    if len(words) < 2:
        return found

    numbers = [[words.index(a), words.index(b)] for a, b in pairs]
    table, _ = to_table(numbers, bins=len(words))
    with np.errstate(divide="ignore", invalid="ignore"):  # one side used a single word
        cohen = cohens_kappa(table)
    kappa = Estimate(float(cohen.kappa), float(cohen.kappa_low), float(cohen.kappa_upp))
    known = all(map(math.isfinite, (kappa.value, kappa.low, kappa.high)))
    return replace(found, kappa=kappa) if known else found


def compare_coders(codes: Sequence[Coded]) -> CoderAgreement | None:
    """Measure how far several coders agree, by Fleiss' kappa.

    Frames of one recording are alike. So the interval comes from resampling recordings.

    Returns:
        The agreement on what all of them coded; None where there are fewer than two coders, or
        they coded nothing together.
    """
    coders = tuple(sorted({coder for one in codes for coder in one.coders}))
    shared = [one for one in codes if len(one.coders) == len(coders)]
    if len(coders) < 2 or not shared:
        return None

    words = sorted({word for one in shared for word in one.coders.values()})
    by_recording: dict[str, list[list[int]]] = {}
    for one in shared:
        named = list(one.coders.values())
        by_recording.setdefault(one.recording, []).append([named.count(word) for word in words])
    blocks = [np.array(rows) for rows in by_recording.values()]
    kappa = find_fleiss_kappa(np.concatenate(blocks))
    found = CoderAgreement(coders, len(shared), len(blocks), kappa)
    if kappa is None or len(blocks) < MIN_RECORDINGS:
        return found

    rng = np.random.default_rng(0)
    drawn = [
        find_fleiss_kappa(np.concatenate([blocks[at] for at in chosen]))
        for chosen in rng.integers(0, len(blocks), (RESAMPLES, len(blocks)))
    ]
    low, high = np.percentile([one for one in drawn if one is not None], (2.5, 97.5))
    return replace(found, low=float(low), high=float(high))


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
