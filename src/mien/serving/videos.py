"""This module turns an uploaded video into its result, within limits, telling how far it is."""

from mien.analyzer import Analyzer
from mien.errors import require_extra
from mien.serving.jobs import ReadVideo
from mien.serving.limits import Limits


def open_video_reader(analyzer: Analyzer, limits: Limits) -> ReadVideo:
    """Make what reads videos.

    Args:
        analyzer: Detector and model.
        limits: How long a video may be.

    Raises:
        MissingExtraError: mien is installed without videos.
    """
    raise require_extra("video", "a video", "av")
