"""A prior weighs probabilities by expected over learnt shares."""

from dataclasses import replace

import numpy as np
import pytest

import mien
from mien.errors import ConfigError
from mien.model.prior import find_shift
from tiny_model import write_tiny_model

FACES = np.random.default_rng(0).integers(0, 256, (5, 48, 48), dtype=np.uint8)
LEARNT = (0.1, 0.02, 0.1, 0.3, 0.3, 0.1, 0.08)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_tiny_model(tmp_path_factory.mktemp("prior"), class_shares=LEARNT)


def test_probabilities_are_weighted_and_sum_to_one(model):
    natural = mien.Recognizer(model).predict_probabilities(FACES)
    balanced = mien.Recognizer(model, prior="balanced").predict_probabilities(FACES)
    weighted = natural / np.array(LEARNT)
    np.testing.assert_allclose(balanced, weighted / weighted.sum(axis=1, keepdims=True), rtol=1e-5)
    same = dict(zip(mien.EMOTIONS, LEARNT, strict=True))
    np.testing.assert_allclose(
        mien.Recognizer(model, prior=same).predict_probabilities(FACES), natural, rtol=1e-5
    )


def test_what_is_never_expected_has_no_probability(model):
    two = mien.Recognizer(model, prior="happy=3, neutral=1").predict_probabilities(FACES)
    assert (two > 0).sum(axis=1).tolist() == [2] * 5
    np.testing.assert_allclose(two.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("prior", "words"),
    [
        ("even", "natural, balanced, or shares"),
        ("happy=much", "cannot be read"),
        ("glad=1", "'glad', which the model does not know"),
        ({"happy": -1.0}, "0 or more"),
        ({"happy": 0.0}, "not all 0"),
        ({"happy": float("inf")}, "0 or more"),
    ],
)
def test_what_is_no_prior_is_refused(model, prior, words):
    with pytest.raises(ConfigError, match=words):
        mien.Recognizer(model, prior=prior)


def test_a_contract_without_shares_says_how_to_get_them(model):
    spec = replace(mien.Recognizer(model).spec, class_shares=None)
    assert find_shift("natural", spec) is None
    with pytest.raises(ConfigError, match="mien export"):
        find_shift("balanced", spec)


def test_an_analyzer_takes_a_prior(model):
    with pytest.raises(ConfigError, match="on the Recognizer instead"):
        mien.Analyzer(mien.Recognizer(model), prior="balanced")
    assert mien.Analyzer(model, prior="balanced").recognizer.shift is not None
