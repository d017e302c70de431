"""This module turns a track's smoothed probabilities into events: "happy from 10.2 s to 19.7 s".

Where one expression gives way to another is where their probabilities cross, between two frames.
A stretch that is too short, or whose expression hardly leads over its neighbour's, joins that
neighbour: so events do not flicker, and none begins late because of that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.results import Event

MIN_EVENT_S: Final = 0.5
"""A shorter stretch is no event."""
MIN_LEAD: Final = 0.05
"""By how much an expression must lead over its neighbour's, in the mean, to be told from it."""


@dataclass
class _Stretch:
    """Frames `first` to `last`, both included, that show one expression; -1 is none."""

    first: int
    last: int
    label: int


def find_events(
    track_id: int,
    times_s: Sequence[float],
    smoothed: NDArray[np.floating],
    emotions: Sequence[str],
    *,
    threshold: float | None = None,
) -> list[Event]:
    """Find the events of a track.

    Args:
        track_id: The track's number.
        times_s: The times of the frames it was read in, (N,), rising.
        smoothed: Its smoothed probabilities, (N, C).
        emotions: The names of the columns.
        threshold: Where the most probable expression is under this, there is no event.

    Returns:
        The events, in the order of their beginning; they do not overlap.
    """
    if not len(times_s):
        return []
    labels = np.argmax(smoothed, axis=1)
    if threshold is not None:
        labels = np.where(smoothed.max(axis=1) >= threshold, labels, -1)
    changes = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(labels)]
    stretches = [_Stretch(first, stop - 1, int(labels[first])) for first, stop in pairwise(changes)]
    _join(stretches, times_s, smoothed)
    events = []
    for number, stretch in enumerate(stretches):
        start_s, end_s = _bounds(stretches, number, times_s, smoothed)
        if stretch.label >= 0 and end_s - start_s >= MIN_EVENT_S - 1e-9:
            confidence = smoothed[stretch.first : stretch.last + 1, stretch.label].mean()
            name = emotions[stretch.label]
            events.append(Event(track_id, name, start_s, end_s, float(confidence)))
    return events


def _join(
    stretches: list[_Stretch], times_s: Sequence[float], smoothed: NDArray[np.floating]
) -> None:
    """Let stretches that are too short or too weak join their neighbours, the shortest first."""
    while len(stretches) > 1:
        weak = []
        for number in range(len(stretches)):
            start_s, end_s = _bounds(stretches, number, times_s, smoothed)
            neighbour, lead = _nearest(stretches, number, smoothed)
            if end_s - start_s < MIN_EVENT_S or lead < MIN_LEAD:
                weak.append((end_s - start_s, number, neighbour))
        if not weak:
            return
        _, number, neighbour = min(weak)
        stretches[number].label = stretches[neighbour].label
        merged: list[_Stretch] = []
        for stretch in stretches:
            if merged and merged[-1].label == stretch.label:
                merged[-1].last = stretch.last
            else:
                merged.append(stretch)
        stretches[:] = merged


def _nearest(
    stretches: list[_Stretch], number: int, smoothed: NDArray[np.floating]
) -> tuple[int, float]:
    """Give the neighbour whose expression comes closest over a stretch, and the lead over it."""
    stretch = stretches[number]
    rows = smoothed[stretch.first : stretch.last + 1]
    own = rows[:, stretch.label].mean() if stretch.label >= 0 else rows.max(axis=1).mean()
    leads = []
    for neighbour in (number - 1, number + 1):
        if 0 <= neighbour < len(stretches):
            label = stretches[neighbour].label
            told_apart = label >= 0 and stretch.label >= 0
            lead = float(own - rows[:, label].mean()) if told_apart else 1.0
            leads.append((lead, neighbour))
    lead, neighbour = min(leads)
    return neighbour, lead


def _bounds(
    stretches: list[_Stretch],
    number: int,
    times_s: Sequence[float],
    smoothed: NDArray[np.floating],
) -> tuple[float, float]:
    """Give when a stretch begins and ends."""
    stretch = stretches[number]
    start_s, end_s = times_s[stretch.first], times_s[stretch.last]
    if number > 0:
        start_s = _crossing(stretches[number - 1], stretch, times_s, smoothed)
    if number + 1 < len(stretches):
        end_s = _crossing(stretch, stretches[number + 1], times_s, smoothed)
    return float(start_s), float(end_s)


def _crossing(
    one: _Stretch, other: _Stretch, times_s: Sequence[float], smoothed: NDArray[np.floating]
) -> float:
    """Give when one stretch's expression gives way to the next one's, between two frames."""
    before, after = one.last, other.first
    share = 0.5
    if one.label >= 0 and other.label >= 0:
        lead = smoothed[before, one.label] - smoothed[before, other.label]
        lag = smoothed[after, other.label] - smoothed[after, one.label]
        if lead >= 0 and lag >= 0 and lead + lag > 0:
            share = float(lead / (lead + lag))
    return times_s[before] + share * (times_s[after] - times_s[before])
