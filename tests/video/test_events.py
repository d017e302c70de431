"""Smoothing lags behind nothing, and events begin and end where expressions change."""

import math
import time

import numpy as np
import pytest

from clips import even, uneven
from mien.faces.face import Box
from mien.results import FaceResult, FrameResult
from mien.video.events import MIN_EVENT_S, find_events
from mien.video.smoothing import Smoother

NAMES = ("sad", "neutral", "happy")


def frame(time_s: float, *values: float | None, track_id: int = 1) -> FrameResult:
    probabilities = None if values[0] is None else dict(zip(NAMES, values, strict=True))
    face = FaceResult(Box(0, 0, 9, 9), (), 0.9, probabilities, None, None, track_id=track_id)
    return FrameResult("clip", time_s, 0, (face,))


def smooth(frames: list[FrameResult], smoothing_s: float) -> list[FrameResult]:
    smoother = Smoother(smoothing_s)
    done = [ready for one in frames for ready in smoother.push(one)]
    return done + list(smoother.finish())


def happy(frames: list[FrameResult]) -> list[float]:
    return [one.faces[0].smoothed["happy"] for one in frames if one.faces[0].smoothed]


def test_frames_come_out_in_order_and_complete() -> None:
    times = uneven(5)
    frames = smooth([frame(time_s, 0.2, 0.3, 0.5) for time_s in times], 0.3)
    assert [one.time_s for one in frames] == times
    for one in frames:
        assert one.faces[0].smoothed == pytest.approx({"sad": 0.2, "neutral": 0.3, "happy": 0.5})
        assert one.faces[0].probabilities == {"sad": 0.2, "neutral": 0.3, "happy": 0.5}


def test_smoothing_is_the_weighted_mean_it_says_it_is() -> None:
    times = [0.0, 0.1, 0.15, 0.4]
    values = [0.1, 0.9, 0.4, 0.6]
    frames = smooth([frame(t, 1 - v, 0.0, v) for t, v in zip(times, values, strict=True)], 0.2)
    for index, time_s in enumerate(times):
        weights = [math.exp(-abs(t - time_s) / 0.2) for t in times]
        expected = np.average(values, weights=weights)
        assert happy(frames)[index] == pytest.approx(expected)


def test_a_step_is_not_delayed() -> None:
    times = even(100, 25)
    frames = smooth([frame(t, 1.0 * (t < 2), 0.0, 1.0 * (t >= 2)) for t in times], 0.3)
    crossing = next(t for t, value in zip(times, happy(frames), strict=True) if value >= 0.5)
    assert crossing == pytest.approx(2.0, abs=0.041)


def test_noise_becomes_less() -> None:
    rng = np.random.default_rng(0)
    values = np.clip(0.5 + rng.normal(0, 0.2, 200), 0, 1)
    frames = [frame(t, 1 - v, 0.0, v) for t, v in zip(even(200, 25), values, strict=True)]
    assert np.std(happy(smooth(frames, 0.3))) < 0.4 * np.std(values)
    assert happy(smooth(frames, 0)) == values.tolist()


def test_tracks_do_not_mix_and_unread_faces_borrow_from_their_track() -> None:
    frames = [frame(0.0, 0.0, 0.0, 1.0), frame(0.1, 1.0, 0.0, 0.0, track_id=2)]
    one, other = smooth(frames, 0.5)
    assert one.faces[0].smoothed == {"sad": 0.0, "neutral": 0.0, "happy": 1.0}
    assert other.faces[0].smoothed == {"sad": 1.0, "neutral": 0.0, "happy": 0.0}
    _, unread, _ = smooth([frame(0.0, 0, 0, 1.0), frame(0.1, None), frame(0.2, 0, 0, 1.0)], 0.5)
    assert unread.faces[0].probabilities is None
    assert unread.faces[0].smoothed == {"sad": 0.0, "neutral": 0.0, "happy": 1.0}
    (lone,) = smooth([frame(0.0, None)], 0.5)
    assert lone.faces[0].smoothed is None


def test_what_is_held_back_is_bounded() -> None:
    smoother = Smoother(0.3)
    waiting = 0
    for time_s in even(2000, 25):
        waiting += 1 - len(list(smoother.push(frame(time_s, 0.2, 0.3, 0.5, track_id=1))))
        assert waiting <= 32


# --- events ---------------------------------------------------------------------------------------


def course(*parts: tuple[float, str, float], rate: float = 10.0) -> tuple[list[float], np.ndarray]:
    """Rows over time: for so many seconds, so probable an emotion; the others share the rest."""
    rows = []
    for seconds, name, value in parts:
        row = [(1 - value) / 2] * 3
        row[NAMES.index(name)] = value
        rows += [row] * round(seconds * rate)
    return even(len(rows), rate), np.array(rows)


