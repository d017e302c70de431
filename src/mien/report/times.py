"""Format times in words, and place them on a time axis."""

from dataclasses import dataclass

from mien.words import Language


@dataclass(frozen=True)
class Span:
    """Range of a time axis, in seconds; all charts of a page share it."""

    start_s: float
    end_s: float

    def share(self, time_s: float) -> float:
        """Return the position of a time on the axis, from 0 to 1."""
        length = max(self.end_s - self.start_s, 1e-9)
        return min(max((time_s - self.start_s) / length, 0.0), 1.0)


def say_time(time_s: float, step_s: float = 0.1) -> str:
    """Format a time like a clock, with tenths where steps are that small."""
    tenths = step_s < 1
    total = round(time_s, 1) if tenths else round(time_s)
    hours, rest = divmod(total, 3600)
    minutes, seconds = divmod(rest, 60)
    tail = f"{seconds:04.1f}" if tenths else f"{seconds:02.0f}"
    return f"{hours:.0f}:{minutes:02.0f}:{tail}" if hours else f"{minutes:.0f}:{tail}"


def say_length(length_s: float, language: Language) -> str:
    """Format a duration with its units."""
    if length_s < 59.95:
        number = language.number(length_s, 0 if round(length_s, 1) % 1 == 0 else 1)
        return language.say("report.unit_s", n=number)
    minutes, seconds = divmod(round(length_s), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (seconds, "s")]
    return " ".join(
        language.say(f"report.unit_{unit}", n=number) for number, unit in parts if number
    )
