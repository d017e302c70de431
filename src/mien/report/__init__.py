"""Turn results into one self-contained HTML page: a report to look at, offline."""

from mien.report.photos import PhotoReport
from mien.report.records import RecordReport
from mien.report.video import VideoReport, write_video_report

__all__ = ["PhotoReport", "RecordReport", "VideoReport", "write_video_report"]
