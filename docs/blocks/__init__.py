"""This module turns figures and source into the generated parts of pages, one function each."""

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
    """Read what each epoch of a model's training was."""
    with (ACCURACY / f"{name}-history.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def count_hours(epochs: list[dict[str, str]]) -> float:
    """Give the hours that epochs took."""
    return sum(float(epoch["seconds"]) for epoch in epochs) / 3600


def block(lines: list[str]) -> str:
    """Put lines into the form of a block."""
    return "\n" + "\n".join(lines) + "\n"
