"""Certainty: from shares of people to the chance that most of them would choose the word."""

import numpy as np
import pytest

from mien.data.datasets import Split
from mien.evaluation.metrics import reliability, softmax
from mien.export.calibration import calibrate
from mien.model.certainty import find_certainty


@pytest.mark.parametrize(
    ("probabilities", "temperature", "certainty"),
    [
        ((0.6, 0.3, 0.1), 1, 0.6),
        ((0.6, 0.3, 0.1), 0.5, 0.36 / 0.46),
        ((0.5, 0.5), 0.5, 0.5),  # a tie stays one
        ((1.0, 0.0), 0.01, 1.0),
        ((1e-3, 1 - 1e-3), 0.001, 1.0),  # no underflow, no overflow
    ],
)
def test_the_certainty_is_the_top_share_sharpened(probabilities, temperature, certainty):
    assert find_certainty(probabilities, temperature) == pytest.approx(certainty)


def test_shares_of_raters_get_a_certainty_that_is_calibrated():
    # Ten raters a face: the shares that the model knows, and the word that most of them chose.
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 1.5, (4000, 3)).astype(np.float32)
    counts = np.array([generator.multinomial(10, row) for row in softmax(logits)])
    chosen = counts.argmax(axis=1)
    faces = Split("validation", np.zeros((4000, 1, 1), np.uint8), chosen, tuple(map(str, chosen)))

    calibrated = calibrate(logits, faces, ("a", "b", "c"), shares=counts / 10)
    shares = softmax(logits, calibrated.temperature)
    certain = softmax(logits, calibrated.temperature * calibrated.certainty_temperature)
    assert calibrated.certainty_temperature < 0.8
    assert reliability(chosen, shares).ece > 0.05
    assert reliability(chosen, certain).ece == calibrated.metrics["certainty_ece"] < 0.03
    by_face = [find_certainty(row, calibrated.certainty_temperature) for row in shares]
    assert np.allclose(by_face, certain.max(axis=1))

    # Probabilities fitted to labels say already how often they are right.
    assert calibrate(logits, faces, ("a", "b", "c")).certainty_temperature == 1
