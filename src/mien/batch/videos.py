"""This module turns a video among other sources into its records: frames, then a summary."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeAlias

from mien.analyzer import Analyzer
from mien.errors import MienError
from mien.results import Failure, FrameResult, VideoSummary
from mien.sources import Source
from mien.video_analyzer import VideoSettings, read_video

Watch: TypeAlias = Callable[[Source], Iterator[FrameResult | VideoSummary | Failure]]
"""How a video is read: its frames and its summary, or a failure."""


def watch_with(open_analyzer: Callable[[], Analyzer], settings: VideoSettings) -> Watch:
    """Give the way in which videos are read.

    Args:
        open_analyzer: Opens detector and model for a video, where the first one comes.
        settings: What is read of a video.
    """

    def watch(source: Source) -> Iterator[FrameResult | VideoSummary | Failure]:
        try:
            with read_video(open_analyzer(), source.given(), settings) as reading:
                for frame in reading:
                    yield replace(frame, source=source.name)
                yield replace(reading.summary, source=source.name)
        except MienError as error:
            yield Failure(source.name, error.kind, str(error))

    return watch
