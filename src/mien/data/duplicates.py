"""Find exact and near duplicates among images."""

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mien.data.holdout import hash_image

NEAR_CORRELATION: Final = 0.94
"""Two images are near duplicates if their grey levels have a higher Pearson correlation."""
NEAR_LIMIT: Final = 100_000
"""Maximum number of distinct images searched for near duplicates: the time grows quadratically."""

_SIDE: Final = 8  # of a fingerprint, the lowest 8 x 8 frequencies
_ROWS: Final = 1024
_COLUMNS: Final = 4096
_PAIRS: Final = 2048
_MANY: Final = 20_000  # with more candidates, comparing the whole block is faster
_SLACK: Final = 1e-4  # far above the rounding of float32


def group_copies(images: Iterable[NDArray[np.uint8]]) -> NDArray[np.int64]:
    """Number the images so that exactly the duplicates share a number.

    Args:
        images: N images, (H, W) uint8.

    Returns:
        (N,) int64, from 0 in the order of first appearance.
    """
    numbers: dict[bytes, int] = {}
    return np.array(
        [numbers.setdefault(hash_image(image), len(numbers)) for image in images], dtype=np.int64
    )


def find_originals(images: NDArray[np.uint8], held_out: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Mark the train images to keep: no blanks, no duplicates, no held-out images.

    Args:
        images: (N, H, W), training images.
        held_out: (M, H, W), evaluation images.

    Returns:
        (N,) bool: False for an image of one grey level, for one with an exact duplicate among
        `held_out`, and for one with an exact duplicate before it.
    """
    groups = group_copies([*held_out, *images])
    originals = np.zeros(len(groups), dtype=bool)
    originals[np.unique(groups, return_index=True)[1]] = True  # the first of each group
    kept: NDArray[np.bool_] = originals[len(held_out) :] & ~is_constant(images)
    return kept


def is_constant(images: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Mark the images, (N, H, W), that have one grey level: (N,) bool."""
    constant: NDArray[np.bool_] = images.min(axis=(1, 2)) == images.max(axis=(1, 2))
    return constant


def find_near_copies(images: NDArray[np.uint8], holders: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Determine the splits in which each image has a near duplicate.

    The grey levels of a near duplicate correlate with the image's above `NEAR_CORRELATION`, at full
    resolution, without shift or mirroring. Constant images have no near duplicates.

    The search is exhaustive, although most pairs are only compared by their fingerprints: the
    lowest frequencies P of the normalised image v, orthonormal, and the norm r of the remainder. By
    the Cauchy-Schwarz inequality, v1 . v2 <= P1 . P2 + r1 r2. This is one dot product of 65
    numbers, and where it stays below the threshold, so does the correlation.

    Args:
        images: (N, S, S) uint8, without exact duplicates.
        holders: (N, K) bool, whether image n belongs to split k (or an exact duplicate of it does).

    Returns:
        (N, K) bool: whether another image of split k is a near duplicate of image n.
    """
    found = np.zeros_like(holders)
    prints = _fingerprint(images)
    for rows, columns in _blocks(len(images)):
        bound = prints[rows] @ prints[columns].T  # (R, C), at least the correlation
        first, second = np.nonzero(bound > NEAR_CORRELATION - _SLACK)
        if len(first) > _MANY:
            exact = _normalise(images[rows]) @ _normalise(images[columns]).T
            first, second = np.nonzero(exact > NEAR_CORRELATION)
            first, second = first + rows.start, second + columns.start
            first, second = first[first < second], second[first < second]
        else:
            first, second = first + rows.start, second + columns.start
            first, second = first[first < second], second[first < second]
            near = _correlate(images, first, second) > NEAR_CORRELATION
            first, second = first[near], second[near]
        for split in range(holders.shape[1]):
            found[first[holders[second, split]], split] = True
            found[second[holders[first, split]], split] = True
    return found


def _blocks(count: int) -> Iterator[tuple[slice, slice]]:
    """Divide the upper triangle of all pairs into blocks that fit into the cache and memory."""
    for top in range(0, count, _ROWS):
        for left in range(top, count, _COLUMNS):
            yield slice(top, min(top + _ROWS, count)), slice(left, min(left + _COLUMNS, count))


def _normalise(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Normalize (N, S, S) images to zero mean and length 1, as (N, S * S); constant ones to 0."""
    vectors: NDArray[np.float32] = images.reshape(len(images), -1).astype(np.float32)
    vectors -= vectors.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    # Less than half a grey level in one pixel is only rounding.
    vectors /= np.where(lengths > 0.5, lengths, np.inf)
    return vectors


def _fingerprint(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Reduce each image to 65 numbers whose dot product is an upper bound of the correlation."""
    size = images.shape[1]
    side = min(_SIDE, size)
    positions = (np.arange(size) + 0.5) * np.pi / size
    basis = np.cos(np.arange(side)[:, np.newaxis] * positions) * np.sqrt(2 / size)
    basis[0] /= np.sqrt(2)  # now orthonormal: the first rows of a DCT-II
    basis32 = basis.astype(np.float32)
    prints = np.empty((len(images), side * side + 1), dtype=np.float32)
    for start in range(0, len(images), _ROWS):
        part = slice(start, start + _ROWS)
        vectors = _normalise(images[part])
        low = (basis32 @ vectors.reshape(-1, size, size) @ basis32.T).reshape(len(vectors), -1)
        left_out = np.square(vectors).sum(axis=1) - np.square(low).sum(axis=1)
        prints[part, :-1] = low
        prints[part, -1] = np.sqrt(np.maximum(left_out, 0))
    return prints


def _correlate(
    images: NDArray[np.uint8], first: NDArray[np.intp], second: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Correlate pairs of images, (P,) and (P,) indices, at full resolution."""
    correlations = np.empty(len(first), dtype=np.float32)
    for start in range(0, len(first), _PAIRS):
        part = slice(start, start + _PAIRS)
        left, right = _normalise(images[first[part]]), _normalise(images[second[part]])
        correlations[part] = np.einsum("nd,nd->n", left, right)
    return correlations
