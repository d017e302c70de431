"""Read lines of JSON back into results."""

from collections.abc import Mapping
from typing import Any

from mien.results.failure import Failure
from mien.results.photo import ImageResult
from mien.results.video import FrameResult, VideoSummary


def read_result(record: Mapping[str, Any]) -> ImageResult | FrameResult | VideoSummary | Failure:
    """Read a line of JSON Lines back into the kind of result that it is.

    Args:
        record: The line, parsed: what the result's `to_dict` returned.

    Raises:
        KeyError: It is no result of mien's: a key is missing.
    """
    if "error" in record:
        return Failure.from_dict(record)
    if "frame" in record:
        return FrameResult.from_dict(record)
    if "tracks" in record:
        return VideoSummary.from_dict(record)
    return ImageResult.from_dict(record)
