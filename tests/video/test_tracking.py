"""Tracks follow faces by motion and overlap, through short losses and past each other."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.faces.face import Box, Face
from mien.video.tracking import MAX_LOSS_S, Tracker, assign


def face(x: float, y: float = 100.0, size: float = 80.0) -> Face:
    return Face(Box(x, y, size, size * 1.2), (), 0.9)


def test_a_face_that_moves_keeps_its_track() -> None:
    tracker = Tracker()
    for number in range(50):
        assert tracker.update(0.2 * number, [face(10 + 30 * number, 100 + 5 * number)]) == (1,)


def test_frames_that_arrive_together_are_no_movement() -> None:
    """A detector's boxes tremble: two pixels within a millisecond are not 2,000 a second."""
    tracker = Tracker()
    for number in range(20):
        for time_s, x in ((0.1 * number, 100), (0.1 * number + 0.001, 102)):
            assert tracker.update(time_s, [face(x)]) == (1,)
    (expected,) = tracker.expect(1.95)
    assert expected.x == pytest.approx(102, abs=8)


def test_neighbours_do_not_swap_when_the_camera_pans() -> None:
    tracker = Tracker()
    for number in range(20):
        shift = 45 * number  # more than half a face between two frames
        ids = tracker.update(0.2 * number, [face(x + shift) for x in (0, 100, 200, 300)])
        assert ids == (1, 2, 3, 4)


def test_two_faces_that_cross_keep_their_tracks() -> None:
    tracker = Tracker()
    for number in range(30):
        left, right = face(20.0 * number, 100), face(600 - 20.0 * number, 130)
        assert tracker.update(0.1 * number, [left, right]) == (1, 2)


def test_the_order_of_the_faces_does_not_matter() -> None:
    tracker = Tracker()
    assert tracker.update(0.0, [face(0), face(300)]) == (1, 2)
    assert tracker.update(0.2, [face(305), face(4)]) == (2, 1)


def test_a_track_survives_a_short_loss_and_ends_after_a_long_one() -> None:
    tracker = Tracker()
    for number in range(5):
        tracker.update(0.2 * number, [face(100 + 10 * number)])
    for time_s in (1.0, 1.2, 1.4):
        assert tracker.update(time_s, []) == ()
    assert tracker.update(1.6, [face(170)]) == (1,)
    assert tracker.update(1.6 + MAX_LOSS_S + 0.1, [face(170)]) == (2,)


def test_a_cut_ends_all_tracks() -> None:
    tracker = Tracker()
    assert tracker.update(0.0, [face(100)]) == (1,)
    tracker.cut()
    assert tracker.expect(0.2) == ()
    assert tracker.update(0.2, [face(100)]) == (2,)


def test_a_face_elsewhere_or_of_another_size_is_another_face() -> None:
    tracker = Tracker()
    tracker.update(0.0, [face(100)])
    assert tracker.update(0.1, [face(400)]) == (2,)
    tracker = Tracker()
    tracker.update(0.0, [face(100, size=40)])
    assert tracker.update(0.1, [face(60, 50, size=160)]) == (2,)


def test_faces_are_expected_where_their_motion_leads() -> None:
    tracker = Tracker()
    for number in range(4):
        tracker.update(0.1 * number, [face(100 + 20 * number)])
    (box,) = tracker.expect(0.4)
    assert box.x == pytest.approx(180, abs=3)


def test_what_was_not_seen_is_not_expected() -> None:
    tracker = Tracker()
    tracker.update(0.0, [face(100), face(400)])
    tracker.update(0.1, [face(102)])
    assert len(tracker.expect(0.2)) == 1


@pytest.mark.slow
@given(
    st.integers(1, 5).flatmap(
        lambda rows: st.lists(
            st.lists(
                st.one_of(st.integers(0, 20).map(float), st.just(np.inf)),
                min_size=rows,
                max_size=rows,
            ),
            min_size=1,
            max_size=5,
        )
    )
)
def test_pairs_are_as_many_and_as_cheap_as_can_be(table: list[list[float]]) -> None:
    costs = np.array(table)
    if costs.shape[0] > costs.shape[1]:
        costs = costs.T
    pairs = assign(costs)
    rows, columns = costs.shape
    best = min(
        (
            sum(1 for row, column in enumerate(choice) if not np.isfinite(costs[row, column])),
            sum(costs[r, c] for r, c in enumerate(choice) if np.isfinite(costs[r, c])),
        )
        for choice in itertools.permutations(range(columns), rows)
    )
    assert rows - len(pairs) == best[0]
    assert sum(costs[pair] for pair in pairs) == pytest.approx(best[1])
    assert len({column for _, column in pairs}) == len(pairs)
    assert len(assign(costs.T)) == len(pairs)


def test_nothing_to_pair() -> None:
    assert assign(np.empty((0, 3))) == []
    assert assign(np.empty((2, 0))) == []
    assert assign(np.full((2, 2), np.inf)) == []
