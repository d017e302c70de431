"""Write results as tables: CSV, Parquet and pandas data frames.

A table is tidy: one row for each face of each photo or frame, and one row with empty face columns
where there is no face. So no photo and no frame is missing from it. A source that could not be
read has one row, with the reason under `error`. The columns are the same for photos and videos.

Records are the JSON form of results: what their `to_dict` gives, and what a line of JSON holds.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias

from mien.emotions import EMOTIONS
from mien.errors import ConfigError, OutputError, describe_error, require_extra
from mien.files import replacing
from mien.spreadsheet import CsvWriter

if TYPE_CHECKING:
    import pandas as pd

Record: TypeAlias = Mapping[str, Any]
"""A result as plain JSON types."""
Row: TypeAlias = dict[str, Any]
"""One row: a value, or None, for each column."""
Format: TypeAlias = Literal["tidy", "pyfeat"]

ROWS_AT_ONCE: Final = 8192
"""Rows of a Parquet file's group: few enough to hold, enough to compress well."""
POINTS: Final = ("right_eye", "left_eye", "nose_tip", "right_mouth_corner", "left_mouth_corner")
REASONS: Final = ("too_small", "uncertain")
"""Why a face has no expression, as `mien.results.Reason` has it."""
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


class HasRecord(Protocol):
    """A result: anything with a JSON form."""

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON types."""
        ...


def check_emotions(emotions: Sequence[str]) -> None:
    """Refuse class names that tables use for other columns.

    Args:
        emotions: The model's class names.

    Raises:
        ConfigError: Two columns of a table would have the same name.
    """
    fixed = _columns(())
    taken = {*fixed, *(f"smoothed_{name}" for name in emotions)}
    clash = [name for name in emotions if name in taken]
    if clash:
        raise ConfigError(
            f"the class {clash[0]!r} has the name of another column in tables of results; rename "
            f"it, to anything but {', '.join(fixed)}"
        )


def columns(emotions: Sequence[str] = EMOTIONS) -> dict[str, type]:
    """Return the columns of a tidy table, in order, and the type of each.

    Args:
        emotions: The model's class names.

    Raises:
        ConfigError: A class has the name of another column.
    """
    check_emotions(emotions)
    return _columns(emotions)


def _columns(emotions: Sequence[str]) -> dict[str, type]:
    return {
        "source": str,
        "time_s": float,
        "frame": int,
        "face": int,
        "track_id": int,
        "emotion": str,
        "reason": str,
        **dict.fromkeys(emotions, float),
        "smoothed_emotion": str,
        **{f"smoothed_{name}": float for name in emotions},
        "detection_score": float,
        **{f"box_{side}": float for side in ("x", "y", "width", "height")},
        **{f"{point}_{axis}": float for point in POINTS for axis in "xy"},
        "turned": int,
        "error": str,
    }


def tidy_rows(records: Iterable[Record], emotions: Sequence[str] = EMOTIONS) -> Iterator[Row]:
    """Yield the rows of a tidy table.

    Args:
        records: Results in their JSON form: photos, frames, whole videos, failures.
        emotions: The model's class names.
    """
    empty = dict.fromkeys(columns(emotions))
    for record in _flatten(records):
        row = empty | {"source": record["source"]}
        if "error" in record:
            yield row | {"error": record["error"]["message"]}
        elif "tracks" in record:  # a video's summary says only one thing that its frames do not
            if record["damage"] is not None:
                yield row | {"error": record["damage"]}
        else:
            row |= {"time_s": record.get("time_s"), "frame": record.get("frame")}
            row |= {"turned": record.get("turned"), "error": record.get("damage")}
            faces = record["faces"]
            for number, face in enumerate(faces, start=1):
                yield row | {"face": number} | _face_cells(face)
            if not faces:
                yield row


def pyfeat_rows(records: Iterable[Record], emotions: Sequence[str] = EMOTIONS) -> Iterator[Row]:
    """Yield the rows of a table with py-feat's columns.

    As in py-feat, a photo or frame without a face has one row whose face columns are NaN, and what
    could not be read has no row. A photo is frame 0.

    Args:
        records: Results in their JSON form.
        emotions: The model's class names; the seven known ones get py-feat's words.
    """
    known = [name for name in PYFEAT_NAMES if name in emotions]
    names = {name: PYFEAT_NAMES.get(name, name) for name in (*known, *emotions)}
    box = ("FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight")
    nan = float("nan")

    for record in _flatten(records):
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


def to_dataframe(
    results: HasRecord | Iterable[HasRecord],
    *,
    format: Format = "tidy",  # noqa: A002
) -> "pd.DataFrame":
    """Return results as one pandas data frame.

    Args:
        results: Photos, frames, videos, failures; or one of them.
        format: "tidy", whose columns are `columns()`; or "pyfeat", with py-feat's columns.

    Returns:
        A `pandas.DataFrame`. In a tidy table, sources, expressions and reasons are categorical,
        the expressions in the order of the model's classes; `frame`, `face`, `track_id` and
        `turned` are whole numbers (Int64), and what is missing is NaN or `pandas.NA`. A table of
        videos alone is indexed by `time`, a `TimedeltaIndex` from each video's beginning (NaT in
        the row of a damaged video's `error`), so that `frame.resample("1s")` works on one track.

    Raises:
        ConfigError: There is no such format.
        MissingExtraError: pandas is not installed.
    """
    if format not in ("tidy", "pyfeat"):
        raise ConfigError(f"a table's format is 'tidy' or 'pyfeat', got {format!r}")

    try:
        import pandas as pd
    except ImportError as error:
        raise require_extra("tables", "a data frame", "pandas") from error

    several = [results] if hasattr(results, "to_dict") else results
    records = [result.to_dict() for result in several]
    emotions = find_emotions(records)
    if format == "pyfeat":
        return pd.DataFrame(list(pyfeat_rows(records, emotions)))

    rows = list(tidy_rows(records, emotions))
    categories = {
        "source": list(dict.fromkeys(row["source"] for row in rows)),
        "emotion": list(emotions),
        "reason": list(REASONS),
        "smoothed_emotion": list(emotions),
    }

    kinds: dict[type, Any] = {str: "string", float: "float64", int: "Int64"}
    frame = pd.DataFrame(
        {
            name: pd.Series(
                [row[name] for row in rows],
                dtype=pd.CategoricalDtype(categories[name]) if name in categories else kinds[kind],
            )
            for name, kind in columns(emotions).items()
        }
    )

    if any("time_s" in record for record in _flatten(records)) and not any(
        "turned" in record for record in records
    ):
        frame.index = pd.to_timedelta(frame["time_s"], unit="s").rename("time")
    return frame


def find_emotions(records: Iterable[Record]) -> Sequence[str]:
    """Find the model's class names in records; the seven known ones, where no face was read."""
    for record in _flatten(records):
        for face in record.get("faces", ()):
            if face["probabilities"] is not None:
                return tuple(face["probabilities"])
    return EMOTIONS


