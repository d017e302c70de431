"""Compare conditions with a linear mixed model, in which incomplete participants count too."""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

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
        fit = None
        if one.participants >= MIN_PARTICIPANTS:
            kept = [
                (value, condition == one.second, participant)
                for (participant, condition), measures in cells.items()
                if condition in (one.first, one.second)
                and (value := measures.get(one.measure)) is not None
            ]
            fit = fit_mixed_model(*zip(*kept, strict=True))
        if fit is None:
            found.append(replace(one, low=None, high=None, p=None, p_holm=None))
        else:
            told = replace(one, difference=fit.difference, low=fit.low, high=fit.high, p=fit.p)
            found.append(replace(told, p_holm=None))
    return correct_for_many(found)


def fit_mixed_model(
    values: Sequence[float], is_second: Sequence[bool], participants: Sequence[str]
) -> Fit | None:
    """Fit value ~ condition + (1 | participant) by restricted maximum likelihood.

    The Wald interval and test take Student's t with one degree of freedom less than there are
    participants: the normal distribution of large samples would be too sure of few of them.

    Args:
        values: A participant's mean under a condition, each.
        is_second: Whether it is that under the second of two conditions.
        participants: Whose it is.

    Returns:
        The difference of the second condition from the first; None where the model cannot be
        fitted, as where nothing varies.

    Raises:
        MissingExtraError: statsmodels is not installed.
    """
    try:
        from statsmodels.regression.mixed_linear_model import MixedLM
    except ImportError as error:
        raise require_extra("study", "a mixed model", "statsmodels") from error
    measured = np.asarray(values, dtype=np.float64)
    spread = float(measured.std())
    if spread < 1e-9:
        return None

    # Scaled to a spread of 1, so that the optimizer's tolerances fit any measure.
    design = np.column_stack([np.ones(len(measured)), np.asarray(is_second, dtype=np.float64)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of variances at 0, which are valid estimates here
        try:
            fitted = MixedLM(measured / spread, design, groups=list(participants)).fit(reml=True)
        except (np.linalg.LinAlgError, ValueError):
            return None

    difference, error_of_mean = float(fitted.params[1]), float(fitted.bse[1])
    if not fitted.converged or not math.isfinite(error_of_mean) or error_of_mean <= 0:
        return None
    stats = import_stats()
    freedom = len(set(participants)) - 1
    reach = float(stats.t.ppf(0.975, freedom)) * error_of_mean
    p = 2 * float(stats.t.sf(abs(difference) / error_of_mean, freedom))
    low, high = spread * (difference - reach), spread * (difference + reach)
    return Fit(spread * difference, low, high, p)
