"""Find the faults of a dataset, most severe first, and reject unusable datasets."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mien.data.appearance import Mismatch
from mien.data.datasets import Dataset
from mien.data.duplicates import NEAR_CORRELATION, NEAR_LIMIT
from mien.data.finding import Finding
from mien.data.inventory import Inventory, take_inventory
from mien.data.raters import VoteReport, judge_votes
from mien.errors import DataError

SCHEMA: Final = 1
MOSTLY_COPIES: Final = 0.5
"""Share of a split from which duplicates of train images are a fault, not only a warning."""
IMBALANCE: Final = 5.0
"""Ratio of the largest to the smallest class from which train counts as unbalanced."""

_LOWER: Final = {  # words for a split with less of a measure: mild, severe
    "sharpness": ("less sharp", "blurred"),
    "brightness": ("darker", "much darker"),
    "contrast": ("lower in contrast", "much lower in contrast"),
}


@dataclass(frozen=True)
class DatasetAudit:
    """The contents of a dataset, and its problems.

    Attributes:
        inventory: The counts that the findings are based on.
        findings: Most severe first.
        votes: What several raters said of the faces; None if there are no votes.
    """

    inventory: Inventory
    findings: tuple[Finding, ...]
    votes: VoteReport | None = None

    @property
    def faults(self) -> tuple[Finding, ...]:
        """The findings that should prevent training."""
        return tuple(finding for finding in self.findings if finding.gravity == "fault")

    def train_copies(self, split: str) -> NDArray[np.bool_]:
        """Mark the images of a split that have an exact duplicate in train.

        Args:
            split: The name of a split that the dataset has.

        Returns:
            (N,) bool, in the order of the split's images. For "train" itself: another duplicate.

        Raises:
            DataError: The dataset has no such split.
        """
        marks = self.inventory.train_copies
        if split not in marks:
            raise DataError(
                f"{self.inventory.source} has no {split} split; it has {', '.join(marks)}"
            )
        return marks[split].copy()

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON values, the same for the same data."""
        inventory = self.inventory

        return {
            "schema": SCHEMA,
            "source": inventory.source,
            "class_names": list(inventory.class_names),
            "trainable": not self.faults,
            "findings": [asdict(finding) for finding in self.findings],
            "counts": {split: dict(counts) for split, counts in inventory.counts.items()},
            "broken": [asdict(file) for file in inventory.broken],
            "constant": {split: list(paths) for split, paths in inventory.constant.items()},
            "redundant": inventory.redundant,
            "redundant_within": dict(inventory.redundant_within),
            "copies": {split: dict(counts) for split, counts in inventory.copies.items()},
            "near_correlation": NEAR_CORRELATION,
            "near_copies": None
            if inventory.near_copies is None
            else {split: dict(counts) for split, counts in inventory.near_copies.items()},
            "conflicts": [
                {"paths": list(group.paths), "classes": list(group.classes)}
                for group in inventory.conflicts
            ],
            "looks": {split: dict(look) for split, look in inventory.looks.items()},
            "mismatches": [asdict(mismatch) for mismatch in inventory.mismatches],
            "notes": list(inventory.notes),
            "votes": None if self.votes is None else asdict(self.votes),
        }


def audit_dataset(dataset: Dataset, votes: Path | None = None) -> DatasetAudit:
    """Check a dataset for faults that would invalidate a training or its metrics.

    Requires only numpy; the agreement of raters also requires `mien[study]`. FER2013's 35,887
    images take a few seconds.

    Args:
        dataset: A dataset with at least one split.
        votes: A table of people's votes on these faces, by path.

    Returns:
        What was counted in each split, and the findings, most severe first.
    """
    inventory = take_inventory(dataset)
    asked, judged = judge_votes(dataset, votes)
    found = [
        *_judge_looks(inventory),
        *_judge_splits(inventory),
        *_judge_copies(inventory),
        *_judge_images(inventory),
        *_judge_balance(inventory),
        *judged,
        *(Finding("note", note, "") for note in inventory.notes),
    ]
    order = {"fault": 0, "warning": 1, "note": 2}
    return DatasetAudit(inventory, tuple(sorted(found, key=lambda one: order[one.gravity])), asked)


def check_trainable(audit: DatasetAudit) -> None:
    """Reject a dataset that should not be trained on.

    Args:
        audit: Audit of the dataset.

    Raises:
        DataError: The audit found a fault: splits that look different, no train or validation
            split, a class without train images, or a split that mostly duplicates train.
    """
    if audit.faults:
        more = f" (and {len(audit.faults) - 1} more)" if len(audit.faults) > 1 else ""
        raise DataError(
            f"{audit.inventory.source} should not be trained on: {audit.faults[0].title}{more}; "
            "run `mien data audit` for details."
        )


