"""Write tracks.json: what every implementation must make of the same faces over time.

    python tests/golden/make_tracks.py

Python's tests and the page's tests read the file: tracks by motion and overlap, live smoothing,
and events. The inputs are drawn with fixed seeds.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.emotions import EMOTIONS
from mien.faces.face import Box, Face
from mien.results import FaceResult
from mien.video.events import find_events
from mien.video.tracking import Tracker
from mien.watch.live import Live

PATH = Path(__file__).parent / "tracks.json"


def draw_probabilities(
    rng: np.random.Generator, frames: int, hold: int, noise: float
) -> NDArray[np.float64]:
    """Draw probabilities that change their top every `hold` frames: (frames, 7), rows sum to 1."""
    tops = rng.integers(0, len(EMOTIONS), frames // hold + 1).repeat(hold)[:frames]
    logits = rng.normal(0, noise, (frames, len(EMOTIONS)))
    logits[np.arange(frames), tops] += 2.0
    kernel = np.ones(5) / 5
    smooth = np.stack([np.convolve(column, kernel, "same") for column in logits.T], axis=1)
    weights = np.exp(smooth)
    return (weights / weights.sum(axis=1, keepdims=True)).round(8)


def describe_events(seed: int, **drawn: Any) -> dict[str, Any]:
    """Return one track's probabilities and its events."""
    rng = np.random.default_rng(seed)
    smoothed = draw_probabilities(rng, **drawn)
    # Frames come unevenly, as from a camera, and now and then some are missing.
    steps = rng.uniform(0.03, 0.25, len(smoothed)) + 0.6 * (rng.random(len(smoothed)) > 0.95)
    times_s = np.cumsum(steps).round(3)
    cases = []
    for threshold in (None, 0.35, 0.5):
        events = find_events(7, times_s.tolist(), smoothed, EMOTIONS, threshold=threshold)
        cases.append({"threshold": threshold, "events": [vars_of(event) for event in events]})
    return {"times_s": times_s.tolist(), "smoothed": smoothed.tolist(), "cases": cases}


def vars_of(event: Any) -> dict[str, Any]:
    """Return an event's fields, unrounded."""
    return {name: getattr(event, name) for name in event.__dataclass_fields__}


def describe_tracks(seed: int, people: int, frames: int) -> dict[str, Any]:
    """Return faces that move, cross, leave and come back, and their tracks."""
    rng = np.random.default_rng(seed)
    place = rng.uniform(0, 600, (people, 2))
    speed = rng.uniform(-90, 90, (people, 2))
    side = rng.uniform(30, 120, people)
    tracker = Tracker()
    time_s, wanted = 0.0, []
    for _ in range(frames):
        step_s = float(rng.uniform(0.04, 0.5))
        time_s = round(time_s + step_s, 3)
        place = place + speed * step_s
        speed = np.where((place < 0) | (place > 600), -speed, speed)
        shown = np.flatnonzero(rng.random(people) > 0.15)
        rng.shuffle(shown)
        jitter = rng.normal(0, 3, (people, 2))
        boxes = [
            [round(float(v), 2) for v in (*(place[p] + jitter[p]), side[p], side[p] * 1.2)]
            for p in shown
        ]
        expected = tracker.expect(time_s)
        ids = tracker.update(time_s, [Face(Box(*box), (), 0.9) for box in boxes])
        wanted.append(
            {
                "time_s": time_s,
                "boxes": boxes,
                "expected": [[box.x, box.y, box.width, box.height] for box in expected],
                "track_ids": list(ids),
            }
        )
    return {"frames": wanted}


def describe_smoothing(seed: int) -> list[dict[str, Any]]:
    """Return one face's probabilities over time, some missing, and how a live view smooths them."""
    rng = np.random.default_rng(seed)
    live = Live(source="camera")
    time_s, frames = 0.0, []
    for row in draw_probabilities(rng, frames=40, hold=8, noise=0.7).tolist():
        time_s = round(time_s + float(rng.uniform(0.02, 0.4)), 3)
        values = dict(zip(EMOTIONS, row, strict=True)) if rng.random() > 0.1 else None
        face = FaceResult(Box(0, 0, 40, 40), (), 0.9, values, None, None, track_id=1)
        smoothed = live._smooth(face, time_s).smoothed
        frames.append({"time_s": time_s, "probabilities": values, "smoothed": smoothed})
    return frames


def build() -> dict[str, Any]:
    """Return all that tracks.json holds."""
    return {
        "emotions": list(EMOTIONS),
        "events": [
            describe_events(1, frames=60, hold=12, noise=0.5),
            describe_events(2, frames=80, hold=4, noise=1.0),
            describe_events(3, frames=150, hold=7, noise=1.6),
            describe_events(4, frames=1, hold=1, noise=1.0),
            describe_events(5, frames=3, hold=1, noise=0.5),
        ],
        "tracks": [
            describe_tracks(11, people=1, frames=20),
            describe_tracks(12, people=3, frames=30),
            describe_tracks(13, people=8, frames=30),
        ],
        "smoothing": describe_smoothing(21),
    }


def main() -> None:
    """Write the file, a line for each example."""
    parts = []
    for name, value in build().items():
        examples = value if name in {"events", "tracks"} else [value]
        lines = ",\n  ".join(json.dumps(example) for example in examples)
        parts.append(f' "{name}": ' + (f"[\n  {lines}\n ]" if examples is value else lines))
    PATH.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
