"""Measure the benefit of a person's own baseline, without labels.

Command: python benchmarks/person_baseline.py NAME.zip...

Each zip contains `CLASS/*.jpg` and `labels.csv` (`file,label,person`). The largest face of each
picture is read, then each person's baseline is subtracted, with `expected="even"` since the people
pose. For comparison, the plain mean of a person's log-probabilities is subtracted as well.
"""

from pathlib import Path
from typing import Any

import numpy as np

import mien
from people import measure_zips, read_people

MODELS = ("accurate", "fast")


def measure(path: Path, analyzer: mien.Analyzer) -> dict[str, Any]:
    """Read a zip's faces with and without correction, and count the correct ones."""
    pairs, faces = read_people(path, analyzer)
    people = [row["person"] for row, _ in pairs]
    baseline = mien.Baseline.of_results([photo for _, photo in pairs], people)
    plain = count_with_plain_mean(pairs)
    raw = corrected = 0
    for row, photo in pairs:
        probabilities = photo.faces[0].probabilities or {}
        fixed = baseline.correct(photo, row["person"]).faces[0]
        raw += max(probabilities, key=lambda name: probabilities[name]) == row["label"]
        corrected += fixed.emotion == row["label"]
    refused = sum(offset.refused is not None for offset in baseline.offsets.values())
    return {
        "faces": faces,
        "people": len(set(people)),
        "people_left_as_they_are": refused,
        "accuracy": raw / faces,
        "accuracy_with_plain_mean": plain / faces,
        "accuracy_with_baseline": corrected / faces,
    }


def count_with_plain_mean(pairs: list[tuple[dict[str, str], mien.ImageResult]]) -> int:
    """Count the correct ones after subtracting each person's mean log-probability."""
    logs = np.log([list((photo.faces[0].probabilities or {}).values()) for _, photo in pairs])
    people = np.array([row["person"] for row, _ in pairs])
    for person in np.unique(people):
        logs[people == person] -= logs[people == person].mean(axis=0)
    names = list(pairs[0][1].faces[0].probabilities or {})
    found = zip(logs.argmax(axis=1), pairs, strict=True)
    return sum(names[at] == row["label"] for at, (row, _) in found)


def main() -> None:
    """Measure every model on every zip."""
    measure_zips(__file__, MODELS, measure)


if __name__ == "__main__":
    main()
