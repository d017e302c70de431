"""The result of a video: analysed frames, tracks of faces, and events."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mien.errors import require_extra
from mien.results import display
from mien.results.face import FaceResult
from mien.results.record import SCHEMA, Record, Table, labels_entry, round_probabilities

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class FrameResult(Record):
    """One analysed frame of a video and the faces in it.

    Attributes:
        source: The video's path, or a display name of another source.
        time_s: Presentation time in seconds from the video's beginning, correct even if the frame
            rate varies.
        frame: Frame number in the video, from 0, in presentation order.
        faces: Faces, the largest first; empty if there are none.
        labels: Which labels the model predicts: "votes" (people's votes), "fer2013" (FER2013's own
            label) or "own" (that of its training data); None if unknown.
    """

    source: str
    time_s: float
    frame: int
    faces: tuple[FaceResult, ...]
    labels: str | None = None

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "FrameResult":
        """Restore a frame from a record, the output of `to_dict`."""
        faces = tuple(map(FaceResult.from_dict, record["faces"]))
        return cls(record["source"], record["time_s"], record["frame"], faces, record.get("labels"))

    def __repr__(self) -> str:
        faces = display.describe_faces([face.to_dict() for face in self.faces])
        return f"<FrameResult {self.source!r} {self.time_s:.3f} s, {faces}>"

    def to_dict(self) -> dict[str, Any]:
        """Return the frame as JSON types; times to the millisecond."""
        return {
            "schema": SCHEMA,
            "source": self.source,
            "time_s": round(self.time_s, 3),
            "frame": self.frame,
            **labels_entry(self.labels),
            "faces": [face.to_dict() for face in self.faces],
        }


@dataclass(frozen=True, slots=True)
class Event:
    """An interval in which a track shows one apparent expression.

    Attributes:
        track_id: Number of the track.
        emotion: The expression, according to the smoothed probabilities.
        start_s: Start, in seconds.
        end_s: End, in seconds.
        confidence: Mean smoothed probability of the expression over the event, in [0, 1].
        uncertainty_s: Uncertainty of `start_s` and of `end_s`, in seconds: the longer of the
            intervals between the two frames around each. An event at the end of its track ends at
            the last frame read, and may have lasted this much longer.
    """

    track_id: int
    emotion: str
    start_s: float
    end_s: float
    confidence: float
    uncertainty_s: float

    def to_dict(self) -> dict[str, Any]:
        """Return the event as JSON types."""
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
    """A face followed from frame to frame by motion and size; not an identity.

    Attributes:
        track_id: Number of the track, from 1, in order of appearance.
        start_s: Time of its first frame, in seconds.
        end_s: Time of its last frame, in seconds.
        frames: Number of analysed frames that show it.
        probabilities: Mean probability of each emotion over its frames, summing to 1; None if it
            was never read.
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
        """Return the track as JSON types."""
        return {
            "track_id": self.track_id,
            "start_s": round(self.start_s, 3),
            "end_s": round(self.end_s, 3),
            "frames": self.frames,
            "probabilities": round_probabilities(self.probabilities),
        }


@dataclass(frozen=True, slots=True)
class VideoSummary(Record):
    """Summary of a video, once its frames have been analysed.

    Attributes:
        source: The path, or a display name of another source.
        width: Display width in pixels (rotation applied).
        height: Display height in pixels.
        duration_s: Duration stated in the file, in seconds; None if unknown.
        frames: Number of analysed frames.
        frames_with_face: Number of them with a face.
        tracks: Tracks, in order of appearance.
        events: Events, sorted by start.
        damage: Where the video is damaged, or why reading stopped before its end, in one sentence;
            None if it is complete. The readable part is included.
        labels: Which labels the model predicts: "votes" (people's votes), "fer2013" (FER2013's own
            label) or "own" (that of its training data); None if unknown.
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
        """Restore a summary from a record, the output of `to_dict`."""
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
        """Return the summary as JSON types."""
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
            **labels_entry(self.labels),
        }


@dataclass(frozen=True, slots=True)
class VideoResult(Table):
    """The result of one video: every analysed frame, and a summary.

    Attributes:
        summary: Tracks, events and file metadata.
        frames: Every analysed frame in order, including those without a face.
    """

    summary: VideoSummary
    frames: tuple[FrameResult, ...]

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "VideoResult":
        """Restore a result from a record, the output of `to_dict`."""
        frames = tuple(map(FrameResult.from_dict, record["frames"]))
        return cls(VideoSummary.from_dict({**record, "frames": len(frames)}), frames)

    def __repr__(self) -> str:
        told = display.describe_video(self.summary.to_dict())
        return f"<VideoResult {self.summary.source!r} {told}>"

    def _repr_html_(self) -> str:
        return display.video_html(self.summary.to_dict())

    def plot(self, *, lang: str = "en") -> "Figure":
        """Plot the timeline: each track's smoothed probabilities, and its events.

        Args:
            lang: Language of the text, one of `mien.words.LANGUAGES`.

        Returns:
            A matplotlib figure, which a notebook displays and `savefig` writes to a file.

        Raises:
            MissingExtraError: matplotlib is not installed: `pip install 'mien[plot]'`.
            ConfigError: The language is not supported.
        """
        try:
            from mien.results import plots
        except ImportError as error:
            raise require_extra("plot", "a plot", "matplotlib") from error
        return plots.plot_video(self.to_dict(), lang)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON types: the summary's keys, and `frames` in full."""
        return self.summary.to_dict() | {"frames": [frame.to_dict() for frame in self.frames]}
