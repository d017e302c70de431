"""Measure the speed and the memory of reading a 720p video with one face.

Command: python benchmarks/video_speed.py

Generates videos from examples/astronaut.jpg: the portrait drifts over a grainy background, H.264 at
30 frames per second. Reads them at the default interval and with every frame, in interleaved
rounds; records the memory of a process that reads an hour; and compares two ways to follow a face
between detections in the whole image with detecting every time. Requires mien[video].
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np

import mien
from machine import write_result
from mien.faces.face import Box
from mien.video.tracking import Tracker

PORTRAIT = Path(__file__).parent.parent / "examples" / "astronaut.jpg"
SIZE = (720, 1280)
SECONDS = 10
ROUNDS = 3
HOUR_S, HOUR_RATE, HOUR_EVERY_S = 3600, 5, 2.0


def draw_frames(count: int, rate: int) -> Iterator[np.ndarray]:
    """Draw the portrait drifting, swaying and nodding on a grainy background."""
    portrait = mien.read_image(PORTRAIT)
    rng = np.random.default_rng(0)
    grain = [rng.integers(68, 76, (*SIZE, 3), dtype=np.uint8) for _ in range(4)]
    for number in range(count):
        t = number / rate
        x = 380 + round(250 * np.sin(t / 2) + 12 * np.sin(7 * t))
        y = 104 + round(80 * np.sin(t / 3) + 8 * np.sin(9 * t))
        image = grain[number % 4].copy()
        image[y : y + 512, x : x + 512] = portrait
        yield image


def write_video(path: Path, seconds: int, rate: int) -> None:
    """Encode a video like a camera: H.264, with a key frame every two seconds."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream(
            "libx264", rate=rate, options={"preset": "veryfast", "crf": "23"}
        )
        stream.height, stream.width = SIZE
        stream.pix_fmt, stream.gop_size = "yuv420p", 2 * rate
        for image in draw_frames(seconds * rate, rate):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(image)))
        output.mux(stream.encode(None))


def repeat_video(source: Path, path: Path, times: int) -> None:
    """Repeat a video without encoding it again."""
    with av.open(str(path), "w") as output:
        added = None
        for turn in range(times):
            with av.open(str(source)) as container:
                stream = container.streams.video[0]
                added = added or output.add_stream_from_template(stream)
                shift = turn * round(container.duration / 1e6 / stream.time_base)
                for packet in container.demux(stream):
                    if packet.dts is not None:
                        packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                        packet.stream = added
                        output.mux(packet)


def time_reading(
    analyzer: mien.Analyzer, path: Path, settings: mien.VideoSettings
) -> tuple[float, float]:
    """Return the wall-clock and processor time of reading a video, in seconds."""
    began, busy = time.perf_counter(), time.process_time()
    with mien.read_video(analyzer, path, settings) as reading:
        for _ in reading:
            pass
        if reading.summary.frames_with_face != reading.summary.frames:
            raise RuntimeError("the face was lost")
    return time.perf_counter() - began, time.process_time() - busy


def resident_mb() -> float:
    """Return this process's resident memory, in MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * 4096 / 1e6


def follow_memory(path: str, every_s: str) -> None:
    """Read a video and print its resident memory, minute by minute."""
    analyzer = mien.Analyzer()
    minute = 0
    with mien.read_video(analyzer, path, mien.VideoSettings(every_s=float(every_s))) as reading:
        for frame in reading:
            if frame.time_s >= 60 * minute:
                print(round(resident_mb(), 1))
                minute += 1
        _ = reading.summary
    print(round(resident_mb(), 1))


def measure_memory(path: Path, every_s: float) -> dict[str, Any]:
    """Read an hour of video in a new process."""
    began = time.perf_counter()
    run = subprocess.run(
        [sys.executable, __file__, "--memory", str(path), str(every_s)],
        check=True,
        capture_output=True,
        text=True,
    )
    minutes = [float(line) for line in run.stdout.split()]
    return {
        "video_s": HOUR_S,
        "frames_per_s": HOUR_RATE,
        "every_s": every_s,
        "seconds": time.perf_counter() - began,
        "after_5_minutes_mb": minutes[5],
        "at_the_end_mb": minutes[-1],
        "highest_mb": max(minutes),
    }


def overlap(one: Box, other: Box) -> float:
    """Return the intersection over union of two boxes."""
    across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    shared = max(across, 0.0) * max(down, 0.0)
    return shared / (one.width * one.height + other.width * other.height - shared)


def compare_following(detector: mien.FaceDetector, path: Path) -> dict[str, Any]:
    """Follow a face for 0.2 s after each detection: by motion alone, and by detection nearby."""
    motion, near = [], []
    seconds = {"detect": 0.0, "detect_near": 0.0}
    tracker = Tracker()
    box = None
    with mien.open_video(path) as video:
        for before, frame in pairwise(video.frames(end_s=10)):
            if before.frame % 6 == 0:  # a detection in the whole image
                found = detector.detect(before.image)
                tracker.update(before.time_s, found)
                box = found[0].box
            began = time.perf_counter()
            (truth, *_) = detector.detect(frame.image)
            middle = time.perf_counter()
            face = detector.detect_near(frame.image, box)
            seconds["detect"] += middle - began
            seconds["detect_near"] += time.perf_counter() - middle
            motion.append(overlap(truth.box, tracker.expect(frame.time_s)[0]))
            near.append(overlap(truth.box, face.box) if face else 0.0)
            box = face.box if face else box
    count = len(near)
    return {
        "frames": count,
        "mean_overlap_by_motion": statistics.mean(motion),
        "mean_overlap_by_looking_near": statistics.mean(near),
        "lowest_overlap_by_motion": min(motion),
        "lowest_overlap_by_looking_near": min(near),
        "detect_ms": 1e3 * seconds["detect"] / count,
        "detect_near_ms": 1e3 * seconds["detect_near"] / count,
    }


def main() -> None:
    """Generate the videos, and measure."""
    with tempfile.TemporaryDirectory() as folder:
        clip, slow, hour = (Path(folder) / f"{name}.mp4" for name in ("clip", "slow", "hour"))
        write_video(clip, SECONDS, 30)
        write_video(slow, SECONDS, HOUR_RATE)
        repeat_video(slow, hour, HOUR_S // SECONDS)
        analyzer = mien.Analyzer()
        ways = {
            "default_interval": mien.VideoSettings(),
            "every_frame": mien.VideoSettings(every_s=None),
            "every_frame_looking_everywhere": mien.VideoSettings(every_s=None, detect_every_s=0),
        }
        seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, settings in ways.items():
                seconds[name].append(time_reading(analyzer, clip, settings))
        figures = {
            "video_s": SECONDS,
            "size": f"{SIZE[1]} x {SIZE[0]}",
            "frames_per_s": 30,
            "rounds": ROUNDS,
            "times_as_fast_as_real_time": {
                name: SECONDS / statistics.median(wall for wall, _ in rounds)
                for name, rounds in seconds.items()
            },
            "processor_seconds_for_a_second": {
                name: statistics.median(busy for _, busy in rounds) / SECONDS
                for name, rounds in seconds.items()
            },
            "following_between_looks": compare_following(analyzer.detector, clip),
            "memory": measure_memory(hour, HOUR_EVERY_S),
        }
    write_result(
        __file__,
        ("mien", "av", "numpy", "onnxruntime"),
        figures,
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--memory"]:
        follow_memory(*sys.argv[2:])
    else:
        main()
