"""The results of reading pictures and videos: frozen records with one JSON form.

The keys are the same in Python, JSON, HTTP and on the page.
"""

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mien import display, tables
from mien.errors import ImageError, InputError, MienError, require_extra
from mien.faces.face import Box, Face
from mien.images import read_image

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

SCHEMA: Final = 1

Reason: TypeAlias = Literal["too_small", "uncertain"]
"""Why a face has no emotion: too few pixels, or no emotion is probable enough."""


class Record(ABC):
    """A record with one JSON form: a line of JSON Lines."""

    __slots__ = ()

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON types."""

    def to_json(self) -> str:
        """Return the record as one line of JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False)


class Table(Record):
    """A record that is a table too: a row for each face, or one that is empty."""

    __slots__ = ()

    def to_dataframe(self, *, format: tables.Format = "tidy") -> "pd.DataFrame":  # noqa: A002
        """Return the faces as a pandas data frame.

        Args:
            format: "tidy"; or "pyfeat", with py-feat's columns and NaN rows. See `mien.tables`.

        Raises:
            MissingExtraError: pandas is not installed: `pip install 'mien[tables]'`.
        """
        return tables.to_dataframe([self], format=format)

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the faces as a table, CSV; needs no pandas.

        Raises:
            OutputError: The file cannot be written.
        """
        record = self.to_dict()
        tables.write_csv(path, [record], tables.find_emotions([record]))

    def to_parquet(self, path: str | os.PathLike[str]) -> None:
        """Write the faces as a table, Parquet.

        Raises:
            MissingExtraError: pyarrow is not installed: `pip install 'mien[tables]'`.
            OutputError: The file cannot be written.
        """
        record = self.to_dict()
        tables.write_parquet(path, [record], tables.find_emotions([record]))


@dataclass(frozen=True, slots=True)
class FaceResult:
    """One face and its apparent expression.

    Attributes:
        box: Where the face is, in pixels of the source.
        landmarks: Right eye, left eye, nose tip, right and left mouth corner: (x, y) in pixels.
        detection_score: How sure the detector is, in [0, 1]; not a probability.
        probabilities: For each emotion, calibrated, summing to 1; None where the face was not
            read because it is too small.
        emotion: The most probable emotion; None where there is a reason to name none.
        reason: Why no emotion is named; None where one is.
        track_id: In a video, which track of faces this one belongs to, from 1; it says that a face
            went on from frame to frame, never whose it is. None in a photo.
        smoothed: In a video, the track's probabilities smoothed over time, summing to 1; None in
            a photo, or where the track was not read at any time near.
    """

    box: Box
    landmarks: tuple[tuple[float, float], ...]
    detection_score: float
    probabilities: Mapping[str, float] | None
    emotion: str | None
    reason: Reason | None
    track_id: int | None = None
    smoothed: Mapping[str, float] | None = None

    @classmethod
    def unread(cls, face: Face, reason: Reason) -> "FaceResult":
        """Record a face that was found but not read."""
        return cls(face.box, face.landmarks, face.score, None, None, reason)

    @classmethod
    def read(
        cls, face: Face, probabilities: Mapping[str, float], *, threshold: float | None
    ) -> "FaceResult":
        """Record a face that was read; below the threshold no emotion is named."""
        emotion = max(probabilities, key=lambda name: probabilities[name])
        certain = threshold is None or probabilities[emotion] >= threshold
        return cls(
            box=face.box,
            landmarks=face.landmarks,
            detection_score=face.score,
            probabilities=probabilities,
            emotion=emotion if certain else None,
            reason=None if certain else "uncertain",
        )

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "FaceResult":
        """Read back what `to_dict` returned."""
        box = record["box"]
        return cls(
            box=Box(box["x"], box["y"], box["width"], box["height"]),
            landmarks=tuple((x, y) for x, y in record["landmarks"]),
            detection_score=record["detection_score"],
            probabilities=record["probabilities"],
            emotion=record["emotion"],
            reason=record["reason"],
            track_id=record.get("track_id"),
            smoothed=record.get("smoothed"),
        )

    def __repr__(self) -> str:
        box = self.box
        place = f"{box.width:.0f} x {box.height:.0f} at ({box.x:.0f}, {box.y:.0f})"
        return f"<FaceResult {display.describe_face(self.to_dict())}, {place}>"

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON types; pixels to 2 decimals, probabilities to 8."""
        box = self.box
        record = {
            "box": {
                "x": round(box.x, 2),
                "y": round(box.y, 2),
                "width": round(box.width, 2),
                "height": round(box.height, 2),
            },
            "landmarks": [[round(x, 2), round(y, 2)] for x, y in self.landmarks],
            "detection_score": round(self.detection_score, 4),
            "probabilities": _round(self.probabilities),
            "emotion": self.emotion,
            "reason": self.reason,
        }

        if self.track_id is not None:
            record |= {"track_id": self.track_id, "smoothed": _round(self.smoothed)}
        return record


