"""Turn records, as JSON Lines hold them, into the reports that suit them.

A video alone gets its timeline. Photos get a gallery, and then every video a page beside it. Since
records are all that is needed, a run that was stopped and went on has one report of the whole.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from mien.errors import MienError
from mien.faces.face import Box
from mien.images import read_image
from mien.model.spec import ModelSpec
from mien.report.photos import PhotoReport
from mien.report.video import VideoReport
from mien.results import Event, FaceResult, Failure, FrameResult, ImageResult, Track, VideoSummary

Record = Mapping[str, Any]

_MAX_STEM: Final = 80  # letters of a video's name that go into its page's


class RecordReport:
    """Gathers reports from records as they pass, in memory that does not grow with their number."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        model: ModelSpec,
        settings: Mapping[str, object] | None = None,
        *,
        title: str = "Photos",
        pictures: bool = True,
    ) -> None:
        """Begin.

        Args:
            path: The HTML file; pages of further videos go beside it, `report-clip.html`.
            model: The contract of the model that read the faces.
            settings: What was chosen, by name, as the pages shall tell it.
            title: What the photos are, e.g. the folder they are from.
            pictures: Whether sources are opened again for small pictures; one that cannot be, any
                more, has none.
        """
        self._path = Path(path)
        self._model = model
        self._settings = settings
        self._with_pictures = pictures
        self._photos = PhotoReport(model, settings, title=title)
        self._videos: dict[str, VideoReport] = {}
        self._whole: tuple[VideoReport, VideoSummary] | None = None
        self._written: list[Path] = []

    def watch(self, records: Iterable[Record]) -> Iterator[Record]:
        """Take in records on their way to somewhere else."""
        for record in records:
            self.add(record)
            yield record

    def add(self, record: Record) -> None:
        """Take in a record: a photo's, a failure's, a frame's or a video's summary.

        Raises:
            OutputError: A page is full of what came so far, and cannot be written.
        """
        source = str(record["source"])
        if "frame" in record:
            if source not in self._videos:
                self._videos[source] = VideoReport(self._model, self._settings)
            self._videos[source].add(_read_frame(record))
        elif "tracks" in record:
            report = self._videos.pop(source, None) or VideoReport(self._model, self._settings)
            self._finish_whole()
            self._whole = report, _read_summary(record)
        elif "error" in record:
            self._videos.pop(source, None)
            error = record["error"]
            self._photos.add(Failure(source, str(error["kind"]), str(error["message"])))
        else:
            self._add_photo(_read_photo(record))

    def write(self) -> tuple[Path, ...]:
        """Write what is not written yet, and give all pages; nothing is added after that.

        Raises:
            OutputError: A file cannot be written.
        """
        is_only = not self._photos.photos and not self._written
        if self._whole is not None and is_only:
            self._write_video(*self._whole, self._path)
        else:
            self._finish_whole()
            if self._path not in self._written and (self._photos.photos or not self._written):
                self._photos.write(self._path)
                self._written.insert(0, self._path)
        self._whole = None
        return tuple(self._written)

    def _add_photo(self, photo: ImageResult) -> None:
        """Take in a photo, and its picture while there is room."""
        image = None
        if self._with_pictures and self._photos.has_room:
            with suppress(MienError):
                image = read_image(photo.source)
        self._photos.add(photo, image)

    def _finish_whole(self) -> None:
        """Write the video that waits, now that it is known not to be the only source."""
        if self._whole is None:
            return
        report, summary = self._whole
        self._whole = None
        stem = (
            re.sub(r"[^\w.-]+", "-", Path(summary.source).name)[:_MAX_STEM].strip("-.") or "video"
        )
        path, number = self._path.with_name(f"{self._path.stem}-{stem}.html"), 1
        while path in self._written:
            number += 1
            path = self._path.with_name(f"{self._path.stem}-{stem}-{number}.html")
        self._write_video(report, summary, path)

    def _write_video(self, report: VideoReport, summary: VideoSummary, path: Path) -> None:
        if self._with_pictures:
            with suppress(MienError):
                report.read_pictures(summary.source)
        report.write(path, summary)
        self._written.append(path)


def _read_face(record: Record) -> FaceResult:
    box = record["box"]
    return FaceResult(
        box=Box(box["x"], box["y"], box["width"], box["height"]),
        landmarks=tuple((x, y) for x, y in record["landmarks"]),
        detection_score=record["detection_score"],
        probabilities=record["probabilities"],
        emotion=record["emotion"],
        reason=record["reason"],
        track_id=record.get("track_id"),
        smoothed=record.get("smoothed"),
    )


def _read_photo(record: Record) -> ImageResult:
    faces = tuple(map(_read_face, record["faces"]))
    return ImageResult(record["source"], record["width"], record["height"], faces)


def _read_frame(record: Record) -> FrameResult:
    faces = tuple(map(_read_face, record["faces"]))
    return FrameResult(record["source"], record["time_s"], record["frame"], faces)


def _read_summary(record: Record) -> VideoSummary:
    return VideoSummary(
        source=record["source"],
        width=record["width"],
        height=record["height"],
        duration_s=record["duration_s"],
        frames=record["frames"],
        frames_with_face=record["frames_with_face"],
        tracks=tuple(Track(**track) for track in record["tracks"]),
        events=tuple(Event(**event) for event in record["events"]),
        damage=record["damage"],
    )
