"""Count what a run read, what failed, and why."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Self

MAX_REASONS: Final = 40
"""Maximum number of distinct reasons, to bound the memory used by hostile files."""
OTHER: Final = "other reasons"


class Tally:
    """Counts the sources of a run.

    Attributes:
        read: Number of sources read.
        without_face: Number of them without a face; for a video, in any frame.
        videos: Number of them that are videos.
        frames: Number of analysed frames of these videos.
        faces: Number of faces in photos and frames.
        damaged: Number of sources read that are damaged and therefore incomplete.
        failed: Number of sources that could not be read.
        reasons: Number of occurrences of each reason, for failures and damage.
    """

    def __init__(self) -> None:
        self.read = self.without_face = self.videos = self.frames = self.faces = self.damaged = (
            self.failed
        ) = 0
        self.reasons: Counter[str] = Counter()

    @classmethod
    def from_dict(cls, counts: Mapping[str, Any]) -> Self:
        """Return the tally that `to_dict` returned these counts of."""
        tally = cls()
        for name, count in counts.items():
            setattr(tally, name, Counter(count) if name == "reasons" else count)
        return tally

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as plain JSON types."""
        return self.__dict__ | {"reasons": dict(self.reasons)}

    def merge(self, other: "Tally") -> None:
        """Add the counts of another part of the run."""
        for name, count in vars(other).items():
            if name != "reasons":
                setattr(self, name, getattr(self, name) + count)
        for reason, count in other.reasons.items():
            self._note(reason, count)

    @property
    def sources(self) -> int:
        """Count the sources, read or not."""
        return self.read + self.failed

    @property
    def is_complete(self) -> bool:
        """Whether everything was read completely."""
        return not self.failed and not self.damaged

    def add(self, record: Mapping[str, Any]) -> None:
        """Count one record in its JSON form."""
        if "error" in record:
            self.failed += 1
            self._note(describe_reason(record["source"], record["error"]["message"]))
            return

        if record.get("damage") is not None:
            self.damaged += 1
            self._note(describe_reason(record["source"], record["damage"]))

        if "tracks" in record:
            self.read += 1
            self.videos += 1
            self.without_face += not record["frames_with_face"]
        else:
            self.faces += len(record["faces"])
            if "time_s" in record:
                self.frames += 1
            else:
                self.read += 1
                self.without_face += not record["faces"]

    def watch(self, records: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Count records while passing them on."""
        for record in records:
            self.add(record)
            yield record

    def _note(self, reason: str, count: int = 1) -> None:
        """Count a reason."""
        if reason not in self.reasons and len(self.reasons) >= MAX_REASONS:
            reason = OTHER
        self.reasons[reason] += count


def describe_reason(source: str, message: str) -> str:
    """Remove from a message what is specific to its source, so that equal messages can be counted.

    >>> describe_reason("a.jpg", "a.jpg is empty, expected a picture; was it saved?")
    'is empty, expected a picture'
    """
    for name in (repr(source), source):
        message = message.removeprefix(f"{name} ")
    first = message.split(";")[0]
    return re.sub(r" \([^()]*(\([^()]*\)[^()]*)*\)", "", first).strip()