@dataclass(frozen=True, slots=True)
class ImageResult(Table):
    """One picture and the faces in it.

    Attributes:
        source: The path, or what was given in place of one: "<bytes>", "<array>", "<image>".
        width: The picture's width in pixels, upright.
        height: The picture's height in pixels, upright.
        faces: The largest first; empty where there are none.
        turned: By how many degrees, clockwise, the picture has to be turned to be upright, where
            its faces say so: 0, 90, 180 or 270. Boxes and landmarks are those of the picture as
            it was given.
        damage: What is missing from the file, in one sentence; None where it is complete. What
            could be read was read.
        labels: Whose label the model answers with: "votes" (people's votes), "fer2013" (FER2013's
            own label) or "own" (that of its training data); None where it is not known.
    """

    source: str
    width: int
    height: int
    faces: tuple[FaceResult, ...]
    turned: int = 0
    damage: str | None = None
    labels: str | None = None

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "ImageResult":
        """Read back what `to_dict` returned."""
        return cls(
            source=record["source"],
            width=record["width"],
            height=record["height"],
            faces=tuple(map(FaceResult.from_dict, record["faces"])),
            turned=record.get("turned", 0),  # which records of earlier releases lack
            damage=record.get("damage"),
            labels=record.get("labels"),
        )

    def __repr__(self) -> str:
        faces = display.describe_faces([face.to_dict() for face in self.faces])
        return f"<ImageResult {self.source!r} {self.width} x {self.height}, {faces}>"

    def _repr_html_(self) -> str:
        return display.photo_html(self.to_dict())

    def plot(self, image: NDArray[np.uint8] | None = None) -> "Figure":
        """Plot the photo with numbered boxes, and each face's probabilities as bars.

        Args:
            image: The photo, (H, W, 3) uint8 RGB, as `mien.read_image` returns it; None reads
                `source` again.

        Returns:
            A matplotlib figure: a notebook shows it, and `savefig` writes it to a file.

        Raises:
            MissingExtraError: matplotlib is not installed: `pip install 'mien[plot]'`.
            ImageError: The photo cannot be read.
            InputError: The result is not of a file, and no image was given.
        """
        try:
            from mien import result_plots
        except ImportError as error:
            raise require_extra("plot", "a plot", "matplotlib") from error
        if image is None:
            if self.source.startswith("<"):
                raise InputError(
                    f"the result of {self.source} does not hold its picture; pass the picture: "
                    "result.plot(image)"
                )
            image = read_image(self.source)
        return result_plots.plot_photo(self.to_dict(), image)

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON types."""
        return {
            "schema": SCHEMA,
            "source": self.source,
            "width": self.width,
            "height": self.height,
            "turned": self.turned,
            "damage": self.damage,
            **_say_labels(self.labels),
            "faces": [face.to_dict() for face in self.faces],
        }


@dataclass(frozen=True, slots=True)
class FrameResult(Record):
    """One analysed frame of a video and the faces in it.

    Attributes:
        source: The video's path, or what was given in place of one.
        time_s: When the frame is shown, in seconds from the video's beginning: its true
            presentation time, also where the frame rate varies.
        frame: The frame's number in the video, from 0, in the order of presentation.
        faces: The largest first; empty where there are none.
        labels: Whose label the model answers with: "votes" (people's votes), "fer2013" (FER2013's
            own label) or "own" (that of its training data); None where it is not known.
    """

    source: str
    time_s: float
    frame: int
    faces: tuple[FaceResult, ...]
    labels: str | None = None

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "FrameResult":
        """Read back what `to_dict` returned."""
        faces = tuple(map(FaceResult.from_dict, record["faces"]))
        return cls(record["source"], record["time_s"], record["frame"], faces, record.get("labels"))

    def __repr__(self) -> str:
        faces = display.describe_faces([face.to_dict() for face in self.faces])
        return f"<FrameResult {self.source!r} {self.time_s:.3f} s, {faces}>"

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON types; times to the millisecond."""
        return {
            "schema": SCHEMA,
            "source": self.source,
            "time_s": round(self.time_s, 3),
            "frame": self.frame,
            **_say_labels(self.labels),
            "faces": [face.to_dict() for face in self.faces],
        }


