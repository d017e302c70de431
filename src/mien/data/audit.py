"""Turn a dataset into its faults, the gravest first, and refuses the worst of them."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from mien.data.appearance import Mismatch
from mien.data.datasets import Dataset
from mien.data.duplicates import NEAR_CORRELATION, NEAR_LIMIT
from mien.data.inventory import Inventory, take_inventory
from mien.errors import DataError

SCHEMA: Final = 1
MOSTLY_COPIES: Final = 0.5
"""From this share of a split on, copies of train images are a fault, and not just a leak."""
IMBALANCE: Final = 5.0
"""From so many times on, the largest and the smallest class of train are called unbalanced."""

_LOWER: Final = {  # what to call a split with less of a measure: mildly, severely
    "sharpness": ("less sharp", "blurred"),
    "brightness": ("darker", "much darker"),
    "contrast": ("lower in contrast", "much lower in contrast"),
}

Gravity = Literal["fault", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """One thing about a dataset that its user should know.

    Attributes:
        gravity: A "fault" should stop a training; a "warning" changes what figures mean; a "note"
            is what the loader decided.
        title: What is the matter, in a few words.
        detail: The figures, and what to do.
    """

    gravity: Gravity
    title: str
    detail: str


@dataclass(frozen=True)
class DatasetAudit:
    """What is in a dataset, and what is the matter with it.

    Attributes:
        inventory: The counts that the findings rest on.
        findings: The gravest first.
    """

    inventory: Inventory
    findings: tuple[Finding, ...]

    @property
    def faults(self) -> tuple[Finding, ...]:
        """The findings that should stop a training."""
        return tuple(finding for finding in self.findings if finding.gravity == "fault")

    def train_copies(self, split: str) -> NDArray[np.bool_]:
        """Mark the images of a split that have an exact copy in train.

        Args:
            split: The name of a split that the dataset has.

        Returns:
            (N,) bool, in the order of the split's images. For "train" itself: another copy.

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
        """Give everything as plain JSON values, the same for the same data."""
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
        }


def audit_dataset(dataset: Dataset) -> DatasetAudit:
    """Look a dataset through for what would spoil a training or its figures.

    Needs numpy only. FER2013's 35,887 images take some seconds.

    Args:
        dataset: With one split or more.
    """
    inventory = take_inventory(dataset)
    found = [
        *_judge_looks(inventory),
        *_judge_splits(inventory),
        *_judge_copies(inventory),
        *_judge_images(inventory),
        *_judge_balance(inventory),
        *(Finding("note", note, "") for note in inventory.notes),
    ]
    order = {"fault": 0, "warning": 1, "note": 2}
    return DatasetAudit(inventory, tuple(sorted(found, key=lambda one: order[one.gravity])))


def check_trainable(audit: DatasetAudit) -> None:
    """Refuse a dataset that a training should not begin with.

    Args:
        audit: Of the dataset.

    Raises:
        DataError: The audit found a fault: splits that do not look alike, no train or validation
            split, a class without train images, or a split that mostly repeats train.
    """
    if audit.faults:
        more = f" (and {len(audit.faults) - 1} more)" if len(audit.faults) > 1 else ""
        raise DataError(
            f"{audit.inventory.source} should not be trained on: {audit.faults[0].title}{more}; "
            "`mien data audit` says more."
        )


def _judge_looks(inventory: Inventory) -> Iterator[Finding]:
    """Say which splits do not look alike; a split that differs from two is named once."""
    by_split: dict[tuple[bool, str, str], list[Mismatch]] = {}
    for mismatch in inventory.mismatches:
        key = (mismatch.severe, mismatch.measure, mismatch.lower)
        by_split.setdefault(key, []).append(mismatch)

    for (severe, measure, lower), mismatches in by_split.items():
        others = " and ".join(f"{one.higher_median:,.0f} in {one.higher}" for one in mismatches)
        share = min(one.share for one in mismatches)
        yield Finding(
            "fault" if severe else "warning",
            f"splits do not look alike: {lower} is {_LOWER[measure][severe]}, its median "
            f"{measure} {mismatches[0].lower_median:,.0f} against {others}",
            f"Of two images, one from each, that of {lower} has less {measure} in {share:.1%} of "
            "all pairs (50% where splits are alike). What is learnt on one kind of picture is "
            "judged on another: get an unaltered copy, or treat all splits the same way.",
        )


