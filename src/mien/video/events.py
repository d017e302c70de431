"""Turn a track's smoothed probabilities into events: "happy from 10.2 s to 19.7 s".

Where one expression gives way to another is where their probabilities cross, between two frames.
A stretch that is too short, or whose expression hardly leads over its neighbour's, joins that
neighbour: so events do not flicker, and none begins late because of that.
"""

import heapq
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.results import Event

MIN_EVENT_S: Final = 0.5
"""A shorter stretch is no event."""
MIN_LEAD: Final = 0.05
"""By how much an expression must lead over its neighbour's, in the mean, to be told from it."""


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
    stretches = _Stretches(labels, np.asarray(times_s, dtype=np.float64), smoothed)
    stretches.join()
    events = []
    for first, last, label, start_s, end_s in stretches.told():
        if label >= 0 and end_s - start_s >= MIN_EVENT_S - 1e-9:
            confidence = float(smoothed[first : last + 1, label].mean())
            events.append(Event(track_id, emotions[label], start_s, end_s, confidence))
    return events


class _Stretches:
    """Frames in a row that show one expression (-1 is none), joined until each is an event."""

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
        self._before = list(range(-1, len(self._first) - 1))  # neighbours; -1 is none
        self._after = [*range(1, len(self._first)), -1]
        self._version = [0] * len(self._first)  # goes up when a stretch or a neighbour changes
        self._times_s = times_s
        self._smoothed = smoothed
        self._sums = np.vstack([np.zeros(smoothed.shape[1]), np.cumsum(smoothed, axis=0)])
        self._top_sums = np.concatenate([[0.0], np.cumsum(smoothed.max(axis=1))])

    def told(self) -> Iterator[tuple[int, int, int, float, float]]:
        """Give each stretch: its first and last frame, its label, when it begins and ends."""
        stretch = 0
        while stretch >= 0:
            start_s, end_s = self._bounds(stretch)
            yield self._first[stretch], self._last[stretch], self._label[stretch], start_s, end_s
            stretch = self._after[stretch]

    def join(self) -> None:
        """Let stretches that are too short or too weak join a neighbour, the shortest first."""
        weak = [found for stretch in range(len(self._first)) if (found := self._judge(stretch))]
        heapq.heapify(weak)
        while weak:
            _, stretch, version, neighbour = heapq.heappop(weak)
            if version != self._version[stretch]:
                continue  # it was joined, or judged again since
            self._label[stretch] = self._label[neighbour]
            for other in (self._before[stretch], self._after[stretch]):
                if other >= 0 and self._label[other] == self._label[stretch]:
                    stretch = self._merge(min(stretch, other), max(stretch, other))
            for changed in (self._before[stretch], stretch, self._after[stretch]):
                if changed >= 0:
                    self._version[changed] += 1
                    if found := self._judge(changed):
                        heapq.heappush(weak, found)

    def _merge(self, one: int, other: int) -> int:
        """Let a stretch take in the next one."""
        self._last[one] = self._last[other]
        self._after[one] = self._after[other]
        if self._after[one] >= 0:
            self._before[self._after[one]] = one
        self._version[other] = -1
        return one

    def _judge(self, stretch: int) -> tuple[float, int, int, int] | None:
        """Say how long a stretch is and what it should join; None where it stands alone."""
        start_s, end_s = self._bounds(stretch)
        own = self._mean(stretch, self._label[stretch])
        leads = []
        for neighbour in (self._before[stretch], self._after[stretch]):
            if neighbour >= 0:
                label = self._label[neighbour]
                told_apart = label >= 0 and self._label[stretch] >= 0
                lead = own - self._mean(stretch, label) if told_apart else 1.0
                leads.append((lead, neighbour))
        if not leads:
            return None
        lead, neighbour = min(leads)
        if end_s - start_s >= MIN_EVENT_S and lead >= MIN_LEAD:
            return None
        return end_s - start_s, stretch, self._version[stretch], neighbour

    def _mean(self, stretch: int, label: int) -> float:
        """Give an expression's mean probability over a stretch; for none, that of the highest."""
        first, stop = self._first[stretch], self._last[stretch] + 1
        sums = self._sums[:, label] if label >= 0 else self._top_sums
        return float(sums[stop] - sums[first]) / (stop - first)

    def _bounds(self, stretch: int) -> tuple[float, float]:
        """Give when a stretch begins and ends."""
        before, after = self._before[stretch], self._after[stretch]
        start_s = float(self._times_s[self._first[stretch]])
        end_s = float(self._times_s[self._last[stretch]])
        return (
            self._crossing(before, stretch) if before >= 0 else start_s,
            self._crossing(stretch, after) if after >= 0 else end_s,
        )

    def _crossing(self, one: int, other: int) -> float:
        """Give when a stretch's expression gives way to the next one's, between two frames."""
        before, after = self._last[one], self._first[other]
        label, next_label = self._label[one], self._label[other]
        share = 0.5
        if label >= 0 and next_label >= 0:
            lead = float(self._smoothed[before, label] - self._smoothed[before, next_label])
            lag = float(self._smoothed[after, next_label] - self._smoothed[after, label])
            if lead >= 0 and lag >= 0 and lead + lag > 0:
                share = lead / (lead + lag)
        start_s, end_s = float(self._times_s[before]), float(self._times_s[after])
        return start_s + share * (end_s - start_s)
