"""Turn the records of a run into a summary: what was read, what was not, and why."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

MAX_REASONS: Final = 40
"""Reasons that are told apart; files fail in few ways, but hostile ones should cost no memory."""
OTHER: Final = "other reasons"


class Tally:
    """Counts the sources of a run.

    Attributes:
        read: Sources that were read.
        without_face: How many of them show no face; of a video, in no frame.
        videos: How many of them are videos.
        frames: The frames of those videos that were analysed.
        faces: Faces in photos and frames.
        failed: Sources that could not be read, or, as a damaged video, not to the end.
        reasons: How often each reason was given.
    """

    def __init__(self) -> None:
        self.read = self.without_face = self.videos = self.frames = self.faces = self.failed = 0
        self._unread = 0
        self.reasons: Counter[str] = Counter()

    @property
    def sources(self) -> int:
        """Count the sources, read or not; a damaged video was read."""
        return self.read + self._unread

    def add(self, record: Mapping[str, Any]) -> None:
        """Count one record in its JSON form."""
        if "error" in record:
            self._unread += 1
            self._fail(record["source"], record["error"]["message"])
        elif "tracks" in record:
            self.read += 1
            self.videos += 1
            self.without_face += not record["frames_with_face"]
            if record["damage"] is not None:
                self._fail(record["source"], record["damage"])
        else:
            self.faces += len(record["faces"])
            if "time_s" in record:
                self.frames += 1
            else:
                self.read += 1
                self.without_face += not record["faces"]

    def watch(self, records: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Count records on their way to somewhere else."""
        for record in records:
            self.add(record)
            yield record

    def _fail(self, source: str, message: str) -> None:
        self.failed += 1
        reason = describe_reason(source, message)
        if reason not in self.reasons and len(self.reasons) >= MAX_REASONS:
            reason = OTHER
        self.reasons[reason] += 1


def describe_reason(source: str, message: str) -> str:
    """Take out of a message what is particular to its source, so that like ones can be counted.

    >>> describe_reason("a.jpg", "a.jpg is empty, wanted a picture; was it saved?")
    'is empty, wanted a picture'
    """
    for name in (repr(source), source):
        message = message.removeprefix(f"{name} ")
    first = message.split(";")[0]
    return re.sub(r" \([^()]*(\([^()]*\)[^()]*)*\)", "", first).strip()
