"""Define the columns of a table of results, and their types."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from mien.emotions import EMOTIONS
from mien.errors import ConfigError

Record: TypeAlias = Mapping[str, Any]
"""A result as JSON types."""
FEATURES: Final = "features"
POINTS: Final = ("right_eye", "left_eye", "nose_tip", "right_mouth_corner", "left_mouth_corner")


def check_emotions(emotions: Sequence[str]) -> None:
    """Reject class names that tables use for other columns.

    Args:
        emotions: The model's class names.

    Raises:
        ConfigError: Two columns of a table would have the same name.
    """
    fixed = {**_columns(()), FEATURES: list}
    taken = {*fixed, *(f"smoothed_{name}" for name in emotions)}
    clash = [name for name in emotions if name in taken]
    if clash:
        raise ConfigError(
            f"the class {clash[0]!r} has the name of another column in tables of results; rename "
            f"it to anything but {', '.join(fixed)}"
        )


def columns(emotions: Sequence[str] = EMOTIONS, *, features: bool = False) -> dict[str, type]:
    """Return the columns of a tidy table in order, with their types.

    Args:
        emotions: The model's class names.
        features: Whether there is a last column `features`, a list of numbers.

    Raises:
        ConfigError: A class has the name of another column.
    """
    check_emotions(emotions)
    return _columns(emotions) | ({FEATURES: list} if features else {})


def _columns(emotions: Sequence[str]) -> dict[str, type]:
    return {
        "source": str,
        "time_s": float,
        "frame": int,
        "face": int,
        "track_id": int,
        "emotion": str,
        "reason": str,
        "certainty": float,
        **dict.fromkeys(emotions, float),
        "smoothed_emotion": str,
        **{f"smoothed_{name}": float for name in emotions},
        "detection_score": float,
        **{f"box_{side}": float for side in ("x", "y", "width", "height")},
        **{f"{point}_{axis}": float for point in POINTS for axis in "xy"},
        "turned": int,
        "error": str,
    }


def find_emotions(records: Iterable[Record]) -> Sequence[str]:
    """Return the model's class names from records; the seven default ones if no face was read."""
    for record in flatten(records):
        for face in record.get("faces", ()):
            if face["probabilities"] is not None:
                return tuple(face["probabilities"])
    return EMOTIONS


def have_features(records: Iterable[Record]) -> bool:
    """Return whether any face of some records has features."""
    return any(FEATURES in face for record in flatten(records) for face in record.get("faces", ()))


def flatten(records: Iterable[Record]) -> Iterator[Record]:
    """Split the result of a video into its frames and its summary."""
    for record in records:
        if isinstance(record.get("frames"), list):
            yield from record["frames"]
        yield record
