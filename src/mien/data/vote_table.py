"""Join published votes with their faces, and write them as a table by path.

FER+ publishes `fer2013new.csv`: one row for each row of `fer2013.csv`, without paths. With that
table, votes are joined by row. Kaggle's zip and folder contain the same pictures under other
names, as JPEG: these are joined by comparing pixels with `fer2013.csv`.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.data.datasets import Dataset, Labels
from mien.data.votes import OTHERS, Votes, find_columns, read_votes
from mien.errors import DataError, describe_error

ALIKE: Final = 0.99
"""Minimum correlation between a picture and its JPEG version."""
_BLOCK: Final = 512  # pictures compared at once, so that the correlations fit in memory


@dataclass(frozen=True)
class Join:
    """Votes joined with a dataset.

    Attributes:
        votes: Votes for each joined face, by its path in the dataset.
        unjoined: Paths of the faces without votes.
    """

    votes: Votes
    unjoined: tuple[str, ...]


def join_votes(table: Path, dataset: Dataset, pixels: Dataset | None = None) -> Join:
    """Join a table of votes with a dataset.

    Args:
        table: Votes by path, or FER+'s `fer2013new.csv`, by row.
        dataset: The faces.
        pixels: `fer2013.csv`, if the votes are by row and the dataset is not that table itself.

    Raises:
        DataError: The table cannot be read, or is by row and there is no `fer2013.csv`.
    """
    paths = [path for split in dataset.splits.values() for path in split.paths]
    if not _goes_by_row(table):
        votes = read_votes(table, dataset.class_names)
        return _gather(votes, paths, paths)

    by_row = _read_by_row(table, dataset.class_names)
    source = dataset if pixels is None else pixels
    rows = {path: _row_of(path) for split in source.splits.values() for path in split.paths}
    if None in rows.values():
        raise DataError(
            f"{table} refers to rows of fer2013.csv, but {source.source} has none; pass that "
            "table, too, with --pixels fer2013.csv"
        )
    if max(row for row in rows.values() if row is not None) >= len(by_row.paths):
        raise DataError(
            f"{table} has {len(by_row.paths):,} rows, fewer than {source.source}, so it does not "
            "belong to this table"
        )
    if pixels is None:
        return _gather(by_row, paths, [str(rows[path]) for path in paths])
    twins = find_twins(dataset, pixels)
    return _gather(by_row, paths, [str(rows.get(twins.get(path, ""))) for path in paths])


def write_votes(votes: Votes) -> str:
    """Write votes as a CSV table: path, the words, and `OTHERS`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("path", *votes.class_names, *OTHERS))
    for path, counts, others in zip(votes.paths, votes.counts, votes.others, strict=True):
        writer.writerow((path, *counts.tolist(), *others.tolist()))
    return text.getvalue()


def find_twins(dataset: Dataset, pixels: Dataset) -> dict[str, str]:
    """Match each picture of a dataset with the same picture in another version of it.

    Only pictures of the same split and class are compared. If several match, the first unused one
    is taken.

    Returns:
        The path in `pixels` for each path in `dataset` that has a match.
    """
    twins = {}
    for name, split in dataset.splits.items():
        other = pixels.splits.get(name)
        if other is None:
            continue
        for label, word in enumerate(dataset.class_names):
            if word not in pixels.class_names:
                continue
            own = np.flatnonzero(split.labels == label)
            theirs = np.flatnonzero(other.labels == pixels.class_names.index(word))
            for left, right in _pair(split.images[own], other.images[theirs]):
                twins[split.paths[own[left]]] = other.paths[theirs[right]]
    return twins


def _pair(images: NDArray[np.uint8], others: NDArray[np.uint8]) -> Iterator[tuple[int, int]]:
    """Pair pictures (N, H, W) with the most similar of others (M, H, W), each used once."""
    if not len(images) or not len(others):
        return
    taken: defaultdict[int, int] = defaultdict(int)
    wanted = _normalize(others)
    for start in range(0, len(images), _BLOCK):
        alike = _normalize(images[start : start + _BLOCK]) @ wanted.T  # (B, M)
        for row, correlations in enumerate(alike):
            best = np.flatnonzero(correlations >= max(ALIKE, correlations.max() - 1e-4))
            if len(best):
                chosen = min(best.tolist(), key=lambda index: taken[index])
                taken[chosen] += 1
                yield start + row, chosen


def _normalize(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Flatten pictures to mean 0 and length 1, (N, H x W); blank ones become zeros."""
    flat = images.reshape(len(images), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(flat, axis=1, keepdims=True)
    normalized: NDArray[np.float32] = (flat / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return normalized


def _goes_by_row(table: Path) -> bool:
    """Return whether a table of votes is FER+'s own, which has no paths."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            header = next(csv.reader(file), [])
    except OSError as error:
        raise DataError(f"the votes {table} cannot be read: {describe_error(error)}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"the votes {table} are not a CSV table: {error}") from error
    return "path" not in header and "Usage" in header


def _read_by_row(table: Path, class_names: tuple[str, ...]) -> Votes:
    """Read FER+'s table; a face is named by its row number, from 0."""
    with table.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        columns = find_columns(table, reader.fieldnames or (), class_names, key="Usage")
        try:
            counts = [[int(row[name]) for name in (*columns, *OTHERS)] for row in reader]
        except (KeyError, ValueError, TypeError) as error:
            raise DataError(
                f"the votes {table} have a cell that is not a count in line {reader.line_num}"
            ) from error
    found = np.array(counts, dtype=np.int64).reshape(len(counts), len(columns) + len(OTHERS))
    names = tuple(str(row) for row in range(len(counts)))
    return Votes(names, class_names, found[:, : len(columns)], found[:, len(columns) :])


def _row_of(path: str) -> int | None:
    """Return the row number, from 0, of a path such as fer2013.csv/PublicTest/000007."""
    *folders, line = path.split("/")
    return int(line) - 2 if folders and ".csv" in folders[0] and line.isdigit() else None


def _gather(votes: Votes, paths: Sequence[str], keys: Sequence[str]) -> Join:
    """Assign votes to faces by their keys, and list the faces that have none."""
    found = votes.of(keys)
    joined = found.totals > 0
    names = tuple(path for path, has in zip(paths, joined, strict=True) if has)
    counts: Labels = found.counts[joined]
    kept = Votes(names, votes.class_names, counts, found.others[joined])
    return Join(kept, tuple(path for path, has in zip(paths, joined, strict=True) if not has))
