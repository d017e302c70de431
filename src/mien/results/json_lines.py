"""Convert lines of JSON to results."""

from collections.abc import Mapping
from typing import Any

from mien.results.failure import Failure
from mien.results.photo import ImageResult
from mien.results.video import FrameResult, VideoSummary


def read_result(record: Mapping[str, Any]) -> ImageResult | FrameResult | VideoSummary | Failure:
    """Convert a line of JSON Lines to a result of its kind.

    Args:
        record: The parsed line, as returned by a result's `to_dict`.

    Returns:
        The result that was written; its numbers are rounded.

    Raises:
        KeyError: The line is not a result of mien: a key is missing.
    """
    if "error" in record:
        return Failure.from_dict(record)
    if "frame" in record:
        return FrameResult.from_dict(record)
    if "tracks" in record:
        return VideoSummary.from_dict(record)
    return ImageResult.from_dict(record)
