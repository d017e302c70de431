"""Measure how fast mien.Live reads 640 x 480 frames on one core, and whether its memory grows.

Command: python benchmarks/live_speed.py [--soak-frames N]

The portrait of examples/astronaut.jpg drifts over a grainy background. Times are processor time of
the single reading thread, so that other programs do not matter; on an idle machine this is the
latency of a frame. The soak test repeats the same two seconds (an hour at 30 frames per second is
108,000 frames).
"""

import argparse
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


def resident_mb() -> float:
    """Return this process's resident memory, in MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * 4096 / 1e6


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


def soak(clip: list[np.ndarray], frames: int) -> dict[str, Any]:
    """Follow the memory over many frames."""
    live = mien.Live("fast", threads=1)
    marks: list[float] = []
    for number in range(frames):
        live.read(clip[number % len(clip)], number / RATE)
        if (number + 1) % (frames // 10) == 0:
            marks.append(resident_mb())
    return {"frames": frames, "clip_s": frames / RATE, "resident_mb_at_each_tenth": marks}


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--soak-frames", type=int, default=108_000)
    soak_frames: int = parser.parse_args().soak_frames
    clip = draw_frames(2 * RATE)
    figures = {
        "size": f"{SIZE[1]} x {SIZE[0]}",
        "threads": 1,
        "frames": FRAMES,
        **{model: time_frames(model, clip) for model in ("fast", "accurate")},
        "soak": soak(clip, soak_frames),
    }
    command = f"python benchmarks/live_speed.py --soak-frames {soak_frames}"
    write_result(__file__, command, ("mien", "numpy", "onnxruntime"), figures)


if __name__ == "__main__":
    main()
