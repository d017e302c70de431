"""Read and write tables of predictions.

From a `predictions.csv`, anyone can recompute all metrics or compare two models face by face,
without running them again.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.data.datasets import Floats, Labels
from mien.errors import DataError
from mien.tables.spreadsheet import CsvWriter, unescape

_COLUMNS: Final = ("path", "label", "predicted", "copy_in_train")
_YES_NO: Final = {"yes": True, "no": False}


@dataclass(frozen=True)
class Predictions:
    """A model's predictions for labelled faces.

    Attributes:
        class_names: C class names, in the order of the columns.
        paths: N unique names of faces.
        labels: (N,) indices into `class_names`.
        probabilities: (N, C), rows sum to 1.
        copies: (N,) whether the face has an exact duplicate in train; None if unknown.
    """

    class_names: tuple[str, ...]
    paths: tuple[str, ...]
    labels: Labels
    probabilities: Floats
    copies: NDArray[np.bool_] | None = None

    @property
    def predicted(self) -> Labels:
        """Most probable class of each face, (N,) indices into `class_names`."""
        predicted: Labels = self.probabilities.argmax(axis=1)
        return predicted

    @property
    def confidence(self) -> Floats:
        """Probability of that class, (N,)."""
        confidence: Floats = self.probabilities.max(axis=1)
        return confidence

    def to_csv(self) -> str:
        """Write the table: path, label, predicted, copy_in_train, and a column per class."""
        text = io.StringIO()
        writer = CsvWriter(text)
        writer.row((*_COLUMNS, *self.class_names))
        names = self.class_names
        for i, (path, label, predicted) in enumerate(
            zip(self.paths, self.labels, self.predicted, strict=True)
        ):
            copy = "" if self.copies is None else ("yes" if self.copies[i] else "no")
            row = (f"{value:.9g}" for value in self.probabilities[i])
            writer.row((path, names[label], names[predicted], copy, *row))
        return text.getvalue()


def read_predictions(path: Path) -> Predictions:
    """Read a `predictions.csv` written by `mien evaluate`.

    Args:
        path: The table, optionally compressed with gzip, `.csv.gz`.

    Raises:
        DataError: The file cannot be read, or is not a table of predictions.
    """
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        table = csv.reader(io.StringIO(content.decode("utf-8")))
        rows = [[unescape(cell) for cell in row] for row in table]
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as a table of predictions: {error}") from error

    if not rows or tuple(rows[0][: len(_COLUMNS)]) != _COLUMNS:
        raise DataError(
            f"{path} does not start with the columns {', '.join(_COLUMNS)}; "
            "pass a predictions.csv written by `mien evaluate`"
        )

    try:
        return _parse(tuple(rows[0][len(_COLUMNS) :]), rows[1:])
    except (ValueError, KeyError, IndexError) as error:
        raise DataError(
            f"{path} is damaged ({error}); write it again with `mien evaluate`"
        ) from error


def _parse(class_names: tuple[str, ...], rows: Sequence[Sequence[str]]) -> Predictions:
    index = {name: i for i, name in enumerate(class_names)}
    start = len(_COLUMNS)
    probabilities = np.array([[float(value) for value in row[start:]] for row in rows])
    if not rows or probabilities.shape != (len(rows), len(class_names)):
        raise ValueError(f"{len(rows)} rows of {len(class_names)} probabilities were expected")
    if not np.allclose(probabilities.sum(axis=1), 1, atol=1e-4):
        raise ValueError("a row of probabilities does not sum to 1")

    paths = tuple(row[0] for row in rows)
    if len(set(paths)) != len(paths):
        raise ValueError("a path occurs twice")

    known = all(row[3] in _YES_NO for row in rows)
    return Predictions(
        class_names=class_names,
        paths=paths,
        labels=np.array([index[row[1]] for row in rows], dtype=np.int64),
        probabilities=probabilities / probabilities.sum(axis=1, keepdims=True),
        copies=np.array([_YES_NO[row[3]] for row in rows]) if known else None,
    )