def _flatten(records: Iterable[Record]) -> Iterator[Record]:
    """Split the result of a video into its frames and its summary."""
    for record in records:
        if isinstance(record.get("frames"), list):
            yield from record["frames"]
        yield record


def _face_cells(face: Record) -> Row:
    """Return a face's cells."""
    box = {f"box_{side}": value for side, value in face["box"].items()}
    points = {
        f"{name}_{axis}": value
        for name, point in zip(POINTS, face["landmarks"], strict=False)
        for axis, value in zip("xy", point, strict=True)
    }
    shares = face.get("smoothed") or {}
    smoothed = {f"smoothed_{name}": share for name, share in shares.items()}
    if shares:
        smoothed["smoothed_emotion"] = max(shares, key=shares.__getitem__)
    told = {key: face.get(key) for key in ("track_id", "detection_score", "emotion", "reason")}
    return told | box | points | (face["probabilities"] or {}) | smoothed


def write_csv(
    path: str | os.PathLike[str], records: Iterable[Record], emotions: Sequence[str] = EMOTIONS
) -> None:
    """Write a tidy table as CSV (UTF-8, a header, empty cells where there is no value).

    Text that a spreadsheet would run as a formula gets an apostrophe (see `mien.spreadsheet`).

    Rows are written as records come; the file is whole, or not there at all.

    Args:
        path: The file; one that is there is replaced.
        records: Results in their JSON form.
        emotions: The model's class names.

    Raises:
        OutputError: The file cannot be written.
    """
    with (
        _writing(Path(path)) as partial,
        partial.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = CsvWriter(file)
        writer.row(columns(emotions))
        writer.rows(row.values() for row in tidy_rows(records, emotions))


def write_parquet(
    path: str | os.PathLike[str], records: Iterable[Record], emotions: Sequence[str] = EMOTIONS
) -> None:
    """Write a tidy table as Parquet, compressed, with typed columns.

    Rows are written in groups as records come; the file is whole, or not there at all.

    Args:
        path: The file; one that is there is replaced.
        records: Results in their JSON form.
        emotions: The model's class names.

    Raises:
        MissingExtraError: pyarrow is not installed.
        OutputError: The file cannot be written.
    """
    pa, pq = load_pyarrow()
    schema = make_schema(emotions)
    with (
        _writing(Path(path)) as partial,
        partial.open("wb") as file,
        pq.ParquetWriter(file, schema, compression="zstd") as writer,
    ):
        rows = tidy_rows(records, emotions)
        while group := list(islice(rows, ROWS_AT_ONCE)):
            writer.write_table(pa.Table.from_pylist(group, schema=schema))


def make_schema(emotions: Sequence[str] = EMOTIONS) -> Any:  # noqa: ANN401
    """Return a tidy table's pyarrow schema.

    Args:
        emotions: The model's class names.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    pa, _ = load_pyarrow()
    kinds = {str: pa.string(), float: pa.float64(), int: pa.int64()}
    return pa.schema([(name, kinds[kind]) for name, kind in columns(emotions).items()])


def write_jsonl(path: str | os.PathLike[str], records: Iterable[Record]) -> None:
    """Write records as JSON Lines; the file is whole, or not there at all.

    Args:
        path: The file; one that is there is replaced.
        records: Results in their JSON form.

    Raises:
        OutputError: The file cannot be written.
    """
    with _writing(Path(path)) as partial, partial.open("w", encoding="utf-8") as file:
        for record in records:
            file.write(json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n")


def load_pyarrow() -> tuple[Any, Any]:
    """Import pyarrow and pyarrow.parquet.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise require_extra("tables", "a Parquet file", "pyarrow") from error
    return pa, pq


@contextmanager
def _writing(path: Path) -> Iterator[Path]:
    """Yield a temporary file beside a file, which replaces it once it is on disk."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            yield partial
            with partial.open("rb+") as file:
                os.fsync(file.fileno())
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written ({describe_error(error)}); make room or choose another place"
        ) from error
