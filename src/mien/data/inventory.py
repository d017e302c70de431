"""Count the contents of a dataset: images, duplicates and conflicts, per class and split."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.data.appearance import MEASURES, Mismatch, compare_looks, measure_looks
from mien.data.datasets import BrokenFile, Dataset
from mien.data.duplicates import NEAR_LIMIT, find_near_copies, group_copies, is_constant


@dataclass(frozen=True)
class CopyGroup:
    """Exact duplicates of one image with conflicting labels.

    Attributes:
        paths: Paths of the duplicates.
        classes: Label of each duplicate.
    """

    paths: tuple[str, ...]
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Inventory:
    """The contents of a dataset.

    Attributes:
        source: The path it was read from.
        class_names: Class names, in the order of the labels.
        counts: Images per split and class.
        broken: Files and rows that could not be used, and why.
        notes: Decisions of the loader.
        constant: Paths of images of one grey level, per split.
        redundant: Number of redundant images: exact duplicates beyond the first of each.
        redundant_within: The same, counted within each split.
        copies: `copies[a][b]`: number of images of split a with an exact duplicate in split b.
        near_copies: The same for near duplicates, including exact ones. None if the dataset is too
            large for the search.
        conflicts: Groups of exact duplicates with more than one label.
        looks: Medians of `MEASURES` per split.
        mismatches: Pairs of splits that look different, worst first.
        train_copies: (N,) bool per split, whether train has an exact duplicate of the image.
    """

    source: str
    class_names: tuple[str, ...]
    counts: Mapping[str, Mapping[str, int]]
    broken: tuple[BrokenFile, ...]
    notes: tuple[str, ...]
    constant: Mapping[str, tuple[str, ...]]
    redundant: int
    redundant_within: Mapping[str, int]
    copies: Mapping[str, Mapping[str, int]]
    near_copies: Mapping[str, Mapping[str, int]] | None
    conflicts: tuple[CopyGroup, ...]
    looks: Mapping[str, Mapping[str, float]]
    mismatches: tuple[Mismatch, ...]
    train_copies: Mapping[str, NDArray[np.bool_]]

    def size(self, split: str) -> int:
        """Count the images of a split; 0 if the dataset has none."""
        return sum(self.counts.get(split, {}).values())


def take_inventory(dataset: Dataset) -> Inventory:
    """Count the contents of a dataset.

    Args:
        dataset: A dataset with at least one split.
    """
    splits = dataset.splits
    # Groups by hash, one entry per image, in the order of the splits.
    groups = group_copies([image for split in splits.values() for image in split.images])
    starts = np.cumsum([0, *(len(split.labels) for split in splits.values())])
    parts = {
        name: slice(start, end)
        for name, start, end in zip(splits, starts[:-1], starts[1:], strict=True)
    }
    copies, near_copies = _mark_copies(dataset, groups, parts)
    looks = {name: measure_looks(split.images) for name, split in splits.items()}
    return Inventory(
        source=dataset.source,
        class_names=dataset.class_names,
        counts={
            name: dict(zip(dataset.class_names, _count(split.labels, dataset), strict=True))
            for name, split in splits.items()
        },
        broken=dataset.broken,
        notes=dataset.notes,
        constant={
            name: tuple(split.paths[i] for i in np.flatnonzero(is_constant(split.images)))
            for name, split in splits.items()
        },
        redundant=_count_redundant(groups),
        redundant_within={name: _count_redundant(groups[part]) for name, part in parts.items()},
        copies=_count_marks(copies, parts),
        near_copies=None if near_copies is None else _count_marks(near_copies, parts),
        conflicts=_find_conflicts(dataset, groups),
        looks={
            name: {measure: round(float(np.median(look[measure])), 2) for measure in MEASURES}
            for name, look in looks.items()
        },
        mismatches=compare_looks(looks),
        train_copies={
            name: copies[part, list(splits).index("train")]
            if "train" in splits
            else np.zeros(len(splits[name].labels), dtype=np.bool_)
            for name, part in parts.items()
        },
    )


def _mark_copies(
    dataset: Dataset, groups: NDArray[np.int64], parts: Mapping[str, slice]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_] | None]:
    """Mark, (N, splits), which splits have an exact, and a near, duplicate of each image."""
    members = np.zeros((int(groups.max()) + 1, len(parts)), dtype=np.int64)
    own = np.zeros((len(groups), len(parts)), dtype=np.int64)
    for column, part in enumerate(parts.values()):
        members[:, column] = np.bincount(groups[part], minlength=len(members))
        own[part, column] = 1
    exact = members[groups] - own > 0
    if len(members) > NEAR_LIMIT:
        return exact, None
    firsts = np.unique(groups, return_index=True)[1]
    distinct = _pick(dataset, parts, firsts)
    return exact, exact | find_near_copies(distinct, members > 0)[groups]


def _pick(
    dataset: Dataset, parts: Mapping[str, slice], indices: NDArray[np.intp]
) -> NDArray[np.uint8]:
    """Select the images with these indices across all splits."""
    picked = [
        dataset.splits[name].images[
            indices[(indices >= part.start) & (indices < part.stop)] - part.start
        ]
        for name, part in parts.items()
    ]
    return np.concatenate(picked)


def _find_conflicts(dataset: Dataset, groups: NDArray[np.int64]) -> tuple[CopyGroup, ...]:
    """Find the groups of exact duplicates that have more than one label."""
    members: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)
    labelled = (
        (path, dataset.class_names[label])
        for split in dataset.splits.values()
        for path, label in zip(split.paths, split.labels, strict=True)
    )
    for group, member in zip(groups.tolist(), labelled, strict=True):
        members[group].append(member)
    return tuple(
        CopyGroup(tuple(path for path, _ in group), tuple(name for _, name in group))
        for group in members.values()
        if len({name for _, name in group}) > 1
    )


def _count(labels: NDArray[np.int64], dataset: Dataset) -> list[int]:
    counts: Sequence[int] = np.bincount(labels, minlength=len(dataset.class_names)).tolist()
    return list(counts)


def _count_marks(marks: NDArray[np.bool_], parts: Mapping[str, slice]) -> dict[str, dict[str, int]]:
    return {
        name: dict(zip(parts, marks[part].sum(axis=0).tolist(), strict=True))
        for name, part in parts.items()
    }


def _count_redundant(groups: NDArray[np.int64]) -> int:
    return len(groups) - len(np.unique(groups))
