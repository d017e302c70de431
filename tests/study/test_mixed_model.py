"""Mixed models: equal to the paired t-test where that is what they are."""

import numpy as np
import pytest

pytest.importorskip("statsmodels")
from scipy import stats

from mien.study.mixed_model import compare_by_mixed_model, fit_mixed_model
from mien.study.statistics import Comparison


def make(people=12, effect=0.1, trials=1, seed=0):
    rng = np.random.default_rng(seed)
    own = rng.normal(0.4, 0.2, people)
    values, second, names = [], [], []
    for person in range(people):
        for condition in (False, True):
            for _ in range(trials):
                values.append(own[person] + effect * condition + rng.normal(0, 0.05))
                second.append(condition)
                names.append(f"p{person}")
    return values, second, names


def test_one_recording_a_cell_is_the_paired_t_test():
    values, second, names = make()
    fit = fit_mixed_model(values, second, names)
    differences = np.array(values[1::2]) - np.array(values[::2])
    paired = stats.ttest_1samp(differences, 0)
    assert fit.difference == pytest.approx(differences.mean(), abs=1e-6)
    assert fit.p == pytest.approx(paired.pvalue, rel=1e-3)
    low, high = paired.confidence_interval(0.95)
    assert (fit.low, fit.high) == pytest.approx((low, high), abs=1e-4)


def test_people_with_one_condition_only_count_too_and_what_does_not_vary_has_no_fit():
    values, second, names = make(trials=3)
    more = fit_mixed_model([*values, 0.9], [*second, True], [*names, "alone"])
    assert more.difference == pytest.approx(
        fit_mixed_model(values, second, names).difference, abs=0.05
    )
    assert fit_mixed_model([0.5] * 6, [False, True] * 3, ["a", "a", "b", "b", "c", "c"]) is None


@pytest.mark.slow
def test_incomplete_participants_are_treated_as_in_r():
    """Figures of R's nlme: lme(y ~ condition, random = ~1 | participant), method REML.

    The standard error of statsmodels also contains the uncertainty of the variances: 0.8 % more.
    """
    calm = (0.20, 0.31, 0.12, 0.45, 0.28, 0.36, None, 0.15)
    film = (0.33, 0.40, None, 0.58, 0.47, 0.41, 0.30, None)
    rows = [
        (value, late, f"p{number}")
        for late, column in ((False, calm), (True, film))
        for number, value in enumerate(column)
        if value is not None
    ]
    fit = fit_mixed_model(*zip(*rows, strict=True))
    assert fit.difference == pytest.approx(0.1214946, abs=1e-4)
    assert fit.p == pytest.approx(0.0061504, rel=0.05)
    assert fit_mixed_model([0.1, 0.2, 0.3], [False, True, True], ["a", "a", "b"]) is None


@pytest.mark.slow
def test_comparisons_are_replaced_and_corrected():
    values, second, names = make()
    cells = {
        (name, "film" if late else "calm"): {"x": value, "y": 0.5}
        for value, late, name in zip(values, second, names, strict=True)
    }
    cells["alone", "film"] = {"x": 0.9, "y": None}
    before = [
        Comparison("x", "calm", "film", 12, 0.0, effect_size=1.5, p=0.5),
        Comparison("y", "calm", "film", 12, 0.0, p=0.5),
        Comparison("x", "calm", "film", 2, 0.3),
    ]
    x, y, few = compare_by_mixed_model(before, cells)
    assert x.low < x.difference < x.high
    assert x.difference == pytest.approx(0.1, abs=0.05)
    assert x.participants == len({*names, "alone"})  # who has one condition counts as well
    assert (x.effect_size, x.p_holm) == (1.5, pytest.approx(x.p))
    assert (y.p, y.low, y.p_holm) == (None, None, None)
    assert (few.difference, few.p) == (0.3, None)


def test_a_strong_difference_has_an_interval_where_participants_do_not_differ():
    # Under the first condition everybody is alike, so that no intercept varies: optimizers fail.
    generator = np.random.default_rng(0)
    calm = generator.normal(0.005, 0.002, 15)
    film = generator.normal(0.32, 0.05, 15) - 3 * (calm - calm.mean())
    names = [f"p{number}" for number in range(15)]
    fit = fit_mixed_model([*calm, *film], [False] * 15 + [True] * 15, [*names, *names])
    assert fit is not None
    paired = stats.ttest_rel(film, calm).confidence_interval()
    assert fit.difference == pytest.approx(film.mean() - calm.mean())
    assert (fit.low, fit.high) == pytest.approx((paired.low, paired.high), abs=0.005)
    assert fit.p < 1e-8
