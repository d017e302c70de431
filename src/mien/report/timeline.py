"""Summarise a video of any length in a bounded number of time bins.

All tracks share one bin width. It starts small and doubles whenever there are too many bins, so
memory stays constant and nothing needs to be known about the video beforehand.
"""

from dataclasses import dataclass, field
from typing import Final

from mien.results import FaceResult, FrameResult

MAX_BINS: Final = 900
MAX_TRACKS: Final = 64
"""Maximum number of detailed tracks; the shortest finished one is dropped first."""
_FIRST_WIDTH_S: Final = 0.02


@dataclass(slots=True)
class Bin:
    """The frames of one time bin.

    Attributes:
        frames: Number of analysed frames; in a track, those that show it.
        seen: Number of these frames with a face that was read.
        open: Number of these frames in which no expression is named.
        time_s: Sum of the frames' times, in seconds.
        smoothed: Sum of smoothed probabilities, per expression.
        low: Lowest raw probability, per expression.
        high: Highest raw probability, per expression.
    """

    frames: int = 0
    seen: int = 0
    open: int = 0
    time_s: float = 0.0
    smoothed: list[float] = field(default_factory=list)
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)

    def add(self, other: "Bin") -> None:
        """Add another bin's frames to this one."""
        self.frames += other.frames
        self.seen += other.seen
        self.open += other.open
        self.time_s += other.time_s
        if not other.smoothed:
            return
        if not self.smoothed:
            self.smoothed, self.low, self.high = other.smoothed[:], other.low[:], other.high[:]
            return
        self.smoothed = [a + b for a, b in zip(self.smoothed, other.smoothed, strict=True)]
        self.low = [min(pair) for pair in zip(self.low, other.low, strict=True)]
        self.high = [max(pair) for pair in zip(self.high, other.high, strict=True)]

    @property
    def mean_time_s(self) -> float:
        """Mean time of the frames, in seconds."""
        return self.time_s / self.frames

    def mean(self, index: int) -> float | None:
        """Return an expression's mean smoothed probability; None where no face was read."""
        return self.smoothed[index] / self.seen if self.seen else None


class Timeline:
    """Bins of all analysed frames, and of the tracks that are longest in view."""

    def __init__(self, names: tuple[str, ...]) -> None:
        """Start without frames.

        Args:
            names: The expressions, in the order of the bins' lists.
        """
        self.names: Final = names
        self.width_s = _FIRST_WIDTH_S
        self.frames: dict[int, Bin] = {}
        self.tracks: dict[int, dict[int, Bin]] = {}
        self._lengths: dict[int, int] = {}
        self._last_seen_s: dict[int, float] = {}

    def add(self, frame: FrameResult) -> None:
        """Add an analysed frame; frames must be in order of time."""
        index = int(frame.time_s // self.width_s)
        seen = int(bool(frame.faces))
        self.frames.setdefault(index, Bin()).add(Bin(frames=1, seen=seen, time_s=frame.time_s))
        for face in frame.faces:
            if face.track_id is None:
                continue
            bins = self.tracks.setdefault(face.track_id, {})
            bins.setdefault(index, Bin()).add(self._to_bin(face, frame.time_s))
            self._lengths[face.track_id] = self._lengths.get(face.track_id, 0) + 1
            self._last_seen_s[face.track_id] = frame.time_s
        while len(self.frames) > MAX_BINS:
            self._widen()
        while len(self.tracks) > MAX_TRACKS:
            self._forget_one(frame.time_s)

    def longest(self, number: int) -> list[int]:
        """Return the tracks that are longest in view, in order of appearance."""
        ranked = sorted(self.tracks, key=lambda track: -self._lengths[track])
        return sorted(ranked[:number])

    def segments(self, track_id: int) -> list[list[Bin]]:
        """Split a track's bins where analysed frames do not show it."""
        bins = self.tracks.get(track_id, {})
        found: list[list[Bin]] = []
        for index in sorted(self.frames):
            if not min(bins, default=0) <= index <= max(bins, default=-1):
                continue
            if index not in bins:
                found.append([])
            elif not found:
                found.append([bins[index]])
            else:
                found[-1].append(bins[index])
        return [segment for segment in found if segment]

    def _to_bin(self, face: FaceResult, time_s: float) -> Bin:
        raw = face.probabilities
        smoothed = face.smoothed or raw
        unnamed = int(face.emotion is None)
        if smoothed is None:
            return Bin(frames=1, open=unnamed, time_s=time_s)
        values = [smoothed[name] for name in self.names]
        ends = values if raw is None else [raw[name] for name in self.names]
        return Bin(1, 1, unnamed, time_s, values, ends[:], ends[:])

    def _widen(self) -> None:
        """Double the width of all bins."""
        self.width_s *= 2
        self.frames = _merge_pairs(self.frames)
        self.tracks = {track: _merge_pairs(bins) for track, bins in self.tracks.items()}

    def _forget_one(self, now_s: float) -> None:
        """Drop the shortest track; one still in view only if all are."""
        track = min(
            self.tracks,
            key=lambda track: (self._last_seen_s[track] >= now_s - 5, self._lengths[track]),
        )
        del self.tracks[track], self._lengths[track], self._last_seen_s[track]


def _merge_pairs(bins: dict[int, Bin]) -> dict[int, Bin]:
    merged: dict[int, Bin] = {}
    for index, one in bins.items():
        if index // 2 in merged:
            merged[index // 2].add(one)
        else:
            merged[index // 2] = one
    return merged
