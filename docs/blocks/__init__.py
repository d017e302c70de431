"""The generated parts of the documentation, one function each."""

import csv
import json
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
BENCHMARKS: Final = ROOT / "benchmarks"
ACCURACY: Final = BENCHMARKS / "accuracy"
"""A model's `evaluation.json` on the test split is NAME.json here, and NAME-corruptions.json."""


def read_json(path: Path) -> dict[str, Any]:
    """Read a file of figures."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def read_evaluation(name: str = "accurate") -> dict[str, Any]:
    """Read a model's evaluation on the test split."""
    return read_json(ACCURACY / f"{name}.json")


def read_epochs(name: str) -> list[dict[str, str]]:
    """Read the history of a model's training, one row per epoch."""
    with (ACCURACY / f"{name}-history.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def count_hours(epochs: list[dict[str, str]]) -> float:
    """Return the total duration of the epochs, in hours."""
    return sum(float(epoch["seconds"]) for epoch in epochs) / 3600


def block(lines: list[str]) -> str:
    """Join lines into a block."""
    return "\n" + "\n".join(lines) + "\n"