def told(times: list[float], rows: np.ndarray, threshold: float | None = None) -> list[object]:
    events = find_events(1, times, rows, NAMES, threshold=threshold)
    return [(event.emotion, round(event.start_s, 2), round(event.end_s, 2)) for event in events]


def test_each_expression_is_an_event_and_they_touch_where_probabilities_cross() -> None:
    times, rows = course((2, "sad", 0.8), (3, "neutral", 0.8), (2, "happy", 0.8))
    assert told(times, rows) == [
        ("sad", 0.0, 1.95),
        ("neutral", 1.95, 4.95),
        ("happy", 4.95, 6.9),
    ]
    assert find_events(1, times, rows, NAMES)[1].confidence == pytest.approx(0.8)


def test_a_flicker_is_no_event() -> None:
    times, rows = course((2, "happy", 0.7), (0.3, "neutral", 0.7), (2, "happy", 0.7))
    assert told(times, rows) == [("happy", 0.0, 4.2)]


def test_a_short_stretch_at_the_end_is_not_swallowed() -> None:
    times, rows = course((2.7, "happy", 0.9), (0.4, "neutral", 0.86))
    assert told(times, rows) == [("happy", 0.0, 2.65)]


def test_a_short_stretch_at_the_beginning_is_not_swallowed() -> None:
    times, rows = course((0.4, "neutral", 0.86), (2.7, "happy", 0.9))
    assert told(times, rows) == [("happy", 0.35, 3.0)]


def test_an_unsure_beginning_and_end_are_not_swallowed() -> None:
    times, rows = course((0.3, "sad", 0.4), (2, "happy", 0.9), (0.3, "sad", 0.4))
    assert told(times, rows, threshold=0.5) == [("happy", 0.25, 2.25)]


def test_an_end_that_hardly_differs_joins() -> None:
    times, rows = course((2, "happy", 0.345), (0.3, "sad", 0.345))
    assert told(times, rows) == [("happy", 0.0, 2.2)]


def test_a_short_stretch_inside_joins_and_the_end_beside_it_stays() -> None:
    times, rows = course((2, "happy", 0.8), (0.3, "sad", 0.8), (0.3, "neutral", 0.8))
    assert told(times, rows) == [("happy", 0.0, 2.2)]


def test_how_far_an_end_may_be_off_is_the_time_between_frames() -> None:
    times = [0.0, 0.2, 0.4, 0.9, 1.1, 1.3, 1.5, 1.8]
    rows = np.array([[0.9, 0.1, 0.0]] * 3 + [[0.1, 0.9, 0.0]] * 5)
    sad, neutral = find_events(1, times, rows, NAMES)
    assert sad.uncertainty_s == pytest.approx(0.5)  # to the frame after its last one
    assert neutral.uncertainty_s == pytest.approx(0.5)
    (only,) = find_events(1, times[3:], rows[3:], NAMES)
    assert only.uncertainty_s == pytest.approx(0.3)  # its last two frames


def test_two_expressions_that_hardly_differ_do_not_take_turns() -> None:
    parts = [(0.6, name, 0.345) for _ in range(5) for name in ("neutral", "sad")]
    times, rows = course(*parts)
    assert len(told(times, rows)) == 1


def test_uncertain_stretches_are_no_events() -> None:
    times, rows = course((2, "sad", 0.8), (2, "neutral", 0.4), (2, "happy", 0.8))
    assert told(times, rows, threshold=0.5) == [("sad", 0.0, 1.95), ("happy", 3.95, 5.9)]


def test_a_track_that_is_too_short_has_no_event() -> None:
    times, rows = course((MIN_EVENT_S - 0.1, "happy", 0.9))
    assert told(times, rows) == []
    assert find_events(1, [], np.empty((0, 3)), NAMES) == []


def test_the_crossing_is_found_between_frames_that_are_far_apart() -> None:
    times = [0.0, 1.0, 2.0, 3.0]
    rows = np.array([[0.9, 0.1, 0.0], [0.7, 0.3, 0.0], [0.1, 0.9, 0.0], [0.1, 0.9, 0.0]])
    assert told(times, rows)[0] == ("sad", 0.0, 1.33)


@pytest.mark.slow
def test_a_long_track_that_flickers_at_every_frame_takes_no_time() -> None:
    rng = np.random.default_rng(0)
    rows = rng.dirichlet([1, 1, 1], 20_000)
    started = time.process_time()
    events = find_events(1, even(len(rows), 30), rows, NAMES)
    assert time.process_time() - started < 10
    assert all(event.end_s - event.start_s >= MIN_EVENT_S - 1e-9 for event in events)
    assert [event.start_s for event in events] == sorted(event.start_s for event in events)