def _judge_looks(inventory: Inventory) -> Iterator[Finding]:
    """Find splits that look different; a split that differs from two others is reported once."""
    by_split: dict[tuple[bool, str, str], list[Mismatch]] = {}
    for mismatch in inventory.mismatches:
        key = (mismatch.severe, mismatch.measure, mismatch.lower)
        by_split.setdefault(key, []).append(mismatch)

    for (severe, measure, lower), mismatches in by_split.items():
        others = " and ".join(f"{one.higher_median:,.0f} in {one.higher}" for one in mismatches)
        share = min(one.share for one in mismatches)
        yield Finding(
            "fault" if severe else "warning",
            f"the splits look different: {lower} is {_LOWER[measure][severe]}, its median "
            f"{measure} {mismatches[0].lower_median:,.0f} against {others}",
            f"In {share:.1%} of all pairs of images, the one from {lower} has less {measure} "
            "(50% for "
            "splits that look alike). The model would be evaluated on another kind of picture "
            "than it "
            "was trained on: get the original dataset, or process all splits in the same way.",
        )


def _judge_splits(inventory: Inventory) -> Iterator[Finding]:
    """Find missing splits, and missing classes in them."""
    for split in ("train", "validation", "test"):
        if split not in inventory.counts:
            needed = split != "test"
            yield Finding(
                "fault" if needed else "warning",
                f"there is no {split} split",
                "Training requires train and validation."
                if needed
                else "Without held-out images, there is no unbiased figure.",
            )

    for split, counts in inventory.counts.items():
        empty = [name for name, count in counts.items() if not count]
        if empty:
            yield Finding(
                "fault" if split == "train" else "warning",
                f"{split} has no images of {', '.join(empty)}",
                "The model cannot learn a class without images."
                if split == "train"
                else "Averages over all classes mean less there.",
            )


def _judge_copies(inventory: Inventory) -> Iterator[Finding]:
    """Find duplicates across splits, and duplicates with conflicting labels."""
    for split in ("test", "validation"):
        exact = inventory.copies.get(split, {}).get("train", 0)
        near = (inventory.near_copies or inventory.copies).get(split, {}).get("train", 0)
        if exact:
            share = exact / inventory.size(split)
            more = f", and {near - exact:,} more a near duplicate" if near > exact else ""
            yield Finding(
                "fault" if share >= MOSTLY_COPIES else "warning",
                f"{exact:,} of {inventory.size(split):,} {split} images ({share:.1%}) are in "
                "train too",
                f"They have an exact duplicate there{more}. Figures on {split} are too optimistic: "
                "report "
                "them without these images as well.",
            )
        elif near:
            yield Finding(
                "warning",
                f"{near:,} of {inventory.size(split):,} {split} images have a near duplicate in "
                "train",
                f"Their grey levels correlate above {NEAR_CORRELATION}: they may be frames of "
                "one video, or "
                f"one photo cropped twice. Figures on {split} are too optimistic.",
            )

    if inventory.conflicts:
        count = sum(len(group.paths) for group in inventory.conflicts)
        classes = ", ".join(sorted(set(inventory.conflicts[0].classes)))
        yield Finding(
            "warning",
            f"{len(inventory.conflicts):,} groups of duplicates have conflicting labels",
            f"{count:,} images, e.g. {inventory.conflicts[0].paths[0]}, whose duplicates are "
            f"labelled {classes}.",
        )

    if inventory.near_copies is None:
        yield Finding(
            "note",
            "near duplicates were not searched",
            f"The search is limited to {NEAR_LIMIT:,} distinct images.",
        )


def _judge_images(inventory: Inventory) -> Iterator[Finding]:
    """Find unusable images."""
    total = sum(inventory.size(split) for split in inventory.counts)
    if inventory.broken:
        yield Finding(
            "warning",
            f"{_count_of('file', len(inventory.broken))} corrupt and left out ({total:,} are used)",
            "They are listed with the reason. The other files are used.",
        )
    constant = {split: len(paths) for split, paths in inventory.constant.items() if paths}
    if constant:
        yield Finding(
            "warning",
            f"{_count_of('image', sum(constant.values()))} of one grey level",
            f"{', '.join(f'{count:,} in {split}' for split, count in constant.items())}.",
        )


def _count_of(noun: str, count: int) -> str:
    return f"1 {noun} is" if count == 1 else f"{count:,} {noun}s are"


def _judge_balance(inventory: Inventory) -> Iterator[Finding]:
    """Find redundancy and imbalance in train."""
    if inventory.redundant:
        within = inventory.redundant_within.get("train", 0)
        yield Finding(
            "warning",
            f"{_count_of('image', inventory.redundant)} redundant",
            f"Exact duplicates beyond the first of each; {within:,} of them within train. If you "
            "create your own splits, keep duplicates together.",
        )

    counts = {name: n for name, n in inventory.counts.get("train", {}).items() if n}
    if counts and max(counts.values()) >= IMBALANCE * min(counts.values()):
        large, small = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
        yield Finding(
            "warning",
            f"train has {counts[large] / counts[small]:.1f} times as many images of {large} as "
            f"of {small}",
            f"{counts[large]:,} and {counts[small]:,}. Report macro-F1 besides accuracy.",
        )
