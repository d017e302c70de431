"""Read an uploaded video within the limits, and report progress."""

import importlib.util
from typing import Final

from mien.analyzer import Analyzer
from mien.errors import require_extra
from mien.results import FrameResult, VideoResult
from mien.serving.jobs import Job, ReadVideo
from mien.serving.limits import Limits
from mien.serving.problems import Problem
from mien.video.reading import read_video

MAX_FRAME_RATE: Final = 120
"""Maximum number of frames to decode per second of the maximum duration."""


def open_video_reader(analyzer: Analyzer, limits: Limits) -> ReadVideo:
    """Create the function that reads videos.

    Args:
        analyzer: Detector and model.
        limits: Maximum duration and number of frames.

    Raises:
        MissingExtraError: mien is installed without video support.
    """
    if importlib.util.find_spec("av") is None:
        raise require_extra("video", "a video", "av")

    max_decoded = round(limits.max_video_s * MAX_FRAME_RATE)

    def read(job: Job) -> VideoResult:
        def watch(pictures: int) -> None:
            job.stop_if_unwanted()
            if pictures > max_decoded:
                raise Problem(
                    "too-large",
                    f"the video has more than {max_decoded:,} frames, {MAX_FRAME_RATE} for each of "
                    f"the {limits.max_video_s:g} seconds allowed; send a part of it",
                )

        frames: list[FrameResult] = []
        chosen = job.analyzer or analyzer
        with read_video(chosen, job.upload, job.settings, on_packet=watch) as reading:
            _check_length(reading.duration_s or 0, limits)
            job.advance(0, 0.0, reading.duration_s)
            for frame in reading:
                frames.append(frame)
                _check_length(frame.time_s, limits)
                if len(frames) > limits.max_video_frames:
                    raise Problem(
                        "too-large",
                        f"the video has more than {limits.max_video_frames:,} frames to analyse; "
                        "send a part of it",
                    )
                job.advance(len(frames), frame.time_s, reading.duration_s)
            return VideoResult(reading.summary, tuple(frames))

    return read


def _check_length(seconds: float, limits: Limits) -> None:
    if seconds > limits.max_video_s:
        raise Problem(
            "too-large",
            f"the video is longer than {limits.max_video_s:g} seconds; send a part of it",
        )
