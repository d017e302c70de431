"""Exclude photos and frames from a study by rules that are stated before it is run."""

import operator
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from mien.errors import ConfigError
from mien.study.quality import REASONS
from mien.study.reading import Row

MEASURED: Final = (
    "size_px",
    "sharpness",
    "brightness",
    "yaw_deg",
    "roll_deg",
    "detection_score",
    "faces",
)
"""What a rule may compare: columns of faces.csv. Angles are compared without their sign."""
_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_RULE: Final = re.compile(r"(\w+)\s*(<=|>=|<|>)\s*(-?\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: faces that fulfil it do not count.

    Attributes:
        text: The rule, as it was stated.
        column: What is compared, one of `MEASURED`; None where the rule is a reason.
        comparison: "<", "<=", ">" or ">=".
        limit: What it is compared with.
    """

    text: str
    column: str | None = None
    comparison: str = "<"
    limit: float = 0.0

    def excludes(self, row: Row) -> bool:
        """Return whether a row with a face is left out."""
        if self.column is None:
            return row.reason == self.text
        value = _measure(row, self.column)
        return value is not None and _COMPARE[self.comparison](value, self.limit)


def read_rules(text: str | None) -> tuple[Rule, ...]:
    """Read rules such as "blurred, size_px < 40".

    Raises:
        ConfigError: One is neither a reason nor a comparison.
    """
    rules = []
    for part in (text or "").split(","):
        rule = part.strip()
        match = _RULE.fullmatch(rule)
        if rule in REASONS:
            rules.append(Rule(rule))
        elif match is not None and match[1] in MEASURED:
            rules.append(Rule(rule, match[1], match[2], float(match[3])))
        elif rule:
            raise ConfigError(
                f"--exclude {rule!r} is no rule; write {', '.join(REASONS)}, or a comparison such "
                f"as 'size_px < 40' with one of {', '.join(MEASURED)}"
            )
    return tuple(rules)


def exclude_rows(rows: Sequence[Row], rules: Sequence[Rule]) -> tuple[Row, ...]:
    """Mark the rows whose face a rule leaves out, with the first such rule."""
    return tuple(
        row
        if row.probabilities is None
        else replace(row, excluded=next((one.text for one in rules if one.excludes(row)), None))
        for row in rows
    )


def count_excluded(rows: Sequence[Row], rules: Sequence[Rule]) -> dict[str, int]:
    """Count the photos and frames that each rule left out."""
    counts = Counter(row.excluded for row in rows)
    return {rule.text: counts[rule.text] for rule in rules}


def _measure(row: Row, column: str) -> float | None:
    """Return what a rule compares; None where it was not measured."""
    face: Mapping[str, Any] = row.face or {}
    if column == "faces":
        return row.faces
    if column == "detection_score":
        return float(face["detection_score"])
    value = (face.get("quality") or {}).get(column)
    return abs(value) if value is not None and column.endswith("_deg") else value
