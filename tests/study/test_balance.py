"""Offsets where expressions are shown equally often: better than a mean, and careful elsewhere."""

import numpy as np
import pytest

from mien.study.balance import _balance, estimate_even_offset

SHIFTED = np.array([0, 0, 0, 0, 1.5, 1.0, -1.5])  # leans to neutral and sad, away from surprise


def show(shown, rng, strength=3.0):
    """Log-probabilities of one person; happiness and surprise are ruled out by far, or shown."""
    logs = rng.normal(0, 0.8, (len(shown), 7))
    logs -= rng.exponential([0.3, 0.3, 0.3, 1.5, 0.3, 0.3, 1.5], logs.shape)
    rows = np.arange(len(shown))
    logs[rows, shown] = rng.uniform(0.2, 1.0, len(shown)) * strength
    logs += SHIFTED
    return logs - logs.mean(axis=1, keepdims=True)


def test_even_designs_are_read_better_than_with_a_plain_mean():
    rng = np.random.default_rng(0)
    shown = np.repeat(np.arange(7), 3)
    raw = plain = balanced = 0
    for _ in range(100):
        logs = show(shown, rng)
        raw += (logs.argmax(axis=1) == shown).sum()
        plain += ((logs - logs.mean(axis=0)).argmax(axis=1) == shown).sum()
        balanced += ((logs - estimate_even_offset(logs)).argmax(axis=1) == shown).sum()
    assert raw / 2100 < 0.7
    assert balanced - plain > 50
    assert balanced / 2100 > 0.8


def test_the_corrected_probabilities_are_shared_evenly():
    rng = np.random.default_rng(1)
    shown = np.repeat(np.arange(7), 10)
    logs = show(shown, rng) - SHIFTED
    moved = logs - _balance(logs)
    shares = np.exp(moved) / np.exp(moved).sum(axis=1, keepdims=True)
    assert shares.mean(axis=0) == pytest.approx(1 / 7, abs=0.01)
    offset = estimate_even_offset(show(shown, rng))
    assert offset.sum() == pytest.approx(0, abs=1e-6)
    assert np.corrcoef(offset, SHIFTED)[0, 1] > 0.9


def test_what_speaks_against_even_shares_is_not_balanced():
    rng = np.random.default_rng(2)
    logs = show(np.array([3] * 30 + [0, 1, 2, 4, 5, 6]), rng, strength=6.0) - SHIFTED
    assert (_balance(logs) == 0).all()


@pytest.mark.parametrize("count", [2, 5_000])
def test_extreme_readings_come_to_an_end(count):
    logs = np.full((count, 7), -2.0)
    logs[np.arange(count), np.arange(count) % 2] = 12.0
    offset = estimate_even_offset(logs)
    assert np.isfinite(offset).all()
    assert ((logs - offset).argmax(axis=1) == np.arange(count) % 2).all()
