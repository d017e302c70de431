"""Read how human coders labelled the recordings of a study, and pair that with the machine's."""

import csv
from collections.abc import Sequence
from pathlib import Path

from mien.errors import ConfigError
from mien.study.reading import Row


def pair_codes(path: Path, rows: Sequence[Row]) -> tuple[list[str], list[str]]:
    """Pair the coders' words with the machine's.

    Args:
        path: A CSV table with `source` and `label`, and for videos `time_s` (a moment) or `start_s`
            and `end_s` (a stretch, as ELAN and Noldus export them).
        rows: The study's rows, corrected.

    Returns:
        The coders' words and the machine's, for each row that was coded and read.

    Raises:
        ConfigError: The table cannot be read, or lacks a column.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            codes = list(csv.DictReader(file))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not a CSV table"
        raise ConfigError(f"the codes {path} cannot be read: {reason}") from error
    columns = set(codes[0]) if codes else set()
    if not {"source", "label"} <= columns:
        raise ConfigError(f"the codes {path} need the columns source and label")

    stretches: dict[str, list[tuple[float, float, str]]] = {}
    for number, code in enumerate(codes, start=2):
        try:
            moment = code.get("time_s") or ""
            start_s = float(code.get("start_s") or moment or "-inf")
            end_s = float(code.get("end_s") or (float(moment) + 0.5 if moment else "inf"))
        except ValueError:
            raise ConfigError(f"line {number} of {path}: times are seconds") from None
        stretches.setdefault(code["source"], []).append((start_s, end_s, code["label"]))

    human, machine = [], []
    for row in rows:
        if row.emotion_baseline is None:
            continue
        time_s = row.time_s or 0.0
        for start_s, end_s, label in stretches.get(row.recording.source, ()):
            if start_s <= time_s < end_s:
                human.append(label)
                machine.append(row.emotion_baseline)
                break
    return human, machine
