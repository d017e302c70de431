"""Measure how far several raters agree with each other, and with a dataset's labels."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.data.datasets import Dataset
from mien.data.finding import Finding
from mien.data.votes import NO_WORD, read_votes
from mien.errors import DataError, MissingExtraError, require_extra

VOTES_NAME: Final = "votes.csv"
"""The table of votes that is looked for in a dataset's folder, or next to it."""
MOSTLY_AGREE: Final = 0.5
"""Share of a class's faces whose label is the raters' plurality, below which it is a warning."""


@dataclass(frozen=True)
class RaterAgreement:
    """Fleiss' kappa of several raters.

    Attributes:
        items: How many faces it is computed from: those with the most common number of raters.
        raters: That number.
        kappa: Fleiss' kappa over all words; None where every vote is for the same word.
        by_word: The same for each word against all others.
    """

    items: int
    raters: int
    kappa: float | None
    by_word: Mapping[str, float | None]


@dataclass(frozen=True)
class VoteReport:
    """The votes on a dataset's faces.

    Attributes:
        faces: Faces of the dataset with votes.
        without: Faces without votes.
        unknown: Rows of the table for faces that the dataset does not have.
        no_face: Pictures that more than half of the raters called no face.
        labels_agree: For each class, the share of its faces whose plurality is the label; None
            where the votes choose no word.
        raters: How far the raters agree; None where that is not known.
        unknown_raters: Why it is not known; None where it is.
    """

    faces: int
    without: int
    unknown: int
    no_face: int
    labels_agree: Mapping[str, float | None]
    raters: RaterAgreement | None
    unknown_raters: str | None = None


def find_votes(path: Path) -> Path | None:
    """Find the table of votes of a folder or file with faces: in the folder, or next to it."""
    places = [path / VOTES_NAME, path.parent / VOTES_NAME] if path.is_dir() else []
    places = places or [path.parent / VOTES_NAME]
    return next((place for place in places if place.is_file() and place != path), None)


def report_votes(table: Path, dataset: Dataset) -> VoteReport:
    """Compare the votes of a table with each other and with a dataset's labels.

    Args:
        table: Votes by path, as `mien.data.votes.read_votes` takes them.
        dataset: The faces.

    Raises:
        DataError: The table cannot be read.
    """
    votes = read_votes(table, dataset.class_names)
    paths = [path for split in dataset.splits.values() for path in split.paths]
    labels = np.concatenate([split.labels for split in dataset.splits.values()])
    asked = votes.of(paths)
    has_votes = asked.totals > 0

    chosen = asked.plurality()
    agree = {}
    for number, name in enumerate(dataset.class_names):
        own = chosen[(labels == number) & (chosen != NO_WORD)]
        agree[name] = float((own == number).mean()) if len(own) else None

    raters, why = None, "no face has the votes of two people"
    try:
        raters = measure_raters(np.column_stack([asked.counts, asked.others]), asked.class_names)
    except MissingExtraError as error:
        why = str(error)
    return VoteReport(
        faces=int(has_votes.sum()),
        without=int((~has_votes).sum()),
        unknown=len(set(votes.paths) - set(paths)),
        no_face=int(asked.mostly_no_face().sum()),
        labels_agree=agree,
        raters=raters,
        unknown_raters=None if raters else why,
    )


def measure_raters(counts: NDArray[np.integer], words: tuple[str, ...]) -> RaterAgreement | None:
    """Measure how far raters agree beyond chance, by Fleiss' kappa (1971, doi 10.1037/h0031619).

    Fleiss' kappa needs the same number of raters everywhere. Where it varies, only faces with the
    most common number count.

    Args:
        counts: (N, C) how many raters chose each of C answers; the first are `words`.
        words: The words.

    Returns:
        The agreement; None where no face has two raters.

    Raises:
        MissingExtraError: statsmodels is not installed.
    """
    totals = counts.sum(axis=1)
    several = totals[totals >= 2]
    if not len(several):
        return None
    raters = int(np.bincount(several).argmax())
    kept = counts[totals == raters]
    by_word = {
        word: find_fleiss_kappa(np.column_stack([kept[:, n], raters - kept[:, n]]))
        for n, word in enumerate(words)
    }
    return RaterAgreement(len(kept), raters, find_fleiss_kappa(kept), by_word)


def find_fleiss_kappa(counts: NDArray[np.integer]) -> float | None:
    """Find Fleiss' kappa.

    Args:
        counts: (N, C), each row summing to the same number of raters.

    Returns:
        The coefficient, at most 1; None where every vote is for the same answer.

    Raises:
        MissingExtraError: statsmodels is not installed.
    """
    try:
        from statsmodels.stats.inter_rater import fleiss_kappa
    except ImportError as error:
        raise require_extra("study", "agreement of raters", "statsmodels") from error
    if np.count_nonzero(counts.sum(axis=0)) < 2:
        return None
    return float(fleiss_kappa(counts))


def judge_votes(
    dataset: Dataset, table: Path | None
) -> tuple[VoteReport | None, tuple[Finding, ...]]:
    """Compare raters with each other and with the labels.

    Returns:
        The report, and what it means for the dataset; a table that does not fit is a warning.
    """
    if table is None:
        return None, ()
    try:
        report = report_votes(table, dataset)
    except DataError as error:
        return None, (Finding("warning", f"{table.name} is not used", f"{error}."),)
    return report, tuple(_find_in_votes(table.name, report))


def _find_in_votes(name: str, report: VoteReport) -> Iterator[Finding]:
    """Find what the votes say against the labels, and how far the raters agree."""
    apart = {
        word: share
        for word, share in report.labels_agree.items()
        if share is not None and share < MOSTLY_AGREE
    }
    if apart:
        told = ", ".join(f"{word} {share:.0%}" for word, share in apart.items())
        yield Finding(
            "warning",
            f"raters mostly disagree with the labels of {', '.join(apart)}",
            f"Share of these faces whose label is the raters' most frequent answer: {told}.",
        )

    if report.no_face or report.unknown:
        yield Finding(
            "warning",
            f"{name}: {report.no_face:,} pictures are no face to most raters, {report.unknown:,} "
            "rows are of no picture here",
            "Paths must be written as in the dataset.",
        )

    agreement = report.raters
    told = report.unknown_raters or ""
    if agreement is not None:
        told = (
            f"Fleiss' kappa {_write_kappa(agreement.kappa)} from {agreement.items:,} faces with "
            f"{agreement.raters} raters each; by word: "
            + ", ".join(f"{word} {_write_kappa(k)}" for word, k in agreement.by_word.items())
            + "."
        )
    yield Finding("note", f"{name} has votes on {report.faces:,} faces", told)


def _write_kappa(kappa: float | None) -> str:
    return "unknown" if kappa is None else f"{kappa:.2f}"
