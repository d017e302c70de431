"""Rules that leave photos and frames out, and reasons to doubt a reading."""

import pytest

import mien
from mien.study.exclusion import count_excluded, exclude_rows, read_rules
from mien.study.plan import Recording
from mien.study.quality import (
    MIN_BRIGHTNESS,
    MIN_SHARPNESS,
    find_reason,
)
from mien.study.reading import Row

GOOD = {
    "size_px": 90.0,
    "sharpness": 10 * MIN_SHARPNESS,
    "brightness": 120.0,
    "yaw_deg": 0.0,
    "roll_deg": 0.0,
}


def row(faces=1, probabilities=True, **quality):
    face = {
        "probabilities": {"happy": 1.0} if probabilities else None,
        "emotion": "happy",
        "reason": None if probabilities else "too_small",
        "detection_score": 0.9,
        "quality": GOOD | quality,
    }
    return Row(Recording("a.png", "a.png", "p"), faces=faces, face=face)


def test_a_reason_is_found_beyond_its_threshold_only():
    assert find_reason(GOOD) is None
    assert find_reason({}) is None
    assert find_reason(dict.fromkeys(GOOD)) is None
    assert find_reason(GOOD | {"yaw_deg": 80.0}) is None  # measured, and no clear sign of mistakes
    assert find_reason(GOOD | {"sharpness": MIN_SHARPNESS - 1}) == "blurred"
    assert find_reason(GOOD | {"brightness": MIN_BRIGHTNESS - 1}) == "dark"
    assert row(probabilities=False, brightness=0.0).reason == "too_small"


@pytest.mark.parametrize(
    ("rule", "kept", "left_out"),
    [
        ("size_px < 40", {"size_px": 40.0}, {"size_px": 39.0}),
        ("size_px <= 40", {"size_px": 41.0}, {"size_px": 40.0}),
        ("yaw_deg>30", {"yaw_deg": -30.0}, {"yaw_deg": -31.0}),
        ("roll_deg >= 20.5", {"roll_deg": None}, {"roll_deg": 20.5}),
        ("faces > 1", {"faces": 1}, {"faces": 2}),
        ("blurred", {"brightness": 0.0}, {"sharpness": 0.0}),
        ("dark", {"sharpness": 0.0}, {"brightness": 0.0}),
    ],
)
def test_a_rule_leaves_out_what_fulfils_it(rule, kept, left_out):
    rules = read_rules(rule)
    first, second = exclude_rows([row(**kept), row(**left_out)], rules)
    assert (first.excluded, first.counts) == (None, True)
    assert (second.excluded, second.counts) == (rule, False)
    assert second.probabilities == {"happy": 1.0}  # as read, for the tables
    assert count_excluded([first, second], rules) == {rule: 1}


def test_the_first_rule_that_is_true_is_named_and_unread_faces_stay_unread():
    rules = read_rules(" faces > 1, size_px < 40 ,")
    both, unread = exclude_rows(
        [row(faces=2, size_px=1.0), row(faces=2, probabilities=False)], rules
    )
    assert both.excluded == "faces > 1"
    assert unread.excluded is None
    assert read_rules(None) == ()


@pytest.mark.parametrize("text", ["size < 40", "size_px", "size_px < small", "happy > 0.5", "x=1"])
def test_what_is_no_rule_gets_a_sentence(text):
    with pytest.raises(mien.ConfigError, match=r"is no rule; write blurred, dark.*size_px < 40"):
        read_rules(text)
