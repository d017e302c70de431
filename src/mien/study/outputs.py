"""Write a study's tables: faces, participants (long and wide), and events."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from mien.errors import OutputError, describe_error
from mien.files import replacing
from mien.study.plan import Plan
from mien.study.reading import Readings, Row
from mien.study.summary import Summary
from mien.tables.spreadsheet import CsvWriter

QUALITY: Final = ("size_px", "sharpness", "brightness", "yaw_deg", "roll_deg")
_OWN: Final = ("source", "participant", "condition", "trial")


def write_faces(path: Path, plan: Plan, rows: Iterable[Row], emotions: Sequence[str]) -> None:
    """Write one row per photo or frame: the largest face, as read and as corrected.

    A column of the study's table with the name of one of ours gets the ending `_table`.
    """
    measured = [
        *("time_s", "frame", "faces", "track_id"),
        *("emotion", "smoothed_emotion", "emotion_baseline", "reason", "excluded"),
        *(column for name in emotions for column in (name, f"{name}_baseline")),
        "detection_score",
        *QUALITY,
        "error",
    ]
    kept = {name: f"{name}_table" if name in measured else name for name in plan.columns}
    header = [*_OWN, *kept.values(), *measured]
    _write(path, header, (_describe_row(row, emotions, kept) for row in rows))


def _describe_row(row: Row, emotions: Sequence[str], kept: Mapping[str, str]) -> dict[str, Any]:
    one, face = row.recording, row.face or {}
    cells: dict[str, Any] = {
        "source": one.source,
        "participant": one.participant,
        "condition": one.condition,
        "trial": one.trial,
        **{kept[name]: value for name, value in one.extra.items()},
        "time_s": row.time_s,
        "frame": row.frame,
        "faces": row.faces,
        "smoothed_emotion": row.smoothed_emotion,
        "emotion_baseline": row.emotion_baseline,
        "reason": row.reason,
        "excluded": row.excluded,
        "error": row.error,
        **{key: face.get(key) for key in ("track_id", "emotion", "detection_score")},
        **(face.get("quality") or {}),
    }

    for name in emotions:
        cells[name] = None if row.probabilities is None else row.probabilities[name]
        cells[f"{name}_baseline"] = None if row.corrected is None else row.corrected[name]
    return cells


def write_participants(path: Path, summaries: Sequence[Summary]) -> None:
    """Write one row per participant and condition."""
    measures = list(summaries[0].measures) if summaries else []
    header = ["participant", "condition", "recordings", "excluded", *measures]

    _write(
        path,
        header,
        (
            {
                "participant": one.participant,
                "condition": one.condition,
                "recordings": one.recordings,
                "excluded": one.excluded,
                **one.measures,
            }
            for one in summaries
        ),
    )


def write_wide(path: Path, plan: Plan, summaries: Sequence[Summary]) -> None:
    """Write one row per participant, with a column for each measure and condition.

    Excluded and missing cells are empty. Column names consist of letters, digits and underscores,
    as SPSS and JASP require.
    """
    measures = list(summaries[0].measures) if summaries else []
    counted = {(one.participant, one.condition): one for one in summaries if not one.excluded}
    names = _name_conditions(plan.conditions)
    columns = {
        (measure, condition): f"{measure}_{names[condition]}"
        for measure in measures
        for condition in plan.conditions
    }

    rows = []
    for participant in plan.participants:
        row: dict[str, Any] = {"participant": participant}
        for (measure, condition), column in columns.items():
            one = counted.get((participant, condition))
            row[column] = None if one is None else one.measures[measure]
        rows.append(row)
    _write(path, ["participant", *columns.values()], rows)


def write_events(path: Path, readings: Readings) -> None:
    """Write one row per event of a participant's track."""
    header = [*_OWN, "emotion", "start_s", "end_s", "confidence", "uncertainty_s", "track_id"]

    _write(
        path,
        header,
        (
            {
                "source": one.source,
                "participant": one.participant,
                "condition": one.condition,
                "trial": one.trial,
                **{key: event.get(key) for key in header[4:]},
            }
            for one, event in readings.events
        ),
    )


def _name_conditions(conditions: Sequence[str]) -> dict[str, str]:
    """Return distinct column names for conditions: SPSS does not distinguish "Film" and "film"."""
    names: dict[str, str] = {}
    for condition in conditions:
        plain = "".join(letter if letter.isalnum() else "_" for letter in condition)
        name, number = plain, 1
        while name.lower() in map(str.lower, names.values()):
            number += 1
            name = f"{plain}_{number}"
        names[condition] = name
    return names


def _round(cell: object) -> object:
    """Round numbers to 8 decimals: further digits carry no information."""
    return round(cell, 8) if isinstance(cell, float) else cell


def _write(path: Path, header: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    try:
        with (
            replacing(path) as partial,
            partial.open("w", encoding="utf-8", newline="") as file,
        ):
            writer = CsvWriter(file)
            writer.row(header)
            writer.rows([_round(row.get(name)) for name in header] for row in rows)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written ({describe_error(error)}); free some space or choose "
            "another "
            "--output"
        ) from error
