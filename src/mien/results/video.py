"""Record a video: its analysed frames, its tracks of faces, and the events in them."""

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
            **labels_entry(self.labels),
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
            the two frames that were read around them, the longer of the two. An event at the end of
            its track ends at the last frame read, and may have lasted this much longer.
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
            "probabilities": round_probabilities(self.probabilities),
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
            **labels_entry(self.labels),
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
            from mien.results import plots
        except ImportError as error:
            raise require_extra("plot", "a plot", "matplotlib") from error
        return plots.plot_video(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON types: the summary's keys, and `frames` in full."""
        return self.summary.to_dict() | {"frames": [frame.to_dict() for frame in self.frames]}
