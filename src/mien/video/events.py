"""Find a track's events: "happy from 10.2 s to 19.7 s".

Where one expression replaces another, their smoothed probabilities cross between two frames; that
is where one stretch ends and the next begins. A stretch that is too short, or whose expression
hardly exceeds its neighbour's, is merged into that neighbour to prevent flickering events. A short
stretch at the beginning or end of the track is not merged, as its true duration is unknown. It is
no event itself, but the neighbouring event must not claim its time.
"""

import heapq
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.results import Event

MIN_EVENT_S: Final = 0.5
"""Minimum duration of an event, in seconds."""
MIN_LEAD: Final = 0.05
"""Minimum difference of mean probability between an expression and its neighbour's."""

_NONE = -1  # label of a stretch without an expression


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
        track_id: Number of the track.
        times_s: Times of the frames in which it was read, (N,), increasing.
        smoothed: Smoothed probabilities, (N, C).
        emotions: Names of the columns.
        threshold: There is no event where the highest probability is below this.

    Returns:
        The events, sorted by start; they do not overlap.
    """
    if not len(times_s):
        return []
    labels = np.argmax(smoothed, axis=1)
    if threshold is not None:
        labels = np.where(smoothed.max(axis=1) >= threshold, labels, _NONE)

    times = np.asarray(times_s, dtype=np.float64)
    stretches = _Stretches(labels, times, smoothed)
    stretches.join()

    events = []
    for first, last, label, start_s, end_s in stretches.listed():
        if label != _NONE and end_s - start_s >= MIN_EVENT_S - 1e-9:
            confidence = float(smoothed[first : last + 1, label].mean())
            uncertainty_s = _find_uncertainty(times, first, last)
            events.append(
                Event(track_id, emotions[label], start_s, end_s, confidence, uncertainty_s)
            )
    return events


def _find_uncertainty(times_s: NDArray[np.float64], first: int, last: int) -> float:
    """Return the uncertainty of an event's start or end, due to the interval between two frames.

    At the beginning and end of the track, where one neighbouring frame is missing, the interval to
    the other one is used instead.
    """
    before = times_s[max(first, 1)] - times_s[max(first, 1) - 1]
    final = min(last, len(times_s) - 2)
    after = times_s[final + 1] - times_s[final]
    return float(max(before, after))


class _Stretches:
    """Runs of frames with one expression, merged until none is short or weak."""

    def __init__(
        self,
        labels: NDArray[np.integer],
        times_s: NDArray[np.float64],
        smoothed: NDArray[np.floating],
    ) -> None:
        changes = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(labels)]
        self._first = changes[:-1]
        self._last = [stop - 1 for stop in changes[1:]]
        self._label = [int(labels[first]) for first in self._first]
        self._before = list(range(-1, len(self._first) - 1))  # neighbours; -1 for none
        self._after = [*range(1, len(self._first)), -1]
        self._version = [0] * len(self._first)  # increases when a stretch or a neighbour changes
        self._times_s = times_s
        self._smoothed = smoothed
        self._sums = np.vstack([np.zeros(smoothed.shape[1]), np.cumsum(smoothed, axis=0)])

    def listed(self) -> Iterator[tuple[int, int, int, float, float]]:
        """Yield each stretch: first and last frame, label, start and end time."""
        stretch = 0
        while stretch >= 0:
            start_s, end_s = self._bounds(stretch)
            yield self._first[stretch], self._last[stretch], self._label[stretch], start_s, end_s
            stretch = self._after[stretch]

    def join(self) -> None:
        """Merge stretches that are too short or too weak into a neighbour, the shortest first."""
        weak = [found for stretch in range(len(self._first)) if (found := self._judge(stretch))]
        heapq.heapify(weak)
        while weak:
            _, stretch, version, neighbour = heapq.heappop(weak)
            if version != self._version[stretch]:
                continue  # merged or reassessed since it was queued

            # It takes the neighbour's label, after which both neighbours may have the same label.
            self._label[stretch] = self._label[neighbour]
            for other in (self._before[stretch], self._after[stretch]):
                if other >= 0 and self._label[other] == self._label[stretch]:
                    stretch = self._merge(min(stretch, other), max(stretch, other))

            # Its neighbours' durations and leads have changed, so their queue entries are outdated.
            for changed in (self._before[stretch], stretch, self._after[stretch]):
                if changed >= 0:
                    self._version[changed] += 1
                    if found := self._judge(changed):
                        heapq.heappush(weak, found)

    def _merge(self, one: int, other: int) -> int:
        """Extend a stretch by the next one."""
        self._last[one] = self._last[other]
        self._after[one] = self._after[other]
        if self._after[one] >= 0:
            self._before[self._after[one]] = one
        self._version[other] = -1
        return one

    def _judge(self, stretch: int) -> tuple[float, int, int, int] | None:
        """Return a stretch's duration and the neighbour to merge it into; None if it is kept."""
        neighbours = [n for n in (self._before[stretch], self._after[stretch]) if n >= 0]
        if not neighbours:
            return None
        lead, neighbour = min((self._lead(stretch, other), other) for other in neighbours)

        start_s, end_s = self._bounds(stretch)
        at_edge = len(neighbours) == 1  # it may have lasted longer
        if lead >= MIN_LEAD and (at_edge or end_s - start_s >= MIN_EVENT_S):
            return None
        return end_s - start_s, stretch, self._version[stretch], neighbour

    def _lead(self, stretch: int, neighbour: int) -> float:
        """Return the mean difference between a stretch's expression and its neighbour's."""
        label, other = self._label[stretch], self._label[neighbour]
        if _NONE in (label, other):
            return 1.0
        return self._mean(stretch, label) - self._mean(stretch, other)

    def _mean(self, stretch: int, label: int) -> float:
        """Return an expression's mean probability over a stretch."""
        first, stop = self._first[stretch], self._last[stretch] + 1
        return float(self._sums[stop, label] - self._sums[first, label]) / (stop - first)

    def _bounds(self, stretch: int) -> tuple[float, float]:
        """Return the start and end time of a stretch."""
        before, after = self._before[stretch], self._after[stretch]
        start_s = float(self._times_s[self._first[stretch]])
        end_s = float(self._times_s[self._last[stretch]])
        return (
            self._crossing(before, stretch) if before >= 0 else start_s,
            self._crossing(stretch, after) if after >= 0 else end_s,
        )

    def _crossing(self, one: int, other: int) -> float:
        """Return the time between two frames at which a stretch gives way to the next one."""
        before, after = self._last[one], self._first[other]
        label, next_label = self._label[one], self._label[other]

        # Interpolate both probabilities linearly between the frames, and intersect the lines.
        share = 0.5
        if _NONE not in (label, next_label):
            lead = float(self._smoothed[before, label] - self._smoothed[before, next_label])
            lag = float(self._smoothed[after, next_label] - self._smoothed[after, label])
            if lead >= 0 and lag >= 0 and lead + lag > 0:
                share = lead / (lead + lag)
        start_s, end_s = float(self._times_s[before]), float(self._times_s[after])
        return start_s + share * (end_s - start_s)
