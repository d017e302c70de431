"""Track faces from frame to frame, by motion and size alone.

A track links the faces of consecutive frames; it never identifies a person, as no measure of a
face's appearance is taken. A person who leaves and returns gets a new track, and two people who
pass behind each other may be confused.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.faces.face import Box, Face

MAX_LOSS_S: Final = 1.0
"""A track ends when its face has not been seen for this long, in seconds."""

_MAX_GATE = 1.5  # maximum distance from the expected position, in face sizes
_GATE, _GATE_PER_S = 0.6, 2.0  # its initial value, and its growth per second without detection
_MAX_GROWTH = 2.0  # maximum factor of growth or shrinkage
_MAX_AHEAD_S = 0.5  # motion is extrapolated for at most this long
_NEW_SHARE = 0.5  # weight of the latest measurement in the velocity
_MIN_STEP_S = 0.015  # velocities are measured over at least this long


@dataclass
class _Track:
    """A tracked face; positions in pixels, velocities in pixels per second."""

    track_id: int
    box: Box
    last_s: float
    velocity: tuple[float, float] = (0.0, 0.0)
    seen: int = 1

    def predict(self, time_s: float) -> Box:
        """Predict the face's box at a time, at constant velocity."""
        ahead_s = min(time_s - self.last_s, _MAX_AHEAD_S)
        x, y = self.box.x + self.velocity[0] * ahead_s, self.box.y + self.velocity[1] * ahead_s
        return Box(x, y, self.box.width, self.box.height)

    def move(self, box: Box, time_s: float) -> None:
        """Update the track with a new detection."""
        passed_s = time_s - self.last_s
        if passed_s > 0:
            (old_x, old_y), (x, y) = self.box.center, box.center
            share = 1.0 if self.seen == 1 else _NEW_SHARE

            # Frames may arrive together: a pixel within a millisecond is no movement.
            passed_s = max(passed_s, _MIN_STEP_S)
            self.velocity = (
                (1 - share) * self.velocity[0] + share * (x - old_x) / passed_s,
                (1 - share) * self.velocity[1] + share * (y - old_y) / passed_s,
            )
        self.box, self.last_s, self.seen = box, time_s, self.seen + 1


class Tracker:
    """Tracks the faces of one video; frames must be passed in order of time."""

    def __init__(self) -> None:
        self._tracks: list[_Track] = []
        self._visible: set[int] = set()
        self._next_id = 1

    def expect(self, time_s: float) -> tuple[Box, ...]:
        """Predict the positions of the previous frame's faces at a time."""
        return tuple(
            track.predict(time_s) for track in self._tracks if track.track_id in self._visible
        )

    def cut(self) -> None:
        """End all tracks at a scene cut."""
        self._tracks = []
        self._visible = set()

    def update(self, time_s: float, faces: Sequence[Face]) -> tuple[int, ...]:
        """Assign each face of a frame to a track.

        Args:
            time_s: Time of the frame, after that of the previous one.
            faces: The frame's faces.

        Returns:
            Track number of each face; new faces start new tracks, in order.
        """
        self._tracks = [track for track in self._tracks if time_s - track.last_s <= MAX_LOSS_S]
        costs = np.array(
            [[_cost(track, face.box, time_s) for face in faces] for track in self._tracks]
        ).reshape(len(self._tracks), len(faces))
        track_of = {face: track for track, face in assign(costs)}

        ids = []
        for number, face in enumerate(faces):
            if number in track_of:
                track = self._tracks[track_of[number]]
                track.move(face.box, time_s)
            else:
                track = _Track(self._next_id, face.box, time_s)
                self._next_id += 1
                self._tracks.append(track)
            ids.append(track.track_id)

        self._visible = set(ids)
        return tuple(ids)


def assign(costs: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Match as many rows with columns as possible, at the least total cost.

    Uses the Hungarian method with shortest augmenting paths: Jonker and Volgenant (1987), doi
    10.1007/BF02278710.

    Args:
        costs: (R, C); infinite for pairs that are not allowed.

    Returns:
        Pairs (row, column), sorted by row.
    """
    rows, columns = costs.shape
    if not rows or not columns:
        return []
    # A forbidden pair costs more than all others together: it is chosen last, then dropped.
    allowed = np.isfinite(costs)
    forbidden = 1.0 + 2 * float(np.abs(costs[allowed]).sum())
    size = max(rows, columns)
    square = np.full((size + 1, size + 1), forbidden)
    square[1 : rows + 1, 1 : columns + 1] = np.where(allowed, costs, forbidden)
    row_price, column_price = np.zeros(size + 1), np.zeros(size + 1)
    row_of = np.zeros(size + 1, dtype=np.int64)  # row_of[column]; 0 means none and is the start
    for row in range(1, size + 1):
        row_of[0], column = row, 0
        shortest = np.full(size + 1, np.inf)
        came_from = np.zeros(size + 1, dtype=np.int64)
        done = np.zeros(size + 1, dtype=np.bool_)
        while row_of[column]:
            done[column] = True
            reduced = square[row_of[column]] - row_price[row_of[column]] - column_price
            closer = ~done & (reduced < shortest)
            closer[0] = False
            shortest[closer], came_from[closer] = reduced[closer], column
            open_columns = np.where(done, np.inf, shortest)
            open_columns[0] = np.inf
            nearest = int(np.argmin(open_columns))
            step = open_columns[nearest]
            row_price[row_of[done]] += step
            column_price[done] -= step
            shortest[~done] -= step
            column = nearest
        while column:
            row_of[column] = row_of[came_from[column]]
            column = int(came_from[column])
    pairs = [(int(row_of[column]) - 1, column - 1) for column in range(1, columns + 1)]
    return sorted((r, c) for r, c in pairs if r < rows and allowed[r, c])


def _cost(track: _Track, box: Box, time_s: float) -> float:
    """Return a face's distance from a track's prediction, in face sizes; infinite if too far."""
    expected = track.predict(time_s)
    size = math.sqrt(max(expected.area, 1e-6))
    growth = math.sqrt(max(box.area, 1e-6)) / size
    (x, y), (to_x, to_y) = expected.center, box.center
    distance = math.hypot(to_x - x, to_y - y) / size
    gate = min(_GATE + _GATE_PER_S * (time_s - track.last_s), _MAX_GATE)
    if distance > gate or not 1 / _MAX_GROWTH <= growth <= _MAX_GROWTH:
        return math.inf
    return distance + abs(math.log(growth))
