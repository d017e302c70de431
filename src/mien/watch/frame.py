"""The result of one live frame: its faces, and the events that begin and end with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mien.results import Event, FaceResult, FrameResult


@dataclass(frozen=True, slots=True)
class LiveFrame(FrameResult):
    """The faces of one live frame, and the events that begin and end with it.

    Attributes:
        source: Display name of the camera.
        time_s: Time of the frame, in seconds, as passed by the caller.
        frame: Frame number, from 0.
        faces: Faces, the largest first, each with `track_id` and `smoothed`.
        labels: Which labels the model predicts, as in `FrameResult`.
        expressions: For each face, the expression with the highest smoothed probability, or None
            where that is below the model's threshold.
        began: Events whose beginning is confirmed by this frame; `end_s` is its time.
        ended: Events whose end is confirmed by this frame.
    """

    expressions: tuple[str | None, ...] = ()
    began: tuple[Event, ...] = ()
    ended: tuple[Event, ...] = ()

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "LiveFrame":
        """Restore a frame from a record, the output of `to_dict`."""
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
        """Return the frame as JSON types."""
        record = FrameResult.to_dict(self)
        return record | {
            "expressions": list(self.expressions),
            "began": [event.to_dict() for event in self.began],
            "ended": [event.to_dict() for event in self.ended],
        }
