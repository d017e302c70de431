"""Tracks, live smoothing and events are as tracks.json says; the page is held to the same file."""

import json

import numpy as np
import pytest

from golden.make_tracks import PATH, build

WANTED = json.loads(PATH.read_text(encoding="utf-8"))
MADE = json.loads(json.dumps(build()))


def assert_close(made, wanted):
    """Compare nested records: words and whole numbers exactly, other numbers to 1e-9."""
    if isinstance(wanted, dict):
        assert made.keys() == wanted.keys()
        for key, value in wanted.items():
            assert_close(made[key], value)
    elif isinstance(wanted, list):
        assert len(made) == len(wanted)
        for one, other in zip(made, wanted, strict=True):
            assert_close(one, other)
    elif isinstance(wanted, float):
        assert np.isclose(made, wanted, rtol=0, atol=1e-9)
    else:
        assert made == wanted


@pytest.mark.parametrize("kind", WANTED)
def test_faces_over_time_are_as_they_were(kind):
    assert_close(MADE[kind], WANTED[kind])


def test_the_examples_hold_what_they_should():
    events = [
        event for one in WANTED["events"] for case in one["cases"] for event in case["events"]
    ]
    assert len(events) > 20
    ids = {
        track for one in WANTED["tracks"] for frame in one["frames"] for track in frame["track_ids"]
    }
    assert len(ids) > 8  # faces were lost and began anew
