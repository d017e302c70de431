"""Convert results to the rows of a table."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, TypeAlias

from mien.emotions import EMOTIONS
from mien.tables.columns import FEATURES, POINTS, Record, columns, flatten

Row: TypeAlias = dict[str, Any]
"""One row: a value or None per column."""

PYFEAT_NAMES: Final = {
    "angry": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happiness",
    "sad": "sadness",
    "surprise": "surprise",
    "neutral": "neutral",
}
"""py-feat's words for the emotions, in the order of its columns."""


def tidy_rows(
    records: Iterable[Record], emotions: Sequence[str] = EMOTIONS, *, features: bool = False
) -> Iterator[Row]:
    """Yield the rows of a tidy table.

    Args:
        records: Results in their JSON form: photos, frames, whole videos, failures.
        emotions: The model's class names.
        features: Whether rows have the faces' features.
    """
    empty = dict.fromkeys(columns(emotions, features=features))
    for record in flatten(records):
        row = empty | {"source": record["source"]}
        if "error" in record:
            yield row | {"error": record["error"]["message"]}
        elif "tracks" in record:  # a video's summary adds only the damage
            if record["damage"] is not None:
                yield row | {"error": record["damage"]}
        else:
            row |= {"time_s": record.get("time_s"), "frame": record.get("frame")}
            row |= {"turned": record.get("turned"), "error": record.get("damage")}
            faces = record["faces"]
            for number, face in enumerate(faces, start=1):
                own = {FEATURES: face.get(FEATURES)} if features else {}
                yield row | {"face": number} | _face_cells(face) | own
            if not faces:
                yield row


def pyfeat_rows(records: Iterable[Record], emotions: Sequence[str] = EMOTIONS) -> Iterator[Row]:
    """Yield the rows of a table with py-feat's columns.

    As in py-feat, a photo or frame without a face has one row with NaN in the face columns, and
    unreadable sources have no row. A photo is frame 0.

    Args:
        records: Results in their JSON form.
        emotions: The model's class names; the seven default ones are renamed to py-feat's.
    """
    known = [name for name in PYFEAT_NAMES if name in emotions]
    names = {name: PYFEAT_NAMES.get(name, name) for name in (*known, *emotions)}
    box = ("FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight")
    nan = float("nan")

    for record in flatten(records):
        if "error" in record or "tracks" in record:
            continue
        time_s = record.get("time_s")
        minutes, seconds = divmod(int(time_s or 0), 60)
        row = {
            "input": record["source"],
            "frame": record.get("frame", 0),
            "approx_time": None if time_s is None else f"{minutes:02d}:{seconds:02d}",
        }

        cells = dict.fromkeys((*box, "FaceScore", *names.values()), nan)
        for face in record["faces"]:
            sides = dict(zip(box, face["box"].values(), strict=True))
            found = face["probabilities"] or {}
            emotion_cells = {names[name]: value for name, value in found.items()}
            score = {"FaceScore": face["detection_score"]}
            yield row | cells | sides | score | emotion_cells

        if not record["faces"]:
            yield row | cells


def _face_cells(face: Record) -> Row:
    """Return a face's cells."""
    box = {f"box_{side}": value for side, value in face["box"].items()}
    points = {
        f"{name}_{axis}": value
        for name, point in zip(POINTS, face["landmarks"], strict=False)
        for axis, value in zip("xy", point, strict=True)
    }

    # Smoothed probabilities exist only in videos.
    shares = face.get("smoothed") or {}
    smoothed = {f"smoothed_{name}": share for name, share in shares.items()}
    if shares:
        smoothed["smoothed_emotion"] = max(shares, key=shares.__getitem__)

    told = {
        key: face.get(key)
        for key in ("track_id", "detection_score", "emotion", "reason", "certainty")
    }
    return told | box | points | (face["probabilities"] or {}) | smoothed
