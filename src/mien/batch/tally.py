"""Count what a run read, what failed, and why."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

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
            self._note(record["source"], record["error"]["message"])
            return

        if record.get("damage") is not None:
            self.damaged += 1
            self._note(record["source"], record["damage"])

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

    def _note(self, source: str, message: str) -> None:
        """Count a reason."""
        reason = describe_reason(source, message)
        if reason not in self.reasons and len(self.reasons) >= MAX_REASONS:
            reason = OTHER
        self.reasons[reason] += 1


def describe_reason(source: str, message: str) -> str:
    """Remove from a message what is specific to its source, so that equal messages can be counted.

    >>> describe_reason("a.jpg", "a.jpg is empty, expected a picture; was it saved?")
    'is empty, expected a picture'
    """
    for name in (repr(source), source):
        message = message.removeprefix(f"{name} ")
    first = message.split(";")[0]
    return re.sub(r" \([^()]*(\([^()]*\)[^()]*)*\)", "", first).strip()
