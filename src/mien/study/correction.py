"""Subtract each participant's baseline from the readings of a study."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from mien.errors import ConfigError
from mien.study.baseline import Baseline, Expected
from mien.study.plan import Plan
from mien.study.reading import Readings, Row, with_corrected

Kind: TypeAlias = Literal["participant", "rest", "none"]
"""The baseline to subtract: the participant's own mean, that of a face at rest, or none."""
KINDS: Final = ("participant", "rest", "none")


@dataclass(frozen=True, slots=True)
class Choice:
    """The baseline to subtract.

    Attributes:
        kind: participant, rest or none.
        expected: For `participant`: what the recordings are expected to show.
        condition: For `rest`: the condition at rest; None where an interval is used.
        start_s: For `rest`: start of the interval in each recording, in seconds.
        end_s: For `rest`: end of the interval, in seconds.
    """

    kind: Kind
    expected: Expected = "even"
    condition: str | None = None
    start_s: float = 0.0
    end_s: float | None = None

    def is_rest(self, row: Row) -> bool:
        """Return whether a row was recorded at rest."""
        if self.condition is not None:
            return row.recording.condition == self.condition
        if row.time_s is None or self.end_s is None:
            return False
        return self.start_s <= row.time_s - row.recording.start_s < self.end_s


def choose(
    kind: str, expected: str | None, rest: str | None, plan: Plan, *, videos: bool
) -> Choice:
    """Check the requested baseline.

    Args:
        kind: participant, rest or none.
        expected: even or group; None means even for photos, and group for videos, in which people
            are mostly calm.
        rest: For `rest`, a condition, or an interval in seconds such as "0-10".
        plan: The study.
        videos: Whether the recordings include videos.

    Raises:
        ConfigError: The options contradict each other or the study.
    """
    if kind not in KINDS:
        raise ConfigError(f"--baseline must be participant, rest or none, got {kind!r}")
    if (rest is not None) != (kind == "rest"):
        raise ConfigError(
            "--baseline rest requires --rest, a condition or seconds such as 0-10, "
            "and --rest requires --baseline rest"
        )

    if expected not in (None, "even", "group"):
        raise ConfigError(f"--expected must be even or group, got {expected!r}")

    if kind == "participant":
        return Choice(
            "participant",
            "even"
            if (expected or "") == "even"
            else ("group" if expected == "group" or videos else "even"),
        )

    if kind == "none" or rest is None:
        return Choice("none")
    if rest in plan.conditions:
        return Choice("rest", "rest", condition=rest)

    start, dash, end = rest.partition("-")
    try:
        seconds = float(start), float(end)
    except ValueError:
        known = ", ".join(plan.conditions)
        raise ConfigError(
            f"--rest {rest!r} is neither a condition ({known}) nor seconds such as 0-10"
        ) from None

    if not dash or not 0 <= seconds[0] < seconds[1]:
        raise ConfigError(f"--rest {rest!r} must be two increasing times in seconds, such as 0-10")
    return Choice("rest", "rest", start_s=seconds[0], end_s=seconds[1])


def correct_readings(readings: Readings, choice: Choice) -> tuple[tuple[Row, ...], Baseline | None]:
    """Subtract the participants' baselines from the readings.

    Rows that a rule leaves out do not count for the baseline; they are corrected like the others.

    Returns:
        The rows with `corrected`, and the baselines; without one, `corrected` equals the reading.
    """
    emotions = readings.spec.class_names
    used: Sequence[Row] = [
        row
        for row in readings.rows
        if row.counts and (choice.kind != "rest" or choice.is_rest(row))
    ]

    baseline = None
    if choice.kind != "none":
        if not used:
            what = "at rest" if choice.kind == "rest" else "at all"
            raise ConfigError(f"no face was read {what}, so there is no baseline to subtract")
        baseline = Baseline.fit(
            [[(row.probabilities or {})[name] for name in emotions] for row in used],
            [row.recording.participant for row in used],
            emotions=emotions,
            expected=choice.expected,
        )

    corrected = tuple(
        with_corrected(row, None)
        if row.probabilities is None
        else with_corrected(
            row,
            row.probabilities
            if baseline is None
            else baseline.correct_probabilities(row.probabilities, row.recording.participant),
        )
        for row in readings.rows
    )
    return corrected, baseline
