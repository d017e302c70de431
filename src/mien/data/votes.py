"""Read people's votes on faces, and derive labels from them.

FER+ (Barsoum et al. 2016, arXiv 1608.01041) asked ten people about each face of FER2013. A table of
votes has a column `path` and one for each answer: the data's class names or FER+'s names for them,
and any of `OTHERS`.

The protocol is fixed. `Votes.plurality` is the word with the most votes, if any word has one; other
answers are ignored. `Votes.majority` drops answers with a single vote, as FER+ does; a word must
then have more than half of the remaining votes, including other answers. `Votes.shares` is the
distribution of the votes over the words, including single votes.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.data.datasets import Floats, Labels, Split
from mien.errors import DataError, describe_error

FER_PLUS_WORDS: Final[Mapping[str, str]] = {
    "angry": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happiness",
    "neutral": "neutral",
    "sad": "sadness",
    "surprise": "surprise",
}
"""FER2013's words, and FER+'s names for them."""
OTHERS: Final = ("contempt", "unknown", "NF")
"""Further answers: one more word, "I do not know", and "not a face"."""
NO_WORD: Final = -1
"""Label of a face for which the votes choose no word."""


@dataclass(frozen=True)
class Votes:
    """Number of people who chose each of K words for each of N faces.

    Attributes:
        paths: N names of faces, as in the dataset.
        class_names: K words, in the order of the columns of `counts`.
        counts: (N, K) int64.
        others: (N, 3) int64, the votes for each of `OTHERS`.
    """

    paths: tuple[str, ...]
    class_names: tuple[str, ...]
    counts: Labels
    others: Labels

    @property
    def totals(self) -> Labels:
        """Return the number of votes for each face, (N,); 0 if nobody was asked."""
        totals: Labels = self.counts.sum(axis=1) + self.others.sum(axis=1)
        return totals

    def of(self, paths: Sequence[str]) -> "Votes":
        """Return the votes for some faces, in this order; zeros for faces without votes."""
        rows = {path: row for row, path in enumerate(self.paths)}
        found = np.array([rows.get(path, -1) for path in paths], dtype=np.int64)
        known = (found >= 0)[:, np.newaxis]
        counts = np.where(known, self.counts[found], 0) if rows else self._zeros(len(paths))
        others = np.where(known, self.others[found], 0) if rows else np.zeros((len(paths), 3), int)
        return Votes(tuple(paths), self.class_names, counts, others)

    def _zeros(self, faces: int) -> Labels:
        return np.zeros((faces, len(self.class_names)), dtype=np.int64)

    def shares(self) -> Floats:
        """Return each word's share of the votes for any word, (N, K).

        Rows sum to 1, or to 0 if no word has a vote.
        """
        shares: Floats = self.counts / np.maximum(self.counts.sum(axis=1, keepdims=True), 1)
        return shares

    def shares_of_all(self) -> Floats:
        """Return each word's share of all votes on a face, (N, K); rows sum to at most 1."""
        shares: Floats = self.counts / np.maximum(self.totals, 1)[:, np.newaxis]
        return shares

    def plurality(self) -> Labels:
        """Return the word with the most votes, (N,) indices.

        The first one if tied, in the order of `class_names`; `NO_WORD` if no word has a vote.
        """
        chosen: Labels = np.where(self.counts.any(axis=1), self.counts.argmax(axis=1), NO_WORD)
        return chosen

    def majority(self) -> Labels:
        """Return the word chosen by a majority, (N,) indices, `NO_WORD` if there is none.

        Single votes are dropped first; a word then needs more than half of the remaining votes,
        including those for `OTHERS`.
        """
        counts, others = _drop_singles(self.counts), _drop_singles(self.others)
        half = (counts.sum(axis=1) + others.sum(axis=1)) / 2
        chosen: Labels = np.where(counts.max(axis=1) > half, counts.argmax(axis=1), NO_WORD)
        return chosen

    def with_contempt(self) -> "Votes":
        """Return the votes with contempt as one more word, FER+'s eighth and last."""
        counts = np.column_stack([self.counts, self.others[:, 0]])
        others = self.others * np.array([0, 1, 1])
        return Votes(self.paths, (*self.class_names, OTHERS[0]), counts, others)

    def mostly_no_face(self) -> NDArray[np.bool_]:
        """Mark, (N,), the pictures that more than half of the annotators called no face."""
        marked: NDArray[np.bool_] = self.others[:, OTHERS.index("NF")] * 2 > self.totals
        return marked


def label_by_plurality(faces: Split, votes: Votes) -> Split:
    """Return the faces for which a word has votes, each labelled with the one that has the most.

    Args:
        faces: Some faces.
        votes: Votes on them, among others; labels become indices into its `class_names`.

    Raises:
        DataError: No face has a vote for a word.
    """
    chosen = votes.of(faces.paths).plurality()
    kept = np.flatnonzero(chosen != NO_WORD)
    if not len(kept):
        raise DataError("the votes match no face of the split; check their paths")
    return replace(faces.take(kept), labels=chosen[kept])


def _drop_singles(counts: Labels) -> Labels:
    dropped: Labels = np.where(counts > 1, counts, 0)
    return dropped


def read_votes(path: Path, class_names: tuple[str, ...]) -> Votes:
    """Read a table of votes.

    Args:
        path: A CSV file with the columns `path`, the classes' names or FER+'s names for them, and
            any of `OTHERS`.
        class_names: K names, the order of the columns of `counts`.

    Raises:
        DataError: The table cannot be read, lacks a class, or has a cell that is not a count.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = find_columns(path, reader.fieldnames or (), class_names)
            others = [name for name in OTHERS if name in (reader.fieldnames or ())]
            rows = [
                (
                    row["path"],
                    [_read_count(path, reader.line_num, row, c) for c in columns + others],
                )
                for row in reader
            ]
    except OSError as error:
        raise DataError(f"the votes {path} cannot be read: {describe_error(error)}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"the votes {path} are not a CSV table: {error}") from error

    paths = tuple(name for name, _ in rows)
    if len(set(paths)) < len(paths):
        twice = next(name for row, name in enumerate(paths) if name in paths[:row])
        raise DataError(f"the votes {path} have {twice} twice; keep one row for each face")

    table = np.array([counts for _, counts in rows], dtype=np.int64)
    table = table.reshape(len(rows), len(columns) + len(others))
    beside = np.zeros((len(rows), len(OTHERS)), dtype=np.int64)
    for column, name in enumerate(others, start=len(columns)):
        beside[:, OTHERS.index(name)] = table[:, column]
    return Votes(paths, class_names, table[:, : len(columns)], beside)


def find_columns(
    path: Path, header: Sequence[str], class_names: Sequence[str], *, key: str = "path"
) -> list[str]:
    """Find the column of each class in a table of votes, by its name or FER+'s.

    Raises:
        DataError: The key or a class has none.
    """
    columns = [name if name in header else FER_PLUS_WORDS.get(name, name) for name in class_names]
    for column in (key, *columns):
        if column not in header:
            raise DataError(
                f"the votes {path} have no column {column}; a table of votes has {key} and one "
                f"column for each of {', '.join(class_names)}"
                + ("; `mien data votes` converts fer2013new.csv to it" if key == "path" else "")
            )
    return columns


def _read_count(path: Path, line: int, row: Mapping[str, str | None], column: str) -> int:
    """Read one cell as a number of votes."""
    cell = (row[column] or "").strip()
    if not cell.isascii() or not cell.isdigit():
        raise DataError(
            f"the votes {path} have {cell[:20]!r} as {column} in line {line}, expected a whole "
            "number"
        )
    return int(cell)
