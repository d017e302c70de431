"""Write a report of a video while its frames are analysed.

Frames are not kept: the content of the page is collected as they pass, so memory stays constant.
"""

import os
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.files import write_whole
from mien.model.spec import ModelSpec
from mien.report.names import title_of
from mien.report.page import (
    join,
    render_page,
    write_note,
    write_provenance,
)
from mien.report.peaks import Peaks
from mien.report.timeline import Timeline
from mien.report.times import Span
from mien.report.track_sections import write_over_time
from mien.report.video_sections import (
    write_distribution,
    write_events,
    write_head,
    write_track_table,
)
from mien.results import FrameResult, VideoResult, VideoSummary
from mien.video.container import VideoSource
from mien.video.decoder import open_video
from mien.words import open_language

MAX_DRAWN: Final = 12
"""Maximum number of tracks with a chart, the longest in view; the others are in the table."""
_SAME_TIME_S: Final = 0.002


class VideoReport:
    """Collect a video's results frame by frame for a report, and write it at the end."""

    def __init__(
        self,
        model: ModelSpec,
        settings: Mapping[str, object] | None = None,
        *,
        lang: str = "en",
    ) -> None:
        """Start a report.

        Args:
            model: Contract of the model that read the faces.
            settings: The settings to show, by name: `{"every_s": 0.2}`.
            lang: Language of the page, one of `mien.words.LANGUAGES`.

        Raises:
            ConfigError: The language is not supported.
        """
        self._language = open_language(lang)
        self._model = model
        self._settings = dict(settings or {})
        self._timeline = Timeline(model.class_names)
        self._answers: Counter[str] = Counter()
        self._peaks = Peaks(model.abstention_threshold or 0.0)
        self._first_s = 0.0
        self._last_s = 0.0
        self._frames = 0

    def add(self, frame: FrameResult, image: NDArray[np.uint8] | None = None) -> None:
        """Add the next analysed frame; only its summary is kept.

        Args:
            frame: Result of the frame; frames without faces count, too.
            image: The frame, (H, W, 3) uint8 RGB, in the pixels that boxes refer to; None where it
                is not available: see `wanted_times` and `add_picture`.
        """
        if not self._frames:
            self._first_s = frame.time_s
        self._frames += 1
        self._last_s = max(self._last_s, frame.time_s)
        self._timeline.add(frame)
        for face in frame.faces:
            self._answers[face.emotion or face.reason or "uncertain"] += 1
            if face.track_id in self._timeline.tracks:
                self._peaks.add(face, frame.time_s, image)
        self._peaks.keep_only(self._timeline.tracks)

    def wanted_times(self) -> tuple[float, ...]:
        """Return the times, in seconds, of frames whose pictures are still missing, in order."""
        drawn = self._timeline.longest(MAX_DRAWN)
        peaks = (peak for track_id in drawn for peak in self._peaks.of(track_id))
        return tuple(sorted({peak.time_s for peak in peaks if peak.jpeg is None}))

    def add_picture(self, time_s: float, image: NDArray[np.uint8]) -> None:
        """Add the picture of a frame that was analysed earlier.

        Args:
            time_s: One of `wanted_times`.
            image: The frame at that time, (H, W, 3) uint8 RGB.
        """
        self._peaks.add_picture(time_s, image)

    def read_pictures(self, source: VideoSource) -> None:
        """Read missing pictures from the video; unreadable ones are left out.

        Args:
            source: The analysed video.

        Raises:
            VideoError: The video can no longer be read.
            MissingExtraError: PyAV is not installed.
        """
        with open_video(source) as video:
            for time_s in self.wanted_times():
                with closing(video.frames(start_s=max(0.0, time_s - _SAME_TIME_S))) as frames:
                    frame = next(frames, None)
                if frame is not None and abs(frame.time_s - time_s) < _SAME_TIME_S:
                    self.add_picture(time_s, frame.image)

    def write(self, path: str | os.PathLike[str], summary: VideoSummary) -> None:
        """Write the page atomically.

        Args:
            path: The HTML file; an existing one is replaced.
            summary: Tracks, events and file metadata.

        Raises:
            OutputError: The file cannot be written.
        """
        write_whole(Path(path), self.render(summary))

    def render(self, summary: VideoSummary, *, created: datetime | None = None) -> str:
        """Return the page as text.

        Args:
            summary: Tracks, events and file metadata.
            created: Creation time; None uses the current time.
        """
        title, language = title_of(summary.source), self._language
        drawn = self._timeline.longest(MAX_DRAWN)
        pictured = any(peak.jpeg for track_id in drawn for peak in self._peaks.of(track_id))

        parts = [
            write_head(title, summary, self._answers, self._timeline.names, language),
            write_distribution(self._answers, self._timeline.names, language),
            write_over_time(
                summary,
                drawn,
                self._timeline,
                self._peaks,
                span=self._span(summary),
                language=language,
            ),
            write_events(summary.events, language),
            write_track_table(summary.tracks, language),
            write_note(
                self._model, f"report.note_{'pictures' if pictured else 'tracks'}", language
            ),
            write_provenance(self._model, self._settings, created or datetime.now(UTC), language),
        ]

        return render_page(language.say("report.video_title", title=title), join(parts), language)

    def _span(self, summary: VideoSummary) -> Span:
        """Choose the time axis: the whole video unless only a part was analysed."""
        step = (self._last_s - self._first_s) / max(1, self._frames - 1)
        start = 0.0 if self._first_s <= max(2 * step, 0.05 * self._last_s) else self._first_s
        duration = summary.duration_s or 0.0
        end = duration if 0 <= duration - self._last_s <= 0.05 * duration + step else self._last_s
        return Span(start, max(end, start + 0.1))


def write_video_report(
    path: str | os.PathLike[str],
    result: VideoResult,
    *,
    model: ModelSpec,
    settings: Mapping[str, object] | None = None,
    lang: str = "en",
) -> None:
    """Write the report of a video that was analysed earlier, without pictures.

    Args:
        path: The HTML file; an existing one is replaced.
        result: The video's frames and summary.
        model: Contract of the model that read the faces.
        settings: The settings to show, by name.
        lang: Language of the page, one of `mien.words.LANGUAGES`.

    Raises:
        ConfigError: The language is not supported.
        OutputError: The file cannot be written.
    """
    report = VideoReport(model, settings, lang=lang)
    for frame in result.frames:
        report.add(frame)
    report.write(path, result.summary)
