"""Read a study's plan: the participant and condition of each recording."""

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mien.batch.sources import Sources
from mien.errors import ConfigError
from mien.study.separated import parse_seconds, read_separated
from mien.video.frames import list_frames, natural_key

KNOWN: Final = ("source", "participant", "condition", "trial", "start_s", "end_s")
"""Columns of a table with a meaning; all others are kept unchanged."""
ALL: Final = "all"
"""Condition of recordings without a stated one."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One photo or video, or an interval of one, of one participant.

    Attributes:
        path: The file, or the folder of frames.
        source: Its name in the table or folder.
        participant: The participant.
        condition: The condition.
        trial: The repetition; empty where there are none.
        start_s: Start of the interval, in seconds.
        end_s: End of the interval, in seconds; None is the end of the video.
        extra: The table's other columns.
    """

    path: str
    source: str
    participant: str
    condition: str = ALL
    trial: str = ""
    start_s: float = 0.0
    end_s: float | None = None
    extra: Mapping[str, str] = field(default_factory=dict)

    def holds(self, time_s: float | None) -> bool:
        """Return whether a frame's time is in the interval; a photo has no time."""
        return time_s is None or (
            time_s >= self.start_s and (self.end_s is None or time_s < self.end_s)
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """Recordings of a study.

    Attributes:
        recordings: In the order of the table, or of their names.
        unmatched: Files that do not match the pattern.
        columns: The table's own columns, in order.
    """

    recordings: tuple[Recording, ...]
    unmatched: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()

    @property
    def participants(self) -> tuple[str, ...]:
        """Participants, in natural order."""
        return tuple(sorted({one.participant for one in self.recordings}, key=natural_key))

    @property
    def conditions(self) -> tuple[str, ...]:
        """Conditions, in natural order."""
        return tuple(sorted({one.condition for one in self.recordings}, key=natural_key))

    def count(self) -> Counter[tuple[str, str]]:
        """Count the recordings of each participant under each condition."""
        return Counter((one.participant, one.condition) for one in self.recordings)

    def missing(self) -> tuple[tuple[str, str], ...]:
        """List the cells (participant, condition) without a recording."""
        counts = self.count()
        return tuple(
            (participant, condition)
            for participant in self.participants
            for condition in self.conditions
            if not counts[participant, condition]
        )

    def similar(self) -> tuple[tuple[str, ...], ...]:
        """List names that differ only in case, spaces or leading zeros: probably one, misspelt."""
        alike: dict[object, list[str]] = {}
        for kind in (self.participants, self.conditions):
            for name in kind:
                key = "".join(name.casefold().split())
                alike.setdefault((kind, re.sub(r"(?<!\d)0+(?=\d)", "", key)), []).append(name)
        return tuple(tuple(names) for names in alike.values() if len(names) > 1)

    def paths(self) -> tuple[str, ...]:
        """List each file once, in order."""
        return tuple(dict.fromkeys(one.path for one in self.recordings))


def read_plan(source: Path, pattern: str | None = None, *, frames: bool = False) -> Plan:
    """Read a study's table, or match a folder's files against a pattern.

    Args:
        source: A CSV table (`source, participant[, condition, trial, start_s, end_s, ...]`), or a
            folder.
        pattern: For a folder, for example "{condition}/{participant}_{trial}.mp4".
        frames: Match folders of frames instead of photos and videos.

    Raises:
        ConfigError: The table or the pattern does not identify the participants.
    """
    if source.is_dir():
        if pattern is None:
            raise ConfigError(
                f"{source} is a folder; describe its file names, as in "
                "--pattern '{condition}/{participant}_{trial}.mp4', or pass a table"
            )
        return match_folder(source, pattern, frames=frames)
    if pattern is not None:
        raise ConfigError(f"--pattern requires a folder, but {source} is a file")
    return read_table(source)


def match_folder(folder: Path, pattern: str, *, frames: bool = False) -> Plan:
    """Match photos, videos or folders of frames below a folder against a pattern.

    Raises:
        ConfigError: The pattern has no {participant}, or matches no file.
    """
    expression = _compile(pattern)
    recordings, unmatched = [], []
    for path, below in _list_sequences(folder) if frames else _list_files(folder):
        match = expression.fullmatch(unicodedata.normalize("NFC", below))
        if match is not None:
            recordings.append(_make(path, below, match.groupdict()))
        else:
            unmatched.append(below)

    if not recordings:
        kind = "folders of frames" if frames else "files"
        seen = f", for example {unmatched[0]}" if unmatched else ""
        raise ConfigError(
            f"the pattern {pattern!r} matches none of the {len(unmatched)} {kind} in {folder}{seen}"
        )

    columns = [name for name in expression.groupindex if name not in KNOWN]
    return Plan(tuple(recordings), tuple(unmatched), tuple(columns))


def _list_files(folder: Path) -> Iterator[tuple[str, str]]:
    """List photos and videos: their paths, and their paths relative to the folder."""
    for found in Sources([str(folder)]):
        if found.problem is None:
            yield str(found.path), Path(found.below).as_posix()


def _list_sequences(folder: Path) -> Iterator[tuple[str, str]]:
    """List folders that contain pictures: their paths, and their paths relative to the folder."""
    for path in sorted(folder.rglob("*"), key=lambda one: natural_key(str(one))):
        if path.is_dir() and list_frames(path):
            yield str(path), path.relative_to(folder).as_posix()


def read_table(path: Path) -> Plan:
    """Read a study's table; its sources are relative to the table's folder.

    Raises:
        ConfigError: The table cannot be read, or a row is invalid.
    """
    table = read_separated(path, "the table")
    for wanted in ("source", "participant"):
        if wanted not in table.names:
            has = ", ".join(table.names) or "none"
            raise ConfigError(f"the table {path} has no column {wanted!r}; it has {has}")

    lines: dict[tuple[object, ...], int] = {}
    recordings = []
    for number, cells in table.rows:
        one = _read_row(number, cells, path)
        first = lines.setdefault((os.path.normpath(one.path), one.start_s, one.end_s), number)
        if first != number:
            raise ConfigError(
                f"line {number} of {path} names the same part of {one.source} as line {first}, but "
                "a recording counts once; remove one of the lines, or give each its own start_s "
                "and end_s"
            )
        recordings.append(one)
    if not recordings:
        raise ConfigError(f"the table {path} has no rows below its header")
    columns = tuple(name for name in table.names if name not in KNOWN)
    return Plan(tuple(recordings), columns=columns)


def _read_row(number: int, cells: Mapping[str, str], path: Path) -> Recording:
    """Check a row of a table."""
    where = f"line {number} of {path}"
    for wanted in ("source", "participant"):
        if not cells[wanted]:
            raise ConfigError(f"{where} has no {wanted}")
    place = os.path.join(path.parent, cells["source"])  # noqa: PTH118 - names, as they are
    try:
        return _make(place, cells["source"], cells)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error


def _make(path: str, source: str, cells: Mapping[str, str]) -> Recording:
    """Build a recording from the cells of a row or the parts of a pattern."""
    times = []
    for name in ("start_s", "end_s"):
        text = cells.get(name, "")
        try:
            times.append(parse_seconds(text))
        except ValueError:
            raise ConfigError(f"{name} must be a number of seconds, got {text!r}") from None
    start_s, end_s = times[0] or 0.0, times[1]
    if start_s < 0 or (end_s is not None and end_s <= start_s):
        raise ConfigError(f"end_s must be after start_s, got {start_s:g} to {end_s:g}")

    # macOS decomposes accents in file names: one participant would be two that look the same.
    named = {name: unicodedata.normalize("NFC", value) for name, value in cells.items()}
    extra = {name: value for name, value in named.items() if name not in KNOWN}
    condition, trial = named.get("condition", "") or ALL, named.get("trial", "")
    return Recording(path, source, named["participant"], condition, trial, start_s, end_s, extra)


def _compile(pattern: str) -> re.Pattern[str]:
    """Compile "{condition}/{participant}_*.mp4" to a regular expression."""
    whole = unicodedata.normalize("NFC", pattern)
    parts = re.split(r"(\{\w+\}|\*)", whole.strip("/"))
    names = [part[1:-1] for part in parts if part.startswith("{")]

    double = [name for name, times in Counter(names).items() if times > 1]
    if "participant" not in names or double:
        fault = f"{{{double[0]}}} twice" if double else "no {participant}"
        raise ConfigError(
            f"--pattern {pattern!r} has {fault}; write it as in "
            "'{condition}/{participant}_{trial}.mp4'"
        )

    known = {"*": "[^/]*"}
    return re.compile(
        "".join(
            known.get(part) or (f"(?P<{part[1:-1]}>[^/]+?)" if part[:1] == "{" else re.escape(part))
            for part in parts
        ),
        re.IGNORECASE,
    )
