"""Tests of the figures by which a model is judged."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="mien[train] is not installed")

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score
from torchmetrics.functional.classification import multiclass_calibration_error

from mien.emotions import EMOTIONS
from mien.errors import DataError, InputError
from mien.evaluation.metrics import (
    compute_figures,
    fit_temperature,
    reliability,
    risk_coverage,
    softmax,
    threshold_for_accuracy,
    threshold_for_coverage,
)


def guesses(
    seed: int, faces: int, *, classes: int = 7, scale: float = 2.0
) -> tuple[np.ndarray, np.ndarray]:
    """Draw logits, and labels that follow their softmax: a perfectly calibrated model."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(faces, classes)) * scale
    chances = softmax(logits).cumsum(axis=1)
    labels = (rng.random((faces, 1)) > chances[:, :-1]).sum(axis=1)
    return logits, labels.astype(np.int64)


cases = st.builds(
    guesses,
    seed=st.integers(0, 10_000),
    faces=st.integers(1, 60),
    classes=st.integers(2, 8),
    scale=st.floats(0.1, 8),
)


@settings(max_examples=60, deadline=None)
@given(case=cases)
@pytest.mark.slow
def test_figures_agree_with_one_another(case: tuple[np.ndarray, np.ndarray]) -> None:
    logits, labels = case
    names = [f"class {i}" for i in range(logits.shape[1])]
    figures = compute_figures(labels, softmax(logits), names)
    confusion = np.array(figures.confusion)
    assert confusion.sum() == figures.faces == len(labels)
    assert np.trace(confusion) == figures.correct
    low, high = figures.accuracy_interval
    assert 0 <= low <= figures.accuracy <= high <= 1 or low == pytest.approx(figures.accuracy)
    assert figures.accuracy <= figures.top2_accuracy + 1e-12
    assert 0 <= figures.ece <= 1
    assert 0 <= figures.brier <= 2
    assert figures.nll >= 0
    assert list(figures.per_class) == names
    for i, row in enumerate(figures.per_class.values()):
        assert row.faces == confusion[i].sum()
        assert row.predicted == confusion[:, i].sum()


@settings(max_examples=30, deadline=None)
@given(case=cases, seed=st.integers(0, 99))
def test_order_of_the_faces_does_not_matter(case: tuple[np.ndarray, np.ndarray], seed: int) -> None:
    logits, labels = case
    probabilities = softmax(logits).round(2)  # rounded, so that confidences tie
    order = np.random.default_rng(seed).permutation(len(labels))
    curve = risk_coverage(labels, probabilities)
    shuffled = risk_coverage(labels[order], probabilities[order])
    np.testing.assert_allclose(curve.risk, shuffled.risk)
    assert curve.aurc == pytest.approx(shuffled.aurc)
    assert curve.coverage[-1] == 1
    assert curve.risk[-1] == pytest.approx((probabilities.argmax(1) != labels).mean())


def test_figures_of_a_case_counted_by_hand() -> None:
    labels = np.array([0, 0, 1, 1, 1])
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.3, 0.7], [0.55, 0.45]])
    figures = compute_figures(labels, probabilities, ("no", "yes"))
    assert figures.confusion == ((1, 1), (1, 2))
    assert figures.accuracy == 0.6
    # Wilson's interval of 3 in 5, from the formula: (p + z²/2n ± z √(p q/n + z²/4n²)) / (1 + z²/n)
    assert figures.accuracy_interval == pytest.approx((0.2307, 0.8824), abs=1e-4)
    assert figures.per_class["yes"].precision == pytest.approx(2 / 3)
    assert figures.per_class["no"].recall == 0.5
    assert figures.macro_f1 == pytest.approx((0.5 + 2 / 3) / 2)
    assert figures.top2_accuracy == 1
    assert figures.nll == pytest.approx(-np.log([0.9, 0.4, 0.8, 0.7, 0.45]).mean())
    assert figures.brier == pytest.approx(2 * np.mean([0.01, 0.36, 0.04, 0.09, 0.3025]))
    # Five confidences, five bins: .9 right, .6 wrong, .8 right, .7 right, .55 wrong.
    assert figures.ece == pytest.approx((0.1 + 0.6 + 0.2 + 0.3 + 0.55) / 5)


def test_a_class_without_faces_is_left_out_of_macro_f1() -> None:
    probabilities = softmax(np.eye(3)[[0, 1, 1]] * 5)
    labels = np.array([0, 1, 0])
    figures = compute_figures(labels, probabilities, ("a", "b", "absent"))
    assert figures.macro_f1 == pytest.approx(f1_score(labels, [0, 1, 1], average="macro"))
    assert figures.per_class["absent"].faces == 0


def test_ece_is_that_of_torchmetrics_below_a_confidence_of_one() -> None:
    logits, labels = guesses(3, 800, scale=1.5)
    probabilities = softmax(logits * 1.7)
    theirs = multiclass_calibration_error(
        torch.tensor(probabilities), torch.tensor(labels), num_classes=7, n_bins=15, norm="l1"
    )
    assert reliability(labels, probabilities).ece == pytest.approx(float(theirs), abs=1e-6)


