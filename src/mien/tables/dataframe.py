"""Convert results to a pandas data frame."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from mien.emotions import REASONS
from mien.errors import ConfigError, InputError, require_extra
from mien.tables.columns import columns, find_emotions, flatten, have_features
from mien.tables.rows import pyfeat_rows, tidy_rows

if TYPE_CHECKING:
    import pandas as pd

Format: TypeAlias = Literal["tidy", "pyfeat"]


class HasRecord(Protocol):
    """A result: anything with a JSON form."""

    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON types."""
        ...


def to_dataframe(
    results: HasRecord | Iterable[HasRecord],
    *,
    format: Format = "tidy",  # noqa: A002
) -> "pd.DataFrame":
    """Return results as one pandas data frame.

    Args:
        results: Photos, frames, videos and failures, or a single one.
        format: "tidy", with the columns of `columns()`; or "pyfeat", with py-feat's columns.

    Returns:
        A `pandas.DataFrame`. In a tidy table, sources, expressions and reasons are categorical, the
        expressions in the order of the model's classes; `frame`, `face`, `track_id` and `turned`
        are integers (Int64); and missing values are NaN or `pandas.NA`. A table of only videos is
        indexed by `time`, a `TimedeltaIndex` from each video's beginning (NaT in the row of a
        damaged video's `error`), so that `frame.resample("1s")` works on one track.

    Raises:
        ConfigError: The format does not exist.
        InputError: Something else than results was given.
        MissingExtraError: pandas is not installed.
    """
    if format not in ("tidy", "pyfeat"):
        raise ConfigError(f"format must be 'tidy' or 'pyfeat', got {format!r}")

    try:
        import pandas as pd
    except ImportError as error:
        raise require_extra("tables", "a data frame", "pandas") from error

    several = [results] if hasattr(results, "to_dict") else results
    records = [_to_record(result) for result in several]
    emotions = find_emotions(records)
    if format == "pyfeat":
        return pd.DataFrame(list(pyfeat_rows(records, emotions)))

    features = have_features(records)
    rows = list(tidy_rows(records, emotions, features=features))
    categories = {
        "source": list(dict.fromkeys(row["source"] for row in rows)),
        "emotion": list(emotions),
        "reason": list(REASONS),
        "smoothed_emotion": list(emotions),
    }

    kinds: dict[type, Any] = {str: "string", float: "float64", int: "Int64", list: "object"}
    frame = pd.DataFrame(
        {
            name: pd.Series(
                [row[name] for row in rows],
                dtype=pd.CategoricalDtype(categories[name]) if name in categories else kinds[kind],
            )
            for name, kind in columns(emotions, features=features).items()
        }
    )

    if any("time_s" in record for record in flatten(records)) and not any(
        "turned" in record for record in records
    ):
        frame.index = pd.to_timedelta(frame["time_s"], unit="s").rename("time")
    return frame


def _to_record(result: object) -> dict[str, Any]:
    """Return a result's JSON form."""
    if not hasattr(result, "to_dict"):
        raise InputError(
            f"a data frame is made of results, got {type(result).__name__}; analyse the source "
            "first, with mien.analyze"
        )
    record: dict[str, Any] = result.to_dict()
    return record
