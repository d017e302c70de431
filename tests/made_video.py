"""The frames and the summary of a video whose expressions follow a plan."""

import math
from collections.abc import Iterator

import numpy as np

from mien.emotions import EMOTIONS
from mien.faces.face import Box
from mien.results import Event, FaceResult, FrameResult, Track, VideoSummary

PLAN = ("sad", "neutral", "happy")
LANDMARKS = ((225.0, 110.0), (265.0, 110.0), (245.0, 130.0), (228.0, 150.0), (262.0, 150.0))


def probable(emotion: str, top: float) -> dict[str, float]:
    """Return probabilities of which one stands out."""
    rest = (1 - top) / (len(EMOTIONS) - 1)
    return {name: top if name == emotion else rest for name in EMOTIONS}


def face(track: int, emotion: str, top: float, x: float = 174.0, noise: float = 0.0) -> FaceResult:
    """Make a face as the reader of videos gives it; below 0.35 no expression is named."""
    raw = probable(emotion, min(max(top + noise, 0.0), 1.0))
    named = max(raw, key=lambda name: raw[name]) if max(raw.values()) >= 0.35 else None
    return FaceResult(
        box=Box(x, 60.0, 100.0, 130.0),
        landmarks=LANDMARKS,
        detection_score=0.93,
        probabilities=raw,
        emotion=named,
        reason=None if named else "uncertain",
        track_id=track,
        smoothed=probable(emotion, top),
    )


def make_frames(
    seconds: float, *, source: str = "clip.mp4", rate: float = 10
) -> Iterator[FrameResult]:
    """Make frames: face 1 all through but for a gap, face 2 in the second half."""
    rng = np.random.default_rng(5)
    for number in range(round(seconds * rate)):
        time_s = number / rate
        part = time_s / seconds
        faces = []
        if not 0.4 <= part < 0.47:
            emotion = PLAN[min(int(part * 3), 2)]
            inside = abs((part * 3) % 1 - 0.5)
            top = 0.22 + 0.7 * max(0.0, math.cos(inside * 3.4))
            faces.append(face(1, emotion, top, noise=float(rng.normal(0, 0.07))))
        if part > 0.6:
            faces.append(face(2, "surprise", 0.32 + 0.3 * part, x=300.0))
        yield FrameResult(source, time_s, number, tuple(faces))


def summarize(
    seconds: float, *, source: str = "clip.mp4", damage: str | None = None
) -> VideoSummary:
    """Make the summary of these frames."""
    frames = list(make_frames(seconds))
    third = seconds / 3
    return VideoSummary(
        source=source,
        width=512,
        height=512,
        duration_s=seconds,
        frames=len(frames),
        frames_with_face=sum(bool(frame.faces) for frame in frames),
        tracks=(
            Track(1, 0.0, seconds - 0.1, len(frames), probable("sad", 0.4)),
            Track(2, 0.6 * seconds, seconds - 0.1, len(frames) // 3, probable("surprise", 0.5)),
        ),
        events=(
            Event(1, "sad", 0.1 * third, 0.9 * third, 0.81, 0.2),
            Event(1, "neutral", 1.1 * third, 1.2 * third, 0.6, 0.2),
            Event(1, "happy", 2.1 * third, 2.9 * third, 0.84, 0.2),
            Event(2, "surprise", 0.6 * seconds, seconds - 0.1, 0.55, 0.2),
        ),
        damage=damage,
    )
