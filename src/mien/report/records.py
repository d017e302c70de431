"""Write reports from JSON records: a timeline, or a gallery for several sources.

A single video gets a timeline. Several sources get a gallery, which links to a page per video.
Records are sufficient input, so an interrupted and resumed run produces one complete report.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from mien.errors import MienError
from mien.images import read_picture
from mien.model.spec import ModelSpec
from mien.report.names import file_stem_of
from mien.report.photos import PhotoReport
from mien.report.video import VideoReport
from mien.report.video_list import VideoEntry
from mien.results import Failure, FrameResult, ImageResult, VideoSummary, read_result
from mien.video.reading import VideoSettings

Record = Mapping[str, Any]


class RecordReport:
    """Build reports from a stream of records; memory does not grow with their number."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        model: ModelSpec,
        settings: Mapping[str, object] | None = None,
        *,
        title: str | None = None,
        pictures: bool = True,
        lang: str = "en",
    ) -> None:
        """Start a report.

        Args:
            path: Path of the HTML file. With several sources, the videos' pages are written to the
                same folder, as `report-baseline-P01.mp4.html`.
            model: Contract of the model that read the faces.
            settings: The settings to show, by name.
            title: Display name of the photos, such as their folder; None means "Photos".
            pictures: Whether to reopen the sources for thumbnails; unavailable sources get none.
            lang: Language of the pages, one of `mien.words.LANGUAGES`.

        Raises:
            ConfigError: The language is not supported.
        """
        self._path = Path(path)
        self._model = model
        self._settings = settings
        self._with_pictures = pictures
        of_videos = {field.name for field in fields(VideoSettings)}
        of_photos = {k: v for k, v in (settings or {}).items() if k not in of_videos}
        self._gallery = PhotoReport(model, of_photos, title=title, lang=lang)
        self._lang = lang
        self._videos: dict[str, VideoReport] = {}
        self._whole: tuple[VideoReport, VideoSummary] | None = None
        self._written: list[Path] = []

    def watch(self, records: Iterable[Record]) -> Iterator[Record]:
        """Add records while passing them on.

        Args:
            records: Results of `mien.analyze_files`.

        Yields:
            The same records.
        """
        for record in records:
            self.add(record)
            yield record

    def add(self, record: Record) -> None:
        """Add a record of a photo, a failure, a frame or a video's summary.

        Raises:
            OutputError: The previous video's page cannot be written.
        """
        result = read_result(record)
        source = result.source

        # Frames collect in their video's report until its summary arrives.
        if isinstance(result, FrameResult):
            if source not in self._videos:
                self._videos[source] = self._begin_video()
            self._videos[source].add(result)
        elif isinstance(result, VideoSummary):
            report = self._videos.pop(source, None) or self._begin_video()
            self._finish_whole()
            self._whole = report, result
        elif isinstance(result, Failure):
            self._videos.pop(source, None)
            self._gallery.add(result)
        else:
            self._add_photo(result)

    def write(self) -> tuple[Path, ...]:
        """Write the remaining pages; must be called last.

        Returns:
            The files of all pages.

        Raises:
            OutputError: A file cannot be written.
        """
        if self._path in self._written:
            return tuple(self._written)
        if self._whole is not None and not self._gallery.photos and not self._written:
            self._write_video(*self._whole, self._path)
        else:
            self._finish_whole()
            self._gallery.write(self._path)
            self._written.insert(0, self._path)
        self._whole = None
        return tuple(self._written)

    def _begin_video(self) -> VideoReport:
        return VideoReport(self._model, self._settings, lang=self._lang)

    def _add_photo(self, photo: ImageResult) -> None:
        """Add a photo, with a thumbnail until the limit is reached."""
        image = None
        if self._with_pictures and self._gallery.has_room:
            with suppress(MienError):
                image = read_picture(photo.source).pixels
        self._gallery.add(photo, image)

    def _finish_whole(self) -> None:
        """Write the pending video, now that it is known not to be the only source."""
        if self._whole is None:
            return
        report, summary = self._whole
        self._whole = None
        stem = f"{self._path.stem}-{file_stem_of(summary.source)}"
        path, number = self._path.with_name(f"{stem}.html"), 1
        while path in self._written:
            number += 1
            path = self._path.with_name(f"{stem}-{number}.html")
        self._write_video(report, summary, path)
        self._gallery.add_video(VideoEntry(summary, path))

    def _write_video(self, report: VideoReport, summary: VideoSummary, path: Path) -> None:
        if self._with_pictures:
            with suppress(MienError):
                report.read_pictures(summary.source)
        report.write(path, summary)
        self._written.append(path)
