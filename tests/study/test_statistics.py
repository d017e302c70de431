"""The statistics of studies: intervals that hold what they promise, tests with the right values."""

import numpy as np
import pytest

pytest.importorskip("scipy")
pytest.importorskip("statsmodels")

from mien.study.agreement import agree, compare_coders, find_icc
from mien.study.coding import Coded
from mien.study.statistics import compare_conditions, find_interval


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say(monkeypatch):
    """The full count, 1,000 studies, is benchmarks/study_coverage.py's."""
    monkeypatch.setattr("mien.study.statistics.RESAMPLES", 999)
    rng = np.random.default_rng(0)
    held = 0
    for number in range(200):
        low, high = find_interval(rng.normal(0.1, 0.2, 20), seed=number)
        held += low <= 0.1 <= high
    assert 0.91 <= held / 200 <= 0.985


@pytest.mark.slow
def test_six_that_all_rise_have_the_p_of_a_sign_flip():
    cells = {}
    for number in range(6):
        cells[f"p{number}", "a"] = {"x": 0.1, "y": 0.5}
        cells[f"p{number}", "b"] = {"x": 0.2 + number / 100, "y": 0.5 + (-1) ** number / 10}
    x, y = compare_conditions(cells, ["x", "y"], ["a", "b"])
    assert x.p == pytest.approx(2 / 2**6)
    assert x.p_holm == pytest.approx(2 * x.p)
    assert x.difference == pytest.approx(0.125)
    assert x.effect_size == pytest.approx(0.125 / np.std(np.arange(6) / 100, ddof=1))
    assert y.p == pytest.approx(1)
    assert y.low < 0 < y.high


def test_missing_cells_and_few_pairs():
    cells = {("p", "a"): {"x": 0.1}, ("p", "b"): {"x": 0.3}, ("q", "a"): {"x": 0.2}}
    (one,) = compare_conditions(cells, ["x"], ["a", "b"])
    assert (one.participants, one.low, one.p, one.p_holm) == (1, None, None, None)
    assert one.difference == pytest.approx(0.2)
    assert compare_conditions(cells, ["x"], ["a"]) == ()


def test_kappa_is_that_of_the_textbook():
    """Cohen 1960: 20 both yes, 15 both no, 5 and 10 apart: kappa 0.4."""
    human = ["y"] * 20 + ["y"] * 5 + ["n"] * 10 + ["n"] * 15
    machine = ["y"] * 20 + ["n"] * 5 + ["y"] * 10 + ["n"] * 15
    pairs = enumerate(zip(human, machine, strict=True))
    found = agree([Coded(f"r{n // 10}", a, b) for n, (a, b) in pairs])
    assert found.kappa.value == pytest.approx(0.4)
    assert found.agreement == pytest.approx(0.7)
    assert found.kappa.low < 0.4 < found.kappa.high
    assert (found.pictures, found.recordings) == (50, 5)
    assert set(found.icc) == {"n", "y"}


def test_icc_is_that_of_the_textbook():
    """Shrout and Fleiss 1979, table 2: ICC(2,1) 0.29; the interval as pingouin 0.7 gives it."""
    ratings = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    found = find_icc(ratings)
    assert found.value == pytest.approx(0.289764, abs=1e-6)
    assert (round(found.low, 2), round(found.high, 2)) == (0.02, 0.76)
    two = find_icc([row[:2] for row in ratings])
    assert two.value == pytest.approx(0.125654, abs=1e-6)
    assert (round(two.low, 2), round(two.high, 2)) == (-0.02, 0.6)
    assert find_icc([[1, 1], [2, 2], [3, 3]]).value == 1
    assert find_icc([[1, 1], [1, 1]]) is None


def test_shares_of_few_recordings_are_not_correlated():
    codes = [Coded("a", "sad", "sad"), Coded("b", "happy", "sad")]
    assert agree(codes).icc == {}
    assert agree(codes).agreement == 0.5


def test_a_machine_with_one_word_has_no_kappa():
    codes = [Coded("a", "sad", "sad"), Coded("a", "happy", "sad"), Coded("a", "sad", "sad")]
    assert agree(codes).kappa is None


def test_several_coders_are_compared_with_each_other_and_their_majority_with_the_machine():
    def code(recording, machine, *words):
        coders = dict(zip("abc", words, strict=False))
        counts = sorted(words, key=words.count)
        human = counts[-1] if len(set(words)) < len(words) or len(words) == 1 else None
        return Coded(recording, human, machine, coders)

    codes = [code(f"r{n}", "y", "y", "y", "y") for n in range(4)]
    codes += [code(f"r{n}", "n", "n", "n", "y") for n in range(4)]
    codes += [code("r0", "y", "y", "n", "x"), code("r9", "n", "n")]
    found = agree(codes)
    assert (found.pictures, found.tied, found.agreement) == (9, 1, 1.0)
    coders = found.coders
    assert (coders.coders, coders.pictures, coders.recordings) == (("a", "b", "c"), 9, 4)
    assert coders.low < coders.kappa < coders.high
    assert compare_coders([Coded("r", "y", "y", {"a": "y"})]) is None
    apart = [Coded(f"r{n}", None, "y", {"a": "y", "b": "n"}) for n in range(3)]
    assert (agree(apart).agreement, agree(apart).tied) == (None, 3)
