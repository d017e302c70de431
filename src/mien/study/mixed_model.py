"""Compare conditions with a linear mixed model, in which incomplete participants count too."""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mien.errors import require_extra
from mien.study.statistics import MIN_PARTICIPANTS, Comparison, correct_for_many, import_stats
from mien.study.summary import Cell


@dataclass(frozen=True, slots=True)
class Fit:
    """What a mixed model estimates: a difference with its 95 % interval, and p."""

    difference: float
    low: float
    high: float
    p: float


def compare_by_mixed_model(
    comparisons: Sequence[Comparison], cells: Mapping[Cell, Mapping[str, float | None]]
) -> tuple[Comparison, ...]:
    """Replace the differences, intervals and tests of comparisons by those of mixed models.

    For each comparison, the participants' means under both conditions are fitted with a fixed
    effect of the condition and a random intercept for each participant. It is means and not single
    recordings that are fitted: how strongly a condition works differs between participants, and
    without a random slope for that, which few recordings do not show, intervals of recordings
    would be too narrow.

    Args:
        comparisons: Of conditions paired by participant; their effect sizes are kept.
        cells: For each (participant, condition), its measures; also of those without the other
            condition.

    Returns:
        The comparisons; without interval and p where a model cannot be fitted.
    """
    found = []
    for one in comparisons:
        kept = [
            (value, condition == one.second, participant)
            for (participant, condition), measures in cells.items()
            if condition in (one.first, one.second)
            and (value := measures.get(one.measure)) is not None
        ]
        enough = one.participants >= MIN_PARTICIPANTS
        fit = fit_mixed_model(*zip(*kept, strict=True)) if enough else None

        if fit is None:
            found.append(replace(one, low=None, high=None, p=None, p_holm=None))
        else:
            people = len({participant for *_, participant in kept})
            told = replace(one, participants=people, difference=fit.difference, p=fit.p)
            found.append(replace(told, low=fit.low, high=fit.high, p_holm=None))
    return correct_for_many(found)


def fit_mixed_model(
    values: Sequence[float], is_second: Sequence[bool], participants: Sequence[str]
) -> Fit | None:
    """Fit value ~ condition + (1 | participant) by restricted maximum likelihood.

    Where the participants do not differ, the variance of the intercepts is estimated as 0, and
    optimizers often fail at this bound. The fit is then the one without random intercepts, with
    the standard error of the paired differences where that is larger.

    The Wald interval and test take Student's t with one degree of freedom less than there are
    participants with both conditions, as R's nlme does: those with one condition say little about
    the difference, and the normal distribution of large samples would be too sure of few of them.

    Args:
        values: A participant's mean under a condition, each.
        is_second: Whether it is that under the second of two conditions.
        participants: Whose it is.

    Returns:
        The difference of the second condition from the first; None where the model cannot be
        fitted, as where nothing varies, or fewer than two participants have both conditions.

    Raises:
        MissingExtraError: statsmodels is not installed.
    """
    try:
        from statsmodels.regression.mixed_linear_model import MixedLM
    except ImportError as error:
        raise require_extra("study", "a mixed model", "statsmodels") from error
    measured = np.asarray(values, dtype=np.float64)
    spread = float(measured.std())
    pairs = {name for name, late in zip(participants, is_second, strict=True) if late} & {
        name for name, late in zip(participants, is_second, strict=True) if not late
    }
    if spread < 1e-9 or len(pairs) < 2:
        return None

    # Scaled to a spread of 1, so that the optimizer's tolerances fit any measure.
    design = np.column_stack([np.ones(len(measured)), np.asarray(is_second, dtype=np.float64)])
    scaled = measured / spread
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of variances at 0, which are valid estimates here
        try:
            fitted = MixedLM(scaled, design, groups=list(participants)).fit(reml=True)
        except (np.linalg.LinAlgError, ValueError):
            fitted = None

    error_of_mean = math.nan if fitted is None else float(fitted.bse[1])
    if fitted is not None and fitted.converged and error_of_mean > 0:  # false for NaN
        difference = float(fitted.params[1])
    else:
        difference, error_of_mean = _fit_without_intercepts(scaled, design, participants)
    if not error_of_mean > 0:
        return None

    stats = import_stats()
    freedom = len(pairs) - 1
    reach = float(stats.t.ppf(0.975, freedom)) * error_of_mean
    p = 2 * float(stats.t.sf(abs(difference) / error_of_mean, freedom))
    low, high = spread * (difference - reach), spread * (difference + reach)
    return Fit(spread * difference, low, high, p)


def _fit_without_intercepts(
    values: NDArray[np.float64], design: NDArray[np.float64], participants: Sequence[str]
) -> tuple[float, float]:
    """Return the difference between the conditions and its standard error, by least squares.

    A baseline can make a participant's values under two conditions vary in opposite directions,
    which no intercept describes: the error is at least that of the paired differences.
    """
    weights, *_ = np.linalg.lstsq(design, values)
    residuals = values - design @ weights
    variance = float(residuals @ residuals) / max(len(values) - design.shape[1], 1)
    error = math.sqrt(variance * float(np.linalg.pinv(design.T @ design)[1, 1]))

    pairs: dict[str, dict[float, float]] = {}
    for value, condition, name in zip(values, design[:, 1], participants, strict=True):
        pairs.setdefault(name, {})[float(condition)] = float(value)
    differences = [pair[1.0] - pair[0.0] for pair in pairs.values() if len(pair) == 2]
    if len(differences) > 1:
        error = max(error, float(np.std(differences, ddof=1)) / math.sqrt(len(differences)))
    return float(weights[1]), error
