"""Turn labelled images without splits into splits that share no copies."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

VALIDATION_FRACTION: Final = 0.1
TEST_FRACTION: Final = 0.1


def hash_image(image: NDArray[np.uint8]) -> bytes:
    """Make a key that images share exactly if they are copies: SHA-256 of the grey levels."""
    return hashlib.sha256(image.tobytes()).digest()


def hold_out(
    images: Sequence[NDArray[np.uint8]],
    labels: Sequence[int],
    fractions: Mapping[str, float],
    *,
    seed: int,
) -> list[str]:
    """Cut images into "train" and the splits asked for, the same share of every class.

    Copies stay together, also if their labels differ. Which images are held out depends on their
    pixels and the seed alone, not on file names or their order: it is the same everywhere. A class
    gives every split at least one image as soon as it has one for each.

    Args:
        images: N images, (H, W) uint8.
        labels: N class indices.
        fractions: The share of each split but train, above 0 and below 1 in all.
        seed: Another seed gives another cut.

    Returns:
        N names of splits.
    """
    groups: defaultdict[bytes, list[int]] = defaultdict(list)
    for index, image in enumerate(images):
        groups[hash_image(image)].append(index)

    # Copies stay together, and a group counts once, for the first of its labels.
    classes: defaultdict[int, list[bytes]] = defaultdict(list)
    for key, members in groups.items():
        classes[min(labels[index] for index in members)].append(key)

    splits = ["train"] * len(images)
    salt = str(seed).encode()

    # The order of the hashes is as good as a random one, and new pictures do not change it.
    for keys in classes.values():
        keys.sort(key=lambda key: hashlib.sha256(salt + key).digest())
        rest = iter(keys)
        for split, fraction in fractions.items():
            count = max(round(fraction * len(keys)), int(len(keys) > len(fractions)))
            for _ in range(count):
                for index in groups[next(rest)]:
                    splits[index] = split
    return splits
