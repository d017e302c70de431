"""Base classes of results, with their JSON form and tables."""

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from mien import tables

if TYPE_CHECKING:
    import pandas as pd

SCHEMA: Final = 1
"""Version of the JSON form; it increases when the meaning of a key changes."""


class Record(ABC):
    """A record with one JSON form: a line of JSON Lines."""

    __slots__ = ()

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON types."""

    def to_json(self) -> str:
        """Return the record as one line of JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False)


class Table(Record):
    """A record that can also be a table, with one row per face, or one empty row."""

    __slots__ = ()

    def to_dataframe(self, *, format: tables.Format = "tidy") -> "pd.DataFrame":  # noqa: A002
        """Return the faces as a pandas data frame.

        Args:
            format: "tidy"; or "pyfeat", with py-feat's columns and NaN rows. See `mien.tables`.

        Raises:
            MissingExtraError: pandas is not installed: `pip install 'mien[tables]'`.
        """
        return tables.to_dataframe([self], format=format)

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the faces as a table, CSV; needs no pandas. Features are left out.

        Raises:
            OutputError: The file cannot be written.
        """
        record = self.to_dict()
        tables.write_csv(path, [record], tables.find_emotions([record]))

    def to_parquet(self, path: str | os.PathLike[str]) -> None:
        """Write the faces as a table, Parquet.

        Raises:
            MissingExtraError: pyarrow is not installed: `pip install 'mien[tables]'`.
            OutputError: The file cannot be written.
        """
        record = self.to_dict()
        features = tables.have_features([record])
        tables.write_parquet(path, [record], tables.find_emotions([record]), features=features)


def labels_entry(labels: str | None) -> dict[str, str]:
    """Return the JSON entry for the labels that a model predicts, if known."""
    return {} if labels is None else {"labels": labels}


def round_probabilities(probabilities: Mapping[str, float] | None) -> dict[str, float] | None:
    """Round probabilities for JSON, to 8 decimals."""
    if probabilities is None:
        return None
    return {name: round(value, 8) for name, value in probabilities.items()}