def test_a_confidence_of_exactly_one_belongs_to_the_last_bin() -> None:
    probabilities = np.array([[1.0, 0.0], [0.96, 0.04]])
    bins = reliability(np.array([1, 0]), probabilities)
    assert len(bins.counts) == 15
    assert bins.counts[-1] == 2
    assert bins.ece == pytest.approx(0.98 - 0.5)
    theirs = multiclass_calibration_error(
        torch.tensor(probabilities), torch.tensor([1, 0]), num_classes=2, n_bins=15
    )
    assert float(theirs) == pytest.approx((1 + 0.04) / 2)  # a sixteenth bin: why it is not used


@settings(max_examples=10, deadline=None)
@given(temperature=st.floats(0.4, 4.0), seed=st.integers(0, 1000))
def test_temperature_recovers_a_known_scale(temperature: float, seed: int) -> None:
    logits, labels = guesses(seed, 6000)
    found = fit_temperature(logits * temperature, labels)
    assert found == pytest.approx(temperature, rel=0.08)


def test_temperature_never_worsens_the_likelihood_and_keeps_every_answer() -> None:
    logits, labels = guesses(5, 500, scale=4.0)
    before = compute_figures(labels, softmax(logits * 2), EMOTIONS)
    after = compute_figures(
        labels, softmax(logits * 2, fit_temperature(logits * 2, labels)), EMOTIONS
    )
    assert after.nll < before.nll
    assert after.ece < before.ece
    assert after.confusion == before.confusion


def test_few_faces_all_right_do_not_make_a_model_certain() -> None:
    """Twelve say little, and thousands what they said before; the likelihood alone gave 0.05."""
    few = fit_temperature(np.tile(np.eye(3) * 4, (4, 1)), np.tile(np.arange(3), 4))
    many = fit_temperature(np.tile(np.eye(3) * 4, (4000, 1)), np.tile(np.arange(3), 4000))
    assert 0.5 < few < 1
    assert 0.05 <= many < 0.5
    logits, labels = guesses(3, 3000)
    assert fit_temperature(np.tile(logits, (9, 1)), np.tile(labels, 9)) == pytest.approx(
        fit_temperature(logits, labels), rel=1e-3
    )


def test_risk_coverage_of_a_case_counted_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.8, 0.2], [0.6, 0.4]])
    curve = risk_coverage(np.array([0, 1, 0, 1]), probabilities)
    np.testing.assert_allclose(curve.threshold, [0.9, 0.8, 0.6])
    np.testing.assert_allclose(curve.coverage, [0.25, 0.75, 1.0])
    np.testing.assert_allclose(curve.risk, [0, 1 / 3, 0.5])
    assert curve.aurc == pytest.approx(0.25 * 0 + 0.5 / 3 + 0.25 * 0.5)
    assert threshold_for_coverage(curve, 0.5) == 0.8
    assert threshold_for_coverage(curve, 1.0) == 0.6
    assert threshold_for_accuracy(curve, 0.66) == 0.8
    assert threshold_for_accuracy(curve, 1.0) == 0.9


@settings(max_examples=40, deadline=None)
@given(case=cases, wanted=st.floats(0.05, 1.0))
def test_thresholds_hold_what_was_asked(case: tuple[np.ndarray, np.ndarray], wanted: float) -> None:
    logits, labels = case
    probabilities = softmax(logits)
    curve = risk_coverage(labels, probabilities)
    confidence = probabilities.max(axis=1)
    kept = confidence >= threshold_for_coverage(curve, wanted)
    assert kept.mean() >= wanted - 1e-9
    try:
        kept = confidence >= threshold_for_accuracy(curve, wanted)
    except DataError:
        assert (1 - curve.risk).max() < wanted
    else:
        assert (probabilities.argmax(axis=1) == labels)[kept].mean() >= wanted - 1e-9


def test_what_cannot_be_judged_is_said() -> None:
    with pytest.raises(DataError, match="no face"):
        compute_figures(np.zeros(0, np.int64), np.zeros((0, 7)), EMOTIONS)
    with pytest.raises(InputError, match=r"\(3, 7\), got \(3, 6\)"):
        compute_figures(np.zeros(3, np.int64), np.full((3, 6), 1 / 6), EMOTIONS)
    with pytest.raises(InputError, match="finite"):
        fit_temperature(np.full((2, 7), np.nan), np.zeros(2, np.int64))
    curve = risk_coverage(np.array([1]), np.array([[0.9, 0.1]]))
    with pytest.raises(DataError, match="no threshold reaches an accuracy of 90"):
        threshold_for_accuracy(curve, 0.9)
    with pytest.raises(InputError, match="coverage"):
        threshold_for_coverage(curve, 0)