@dataclass(frozen=True, slots=True)
class Event:
    """A stretch of time over which a track shows one apparent expression.

    Attributes:
        track_id: The track.
        emotion: The expression, by the smoothed probabilities.
        start_s: When it begins, in seconds.
        end_s: When it ends, in seconds.
        confidence: The mean smoothed probability of that expression over the event, in [0, 1].
        uncertainty_s: How far `start_s` and `end_s` may each be off, in seconds: the time between
            the two frames that were read around them, the longer of the two. An event at the end
            of its track ends at the last frame read, and may have lasted this much longer.
    """

    track_id: int
    emotion: str
    start_s: float
    end_s: float
    confidence: float
    uncertainty_s: float

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON types."""
        return {
            "track_id": self.track_id,
            "emotion": self.emotion,
            "start_s": round(self.start_s, 3),
            "end_s": round(self.end_s, 3),
            "confidence": round(self.confidence, 4),
            "uncertainty_s": round(self.uncertainty_s, 3),
        }


@dataclass(frozen=True, slots=True)
class Track:
    """A face that goes on from frame to frame, found by motion and overlap; not an identity.

    Attributes:
        track_id: From 1, in the order of appearance.
        start_s: The time of its first frame, in seconds.
        end_s: The time of its last frame, in seconds.
        frames: The analysed frames it is in.
        probabilities: The mean over its frames, for each emotion, summing to 1; None where it was
            never read.
    """

    track_id: int
    start_s: float
    end_s: float
    frames: int
    probabilities: Mapping[str, float] | None

    def __repr__(self) -> str:
        times = f"{self.start_s:.1f} s to {self.end_s:.1f} s"
        return f"<Track {self.track_id} from {times}, {display.count(self.frames, 'frame')}>"

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON types."""
        return {
            "track_id": self.track_id,
            "start_s": round(self.start_s, 3),
            "end_s": round(self.end_s, 3),
            "frames": self.frames,
            "probabilities": _round(self.probabilities),
        }


