"""This module turns a video among other sources into its records: frames, then a summary."""

from collections.abc import Callable, Iterator

from mien.results import Failure, FrameResult, VideoSummary
from mien.sources import Source

Watch = Callable[[Source], Iterator[FrameResult | VideoSummary | Failure]]


def refuse_videos(source: Source) -> Iterator[Failure]:
    """Give the one sentence that a video gets where none can be read."""
    message = f"{source.name} is a video, and this release reads photos only"
    yield Failure(source.name, "video", message)
