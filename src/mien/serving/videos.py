"""This module turns an uploaded video into its result, within limits, telling how far it is."""

import importlib.util

from mien.analyzer import Analyzer
from mien.errors import require_extra
from mien.results import FrameResult, VideoResult
from mien.serving.jobs import Job, ReadVideo
from mien.serving.limits import Limits
from mien.serving.problems import Problem
from mien.video_analyzer import read_video


def open_video_reader(analyzer: Analyzer, limits: Limits) -> ReadVideo:
    """Make what reads videos.

    Args:
        analyzer: Detector and model.
        limits: How long a video may be.

    Raises:
        MissingExtraError: mien is installed without videos.
    """
    if importlib.util.find_spec("av") is None:
        raise require_extra("video", "a video", "av")

    def read(job: Job) -> VideoResult:
        frames: list[FrameResult] = []
        with read_video(analyzer, job.upload) as reading:
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