@dataclass(frozen=True, slots=True)
class VideoSummary(Record):
    """What is said of a video as a whole, once its frames were analysed.

    Attributes:
        source: The path, or what was given in place of one.
        width: In pixels, as it is meant to be seen (rotation applied).
        height: In pixels, as it is meant to be seen.
        duration_s: What the file says, in seconds; None where it says nothing.
        frames: How many frames were analysed.
        frames_with_face: How many of them show a face.
        tracks: In the order of appearance.
        events: In the order of their beginning.
        damage: Where the video is damaged, or why reading stopped before its end, in one sentence;
            None where it is whole. What could be read is kept.
        labels: Whose label the model answers with: "votes" (people's votes), "fer2013" (FER2013's
            own label) or "own" (that of its training data); None where it is not known.
    """

    source: str
    width: int
    height: int
    duration_s: float | None
    frames: int
    frames_with_face: int
    tracks: tuple[Track, ...]
    events: tuple[Event, ...]
    damage: str | None = None
    labels: str | None = None

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "VideoSummary":
        """Read back what `to_dict` returned."""
        return cls(
            source=record["source"],
            width=record["width"],
            height=record["height"],
            duration_s=record["duration_s"],
            frames=record["frames"],
            frames_with_face=record["frames_with_face"],
            tracks=tuple(Track(**track) for track in record["tracks"]),
            events=tuple(Event(**event) for event in record["events"]),
            damage=record["damage"],
            labels=record.get("labels"),
        )

    def __repr__(self) -> str:
        return f"<VideoSummary {self.source!r} {display.describe_video(self.to_dict())}>"

    def _repr_html_(self) -> str:
        return display.video_html(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON types."""
        return {
            "schema": SCHEMA,
            "source": self.source,
            "width": self.width,
            "height": self.height,
            "duration_s": None if self.duration_s is None else round(self.duration_s, 3),
            "frames": self.frames,
            "frames_with_face": self.frames_with_face,
            "tracks": [track.to_dict() for track in self.tracks],
            "events": [event.to_dict() for event in self.events],
            "damage": self.damage,
            **_say_labels(self.labels),
        }


@dataclass(frozen=True, slots=True)
class VideoResult(Table):
    """One video: every analysed frame, and the whole.

    Attributes:
        summary: Tracks, events and what is known of the file.
        frames: Every analysed frame in order, also those without a face.
    """

    summary: VideoSummary
    frames: tuple[FrameResult, ...]

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "VideoResult":
        """Read back what `to_dict` returned."""
        frames = tuple(map(FrameResult.from_dict, record["frames"]))
        return cls(VideoSummary.from_dict({**record, "frames": len(frames)}), frames)

    def __repr__(self) -> str:
        told = display.describe_video(self.summary.to_dict())
        return f"<VideoResult {self.summary.source!r} {told}>"

    def _repr_html_(self) -> str:
        return display.video_html(self.summary.to_dict())

    def plot(self) -> "Figure":
        """Plot the timeline: each track's smoothed probabilities, and its events.

        Returns:
            A matplotlib figure: a notebook shows it, and `savefig` writes it to a file.

        Raises:
            MissingExtraError: matplotlib is not installed: `pip install 'mien[plot]'`.
        """
        try:
            from mien import result_plots
        except ImportError as error:
            raise require_extra("plot", "a plot", "matplotlib") from error
        return result_plots.plot_video(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON types: the summary's keys, and `frames` in full."""
        return self.summary.to_dict() | {"frames": [frame.to_dict() for frame in self.frames]}


@dataclass(frozen=True, slots=True)
class Failure(Record):
    """A source that could not be read.

    Attributes:
        source: The path, or what was given in place of one.
        kind: The kind of error, e.g. "image".
        message: What went wrong, in one sentence.
    """

    source: str
    kind: str
    message: str

    @classmethod
    def of(cls, source: str, error: MienError | MemoryError) -> "Failure":
        """Record why a source could not be read.

        Args:
            source: Its name.
            error: What was raised.
        """
        if isinstance(error, MienError):
            return cls(source, error.kind, str(error))
        message = f"{source} does not fit into memory; make it smaller first"
        return cls(source, ImageError.kind, message)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "Failure":
        """Read back what `to_dict` returned."""
        return cls(record["source"], record["error"]["kind"], record["error"]["message"])

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON types."""
        error = {"kind": self.kind, "message": self.message}
        return {"schema": SCHEMA, "source": self.source, "error": error}


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


def _say_labels(labels: str | None) -> dict[str, str]:
    """Return the key that says whose label a model answers with, if that is known."""
    return {} if labels is None else {"labels": labels}


def _round(probabilities: Mapping[str, float] | None) -> dict[str, float] | None:
    """Round probabilities for JSON, to 8 decimals."""
    if probabilities is None:
        return None
    return {name: round(value, 8) for name, value in probabilities.items()}
