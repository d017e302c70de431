"""Results of reading pictures and videos: frozen records with one JSON form.

The keys are the same in Python, JSON, HTTP and on the page.
"""

from mien.emotions import Reason
from mien.results.face import FaceResult
from mien.results.failure import Failure
from mien.results.json_lines import read_result
from mien.results.photo import ImageResult
from mien.results.record import SCHEMA, Record, Table
from mien.results.video import Event, FrameResult, Track, VideoResult, VideoSummary

__all__ = [
    "SCHEMA",
    "Event",
    "FaceResult",
    "Failure",
    "FrameResult",
    "ImageResult",
    "Reason",
    "Record",
    "Table",
    "Track",
    "VideoResult",
    "VideoSummary",
    "read_result",
]
