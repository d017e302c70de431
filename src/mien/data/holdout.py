"""Create splits for labelled images, without duplicates across them."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

VALIDATION_FRACTION: Final = 0.1
TEST_FRACTION: Final = 0.1


def hash_image(image: NDArray[np.uint8]) -> bytes:
    """Return the SHA-256 of the grey levels, which duplicates share."""
    return hashlib.sha256(image.tobytes()).digest()


def hold_out(
    images: Sequence[NDArray[np.uint8]],
    labels: Sequence[int],
    fractions: Mapping[str, float],
    *,
    seed: int,
) -> list[str]:
    """Divide images into "train" and other splits, with the same share of every class.

    Duplicates stay together, even if their labels differ. Which images are held out depends only
    on their pixels and the seed, not on file names or order. A class with enough images has at
    least one in every split.

    Args:
        images: N images, (H, W) uint8.
        labels: N class indices.
        fractions: Share of each split except train, above 0, with a sum below 1.
        seed: Seed of the assignment.

    Returns:
        N split names.
    """
    groups: defaultdict[bytes, list[int]] = defaultdict(list)
    for index, image in enumerate(images):
        groups[hash_image(image)].append(index)

    # Duplicates stay together, and a group counts once, with the first of its labels.
    classes: defaultdict[int, list[bytes]] = defaultdict(list)
    for key, members in groups.items():
        classes[min(labels[index] for index in members)].append(key)

    splits = ["train"] * len(images)
    salt = str(seed).encode()

    # Sorting by hash is as good as random, and stable when pictures are added.
    for keys in classes.values():
        keys.sort(key=lambda key: hashlib.sha256(salt + key).digest())
        rest = iter(keys)
        for split, fraction in fractions.items():
            count = max(round(fraction * len(keys)), int(len(keys) > len(fractions)))
            for _ in range(count):
                for index in groups[next(rest)]:
                    splits[index] = split
    return splits
