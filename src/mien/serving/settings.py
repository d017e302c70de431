"""Read a request's settings for its pictures or its video.

Settings have the names of the Python arguments, such as `detector_size` or `every_s`. They are
query parameters or, with a JSON body, its members. Unknown settings are rejected, so that no
setting is silently ignored.
"""

import difflib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, get_args

from mien.errors import ConfigError
from mien.faces.options import DETECTOR_SIZE, MIN_SCORE
from mien.faces.turns import Rotated
from mien.model.prior import BALANCED, NATURAL
from mien.options import ReadingOptions
from mien.serving.problems import Problem
from mien.video.reading import VideoSettings

EVERY_FRAME: Final = "frame"


@dataclass(frozen=True, kw_only=True)
class PictureSettings(ReadingOptions):
    """How faces are detected and read.

    Attributes:
        model: The name of one of the service's models; None means the service's first.
        features: Whether each face has its features, the input of the model's last layer.
    """

    model: str | None = None
    features: bool = False


@dataclass(frozen=True)
class _Setting:
    """One setting: how it is parsed, and its description in the OpenAPI schema."""

    read: Callable[[str, object], Any]
    schema: dict[str, Any]
    description: str


def _read_text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise _refuse(name, value, "a name")
    return value


def _read_number(name: str, value: object) -> float:
    try:
        number = float(value) if isinstance(value, str | int | float) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number) or isinstance(value, bool):
        raise _refuse(name, value, "a number")
    return number


def _read_count(name: str, value: object) -> int:
    number = _read_number(name, value)
    if not number.is_integer():
        raise _refuse(name, value, "a whole number")
    return int(number)


def _read_flag(name: str, value: object) -> bool:
    if value in ("true", "false"):
        return value == "true"
    if not isinstance(value, bool):
        raise _refuse(name, value, "true or false")
    return value


def _read_interval(name: str, value: object) -> float | None:
    return None if value == EVERY_FRAME else _read_number(name, value)


def _refuse(name: str, value: object, wanted: str) -> Problem:
    return Problem("bad-setting", f"{name} must be {wanted}, got {str(value)[:80]!r}")


_SHARE: Final = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
_SECONDS: Final = {"type": "number", "minimum": 0}
_PICTURE: Final = {
    "model": _Setting(_read_text, {"type": "string"}, "Name of one of the service's models."),
    "detector_size": _Setting(
        _read_count,
        {"type": "integer", "minimum": 32, "default": DETECTOR_SIZE},
        "Longer side of the picture for face detection, in pixels; 1280 finds smaller faces.",
    ),
    "min_score": _Setting(
        _read_number,
        {**_SHARE, "default": MIN_SCORE},
        "Ignore faces with a lower detection score.",
    ),
    "rotated": _Setting(
        _read_text,
        {"enum": list(get_args(Rotated)), "default": "auto"},
        "When to search a picture in all four orientations; for videos, `auto` is `never`.",
    ),
    "limit_faces": _Setting(
        _read_count,
        {"type": "integer", "minimum": 1},
        "Maximum number of faces to read in each picture or frame, the largest.",
    ),
    "min_face_px": _Setting(
        _read_number,
        {"type": "number", "minimum": 0, "default": 0},
        "Leave out faces whose box has a shorter side below this, in pixels.",
    ),
    "coverage": _Setting(
        _read_number, _SHARE, "Name an emotion for this share of faces, the most confident ones."
    ),
    "accuracy": _Setting(
        _read_number, _SHARE, "Choose the threshold so that this share of the emotions is correct."
    ),
    "prior": _Setting(
        _read_text,
        {"type": "string", "default": NATURAL, "examples": [BALANCED, "happy=0.5,neutral=0.5"]},
        f"Expected mix of expressions: `{NATURAL}`, the one the model learnt, `{BALANCED}`, "
        "or shares.",
    ),
    "features": _Setting(
        _read_flag,
        {"type": "boolean", "default": False},
        "Return the features of each face, the input of the model's last layer; not an identity.",
    ),
}
_VIDEO: Final = {
    "every_s": _Setting(
        _read_interval,
        {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"const": EVERY_FRAME}]},
        f"Seconds between analysed frames, or `{EVERY_FRAME}` for every frame; 0.2 by default.",
    ),
    "start_s": _Setting(_read_number, _SECONDS, "Start at this time, in seconds."),
    "end_s": _Setting(_read_number, _SECONDS, "Stop before this time, in seconds."),
    "detect_every_s": _Setting(
        _read_number, _SECONDS, "Search the whole frame at least this often, in seconds."
    ),
    "smoothing_s": _Setting(
        _read_number, _SECONDS, "Time constant of the smoothing, in seconds; 0 turns it off."
    ),
}
_KNOWN: Final = {"image": _PICTURE, "video": {**_PICTURE, **_VIDEO}}


def describe_settings(family: str) -> list[dict[str, Any]]:
    """Describe the query parameters of "image" or "video" requests for the OpenAPI."""
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "schema": setting.schema,
            "description": setting.description,
        }
        for name, setting in _KNOWN[family].items()
    ]


def describe_members() -> dict[str, Any]:
    """Describe the settings of pictures as members of a JSON body."""
    return {
        name: {**setting.schema, "description": setting.description}
        for name, setting in _PICTURE.items()
    }


def read_query(pairs: Iterable[tuple[str, str]]) -> dict[str, object]:
    """Read the settings in a query string, without duplicates.

    Raises:
        Problem: A setting occurs twice.
    """
    values: dict[str, object] = {}
    for name, value in pairs:
        if name in values:
            raise Problem("bad-setting", f"{name[:80]!r} occurs twice; send it once")
        values[name] = value
    return values


def read_settings(
    values: Mapping[str, object], *, family: str
) -> tuple[PictureSettings, VideoSettings]:
    """Check settings by name.

    Args:
        values: Text or JSON values, by name of the setting.
        family: "image" or "video", which determines the settings.

    Raises:
        Problem: A setting is unknown, or its value is invalid.
    """
    known = _KNOWN[family]
    for name in values.keys() - known.keys():
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"the settings are {', '.join(known)}"
        raise Problem("bad-setting", f"unknown setting {name[:80]!r}: {hint}")

    read = {name: known[name].read(name, value) for name, value in values.items()}
    names = {field.name for field in fields(PictureSettings)}
    try:
        return (
            PictureSettings(**{name: value for name, value in read.items() if name in names}),
            VideoSettings(**{name: value for name, value in read.items() if name not in names}),
        )
    except ConfigError as error:
        raise Problem("bad-setting", str(error)) from error
