"""Parse times from the command line into seconds, and format durations."""

import math
import re
from typing import Final

from mien.errors import ConfigError

EVERY_FRAME: Final = "frame"

_UNITS: Final = {"ms": 0.001, "s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "": 1.0}
_TIME: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(ms|s|min|m|h|)")
_CLOCK: Final = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d*)?)")


def parse_time(text: str, *, option: str) -> float:
    """Parse a time: `0.2s`, `200ms`, `90`, `1.5min`, `1:30` or `1:02:03.5`.

    Args:
        text: The time.
        option: Name of the option, for the message.

    Returns:
        Seconds, 0 or more.

    Raises:
        ConfigError: The text is not a valid time.
    """
    if clock := _CLOCK.fullmatch(text.strip()):
        hours, minutes, seconds = clock.groups()
        return 3600 * int(hours or 0) + 60 * int(minutes) + float(seconds)
    if (time := _TIME.fullmatch(text.strip().lower())) and math.isfinite(float(time[1])):
        return float(time[1]) * _UNITS[time[2]]
    raise ConfigError(f"{option} {text!r} is not a valid time: write 0.2s, 90 or 1:30")


def parse_every(text: str) -> float | None:
    """Parse the interval between analysed frames: a time, or `frame` for every frame.

    Returns:
        Seconds, above 0; None for every frame.

    Raises:
        ConfigError: The text is neither.
    """
    if text.strip().lower() == EVERY_FRAME:
        return None
    try:
        every_s = parse_time(text, option="--every")
    except ConfigError as error:
        raise ConfigError(f"{error}, or {EVERY_FRAME}") from error
    if every_s <= 0:
        raise ConfigError(f"--every must be above 0, got {text}; for every frame: --every frame")
    return every_s


def say_duration(seconds: float) -> str:
    """Format a duration: `4.2 s`, `3 min 20 s`, `1 h 5 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
