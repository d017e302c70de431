"""The times of a video: what its file states, and when each frame is shown."""

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from mien.video.container import import_av

if TYPE_CHECKING:  # PyAV is an extra: it is imported when the first video is opened
    from av.container import InputContainer
    from av.video.stream import VideoStream

JUMP_BACK_S: Final = 1.0
"""A larger step back, in seconds, means that the clock was reset."""
FRAME_S: Final = 0.04
"""Duration of a frame, in seconds, if the file states no frame rate."""


@dataclass(frozen=True, slots=True)
class StatedTimes:
    """What a file states about the times of its video.

    Attributes:
        time_base: Seconds per timestamp unit.
        step_s: Duration of a frame without other information, in seconds.
        origin_s: Timestamp, in seconds, at which the video begins.
        duration_s: Duration, in seconds; None if unknown.
        required_s: The part of the duration that must be present in a complete file, in seconds.
        is_own_length: Whether `required_s` is that of the video stream alone, without sound.
    """

    time_base: float
    step_s: float
    origin_s: float
    duration_s: float | None
    required_s: float
    is_own_length: bool


def read_times(
    container: "InputContainer", stream: "VideoStream", frame_rate: float | None
) -> StatedTimes:
    """Read what a file states about the times of its video.

    Args:
        container: The open file.
        stream: Its video stream.
        frame_rate: Mean frame rate, in frames per second; None if unknown.
    """
    time_base = float(stream.time_base or 1)
    origin_s = _read_origin(container, stream, time_base)

    length_s = (container.duration or 0) / 1e6
    # For Matroska, FFmpeg reports the last timestamp, for others the time since the first one.
    if container.format.name.startswith("matroska") and length_s > origin_s:
        length_s = round(length_s - origin_s, 6)

    # In mov and mp4 each stream has a duration; the single packet of a time code lasts to the
    # end.
    is_own_length = container.format.name.startswith("mov") and stream.duration is not None
    required_s = length_s
    if is_own_length:
        end = (stream.start_time or 0) + (stream.duration or 0)
        required_s = end * time_base - origin_s
    return StatedTimes(
        time_base,
        1 / frame_rate if frame_rate else FRAME_S,
        origin_s,
        length_s if length_s > 0 else None,
        required_s,
        is_own_length,
    )


def _read_origin(container: "InputContainer", stream: "VideoStream", time_base: float) -> float:
    """Return the timestamp at which the video begins, in seconds."""
    start = cast("int | None", container.start_time)
    if start is None:  # FFmpeg does not report it for a few frames
        with suppress(import_av().FFmpegError):
            first = next(container.demux(stream))
            start = int((first.pts or 0) * time_base * 1e6)

    origin_s = (start or 0) / 1e6
    if origin_s < 0:  # sound may start earlier, as decoder pre-roll
        origin_s = min(0.0, (stream.start_time or 0) * time_base)
    return origin_s


@dataclass
class Clock:
    """Convert presentation timestamps to seconds from the beginning that never decrease.

    Attributes:
        time_base: Seconds per timestamp unit.
        origin_s: Timestamp, in seconds, at which the video begins.
        step_s: Duration of a frame without other information, in seconds.
        last_s: The time of the last frame; None before the first.
        restarted: Whether the timestamps have restarted, so that the stated duration, computed from
            them, is wrong.
    """

    time_base: float
    origin_s: float
    step_s: float
    last_s: float | None = None
    restarted: bool = False

    def read(self, stamp: int | None) -> float:
        """Return a frame's time; one without a timestamp follows the previous frame."""
        last = self.last_s
        if stamp is None:
            time_s = 0.0 if last is None else last + self.step_s
        else:
            time_s = stamp * self.time_base - self.origin_s
            if last is None:
                # Frames before the file's stated start are shown at its start.
                time_s = max(time_s, 0.0)
            elif last - time_s > JUMP_BACK_S:
                # A restarted recording counts from zero: continue after the last frame.
                self.restarted = True
                self.origin_s -= last + self.step_s - time_s
                time_s = last + self.step_s
            elif time_s <= last:
                time_s = last + min(self.step_s, 0.001)

        self.last_s = time_s
        return time_s