def _judge_splits(inventory: Inventory) -> Iterator[Finding]:
    """Say which splits, and which classes in them, are missing."""
    for split in ("train", "validation", "test"):
        if split not in inventory.counts:
            needed = split != "test"
            yield Finding(
                "fault" if needed else "warning",
                f"there is no {split} split",
                "A training needs train and validation."
                if needed
                else "Without images that no choice was made on, there is no honest figure.",
            )

    for split, counts in inventory.counts.items():
        empty = [name for name, count in counts.items() if not count]
        if empty:
            yield Finding(
                "fault" if split == "train" else "warning",
                f"{split} has no images of {', '.join(empty)}",
                "What a model never saw, it cannot name."
                if split == "train"
                else "Figures over all classes mean less there.",
            )


def _judge_copies(inventory: Inventory) -> Iterator[Finding]:
    """Say how much the splits share, and what copies contradict each other."""
    for split in ("test", "validation"):
        exact = inventory.copies.get(split, {}).get("train", 0)
        near = (inventory.near_copies or inventory.copies).get(split, {}).get("train", 0)
        if exact:
            share = exact / inventory.size(split)
            more = f", and {near - exact:,} more a near copy" if near > exact else ""
            yield Finding(
                "fault" if share >= MOSTLY_COPIES else "warning",
                f"{exact:,} of {inventory.size(split):,} {split} images ({share:.1%}) are in "
                "train too",
                f"They have an exact copy there{more}. Figures on {split} are too good: give "
                "them without train copies as well.",
            )
        elif near:
            yield Finding(
                "warning",
                f"{near:,} of {inventory.size(split):,} {split} images have a near copy in train",
                f"Their grey levels correlate above {NEAR_CORRELATION}: frames of one video, or "
                f"one photo cut twice? Figures on {split} are too good.",
            )

    if inventory.conflicts:
        count = sum(len(group.paths) for group in inventory.conflicts)
        classes = ", ".join(sorted(set(inventory.conflicts[0].classes)))
        yield Finding(
            "warning",
            f"{len(inventory.conflicts):,} groups of copies have conflicting labels",
            f"{count:,} images, e.g. {inventory.conflicts[0].paths[0]}, whose copies are called "
            f"{classes}.",
        )

    if inventory.near_copies is None:
        yield Finding(
            "note",
            "near copies were not searched",
            f"That is done for up to {NEAR_LIMIT:,} distinct images.",
        )


def _judge_images(inventory: Inventory) -> Iterator[Finding]:
    """Say which images are of no use."""
    total = sum(inventory.size(split) for split in inventory.counts)
    if inventory.broken:
        yield Finding(
            "warning",
            f"{_count_of('file', len(inventory.broken))} broken and left out ({total:,} are used)",
            "Each is named with its reason. The rest is read as if they were not there.",
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
    """Say what fills train without teaching much."""
    if inventory.redundant:
        within = inventory.redundant_within.get("train", 0)
        yield Finding(
            "warning",
            f"{_count_of('image', inventory.redundant)} redundant",
            f"Exact copies beyond the first of each; {within:,} of them inside train alone. "
            "Before cutting splits of your own, keep copies together.",
        )

    counts = {name: n for name, n in inventory.counts.get("train", {}).items() if n}
    if counts and max(counts.values()) >= IMBALANCE * min(counts.values()):
        large, small = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
        yield Finding(
            "warning",
            f"train has {counts[large] / counts[small]:.1f} times as many images of {large} as "
            f"of {small}",
            f"{counts[large]:,} against {counts[small]:,}. Read macro-F1 beside accuracy.",
        )
