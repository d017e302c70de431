"""Measure how fast mien.Live reads 640 x 480 frames on one core.

Command: python benchmarks/live_speed.py

The portrait of examples/astronaut.jpg drifts over a grainy background. Times are processor time of
the single reading thread, so that other programs do not matter; on an idle machine this is the
latency of a frame. Memory over an hour: live_soak.py.
"""

import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import mien
from machine import write_result

PORTRAIT = Path(__file__).parent.parent / "examples" / "astronaut.jpg"
SIZE = (480, 640)
RATE = 30
FRAMES = 300


def draw_frames(count: int) -> list[np.ndarray]:
    """Draw the portrait swaying and nodding on a grainy background."""
    portrait = np.asarray(Image.fromarray(mien.read_image(PORTRAIT)).resize((360, 360)))
    rng = np.random.default_rng(0)
    grain = [rng.integers(68, 76, (*SIZE, 3), dtype=np.uint8) for _ in range(4)]
    frames = []
    for number in range(count):
        t = number / RATE
        x = 140 + round(90 * np.sin(np.pi * t))
        y = 60 + round(30 * np.sin(2 * np.pi * t))
        frame = grain[number % 4].copy()
        frame[y : y + 360, x : x + 360] = portrait
        frames.append(frame)
    return frames


def time_frames(model: str, clip: list[np.ndarray]) -> dict[str, Any]:
    """Measure the processor time of each frame."""
    live = mien.Live(model, threads=1)
    times = []
    for number in range(FRAMES):
        began = time.thread_time()
        result = live.read(clip[number % len(clip)], number / RATE)
        times.append(time.thread_time() - began)
        if [face.track_id for face in result.faces] != [1]:
            raise RuntimeError(f"the face was lost in frame {number}")
    times = times[10:]  # the first ones warm up
    p50, p95 = np.percentile(times, (50, 95))
    return {
        "p50_ms": 1e3 * float(p50),
        "p95_ms": 1e3 * float(p95),
        "frames_a_second": 1 / statistics.mean(times),
    }


def main() -> None:
    """Measure."""
    clip = draw_frames(2 * RATE)
    figures = {
        "size": f"{SIZE[1]} x {SIZE[0]}",
        "threads": 1,
        "frames": FRAMES,
        **{model: time_frames(model, clip) for model in ("fast", "accurate")},
    }
    write_result(__file__, ("mien", "numpy", "onnxruntime"), figures)


if __name__ == "__main__":
    main()
