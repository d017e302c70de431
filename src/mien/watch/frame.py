"""One live frame: its faces, and the events that begin and end with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mien.results import Event, FaceResult, FrameResult


@dataclass(frozen=True, slots=True)
class LiveFrame(FrameResult):
    """One live frame, its faces, and the events that begin and end with it.

    Attributes:
        source: What the camera is called.
        time_s: When the frame was taken, in seconds, as it was given.
        frame: The frame's number, from 0.
        faces: The largest first, each with `track_id` and `smoothed`.
        labels: Whose label the model answers with, as in `FrameResult`.
        expressions: For each face, in order, the smoothed expression: the one with the highest
            smoothed probability, or None where that is under the model's threshold.
        began: Events that are certain to have begun now; `end_s` is this frame's time.
        ended: Events that are certain to have ended now.
    """

    expressions: tuple[str | None, ...] = ()
    began: tuple[Event, ...] = ()
    ended: tuple[Event, ...] = ()

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "LiveFrame":
        """Read back what `to_dict` returned."""
        return cls(
            source=record["source"],
            time_s=record["time_s"],
            frame=record["frame"],
            faces=tuple(map(FaceResult.from_dict, record["faces"])),
            labels=record.get("labels"),
            expressions=tuple(record["expressions"]),
            began=tuple(Event(**event) for event in record["began"]),
            ended=tuple(Event(**event) for event in record["ended"]),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON types."""
        record = FrameResult.to_dict(self)
        return record | {
            "expressions": list(self.expressions),
            "began": [event.to_dict() for event in self.began],
            "ended": [event.to_dict() for event in self.ended],
        }
