"""This module turns figures and source into the generated parts of pages, one function each."""

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


def block(lines: list[str]) -> str:
    """Put lines into the form of a block."""
    return "\n" + "\n".join(lines) + "\n"
