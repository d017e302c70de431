"""Summarise each participant under each condition."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from mien.study.plan import Plan, Recording
from mien.study.reading import Readings, Row

Cell: TypeAlias = tuple[str, str]
"""A participant under a condition."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Measures of one participant under one condition.

    Attributes:
        participant: The participant.
        condition: The condition.
        recordings: Number of recordings.
        measures: Measures by column name; None where undefined.
        excluded: Why the cell is left out of comparisons; None if it is included.
    """

    participant: str
    condition: str
    recordings: int
    measures: Mapping[str, float | None]
    excluded: str | None = None


def sum_up(
    plan: Plan, readings: Readings, rows: Sequence[Row], *, min_coverage: float
) -> tuple[Summary, ...]:
    """Summarise every participant under every recorded condition.

    Args:
        plan: The study.
        readings: The study's readings.
        rows: The same rows with corrected probabilities.
        min_coverage: Minimum fraction of photos or frames with a read face for a cell to be
            included in comparisons, 0 to 1.
    """
    by_cell: dict[Cell, list[Row]] = {}
    for row in rows:
        by_cell.setdefault((row.recording.participant, row.recording.condition), []).append(row)
    events: dict[Cell, list[tuple[Recording, Mapping[str, Any]]]] = {}
    for recording, event in readings.events:
        cell = recording.participant, recording.condition
        events.setdefault(cell, []).append((recording, event))

    counts = plan.count()
    emotions = readings.spec.class_names
    summaries = []
    for participant in plan.participants:
        for condition in plan.conditions:
            cell = participant, condition
            if counts[cell]:
                measures = _measure(by_cell.get(cell, []), events.get(cell, []), emotions)
                excluded = _exclude(measures, min_coverage)
                summaries.append(Summary(participant, condition, counts[cell], measures, excluded))
    return tuple(summaries)


def _exclude(measures: Mapping[str, float | None], min_coverage: float) -> str | None:
    coverage = measures["coverage"]
    if not coverage:
        return "no face was read"
    return f"coverage under {min_coverage:g}" if coverage < min_coverage else None


def _measure(
    rows: Sequence[Row],
    events: Sequence[tuple[Recording, Mapping[str, Any]]],
    emotions: Sequence[str],
) -> dict[str, float | None]:
    """Measure one cell; all times are in seconds.

    Of all photos and frames, a face was read and counts in `coverage`, a rule leaves it out in
    `left_out`, and there is none to read in `unread`.
    """
    looked = [row for row in rows if row.error is None]
    read = [row for row in looked if row.counts]
    left_out = sum(row.excluded is not None for row in looked)
    seconds = _count_seconds(looked)
    measures: dict[str, float | None] = {
        "frames": float(len(looked)),
        "seconds": seconds,
        "coverage": len(read) / len(looked) if looked else 0.0,
        "left_out": left_out / len(looked) if looked else 0.0,
        "unread": 1 - (len(read) + left_out) / len(looked) if looked else 1.0,
        "uncertain": _share([row.face is not None and row.face["emotion"] is None for row in read]),
    }
    for name in emotions:
        measures[f"mean_{name}"] = _mean([(row.probabilities or {})[name] for row in read])
        measures[f"mean_{name}_baseline"] = _mean([(row.corrected or {})[name] for row in read])
        share = _share([row.shown == name for row in read])
        measures[f"share_{name}"] = share
        shown = [(one, event) for one, event in events if event["emotion"] == name]
        timed = seconds is not None and seconds > 0
        measures[f"time_s_{name}"] = share * seconds if timed and share is not None else None  # type: ignore[operator]
        measures[f"events_a_minute_{name}"] = 60 * len(shown) / seconds if timed else None  # type: ignore[operator]
        measures[f"latency_s_{name}"] = _find_latency(shown)
        lengths = [event["end_s"] - event["start_s"] for _, event in shown]
        measures[f"duration_s_{name}"] = _mean(lengths)
    return measures


def _count_seconds(rows: Sequence[Row]) -> float | None:
    """Return the analysed seconds of a cell's videos; None if there are only photos."""
    by_recording: dict[tuple[str, float], list[float]] = {}
    for row in rows:
        if row.time_s is not None:
            key = row.recording.path, row.recording.start_s
            by_recording.setdefault(key, []).append(row.time_s)
    if not by_recording:
        return None
    total = 0.0
    for times in by_recording.values():
        step = (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else 0.0
        total += times[-1] - times[0] + step
    return total


def _find_latency(shown: Sequence[tuple[Recording, Mapping[str, Any]]]) -> float | None:
    """Return the mean delay of an expression's first appearance, over recordings."""
    first: dict[tuple[str, float], float] = {}
    for recording, event in shown:
        key = recording.path, recording.start_s
        after_s = event["start_s"] - recording.start_s
        first[key] = min(after_s, first.get(key, after_s))
    return _mean(list(first.values()))


def _mean(values: Sequence[float]) -> float | None:
    return statistics.fmean(values) if values else None


def _share(flags: Sequence[bool]) -> float | None:
    return sum(flags) / len(flags) if flags else None
