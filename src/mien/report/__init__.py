"""Write reports: results as self-contained HTML pages that open offline."""

from mien.report.photos import PhotoReport
from mien.report.records import RecordReport
from mien.report.video import VideoReport, write_video_report

__all__ = ["PhotoReport", "RecordReport", "VideoReport", "write_video_report"]
