"""Load batches from a split in memory, in a reproducible order."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, DistributedSampler
from torch.utils.data import Dataset as TorchDataset

from mien.data.datasets import Split
from mien.training.module import Batch


class FaceBatches(TorchDataset[Batch]):
    """A split in memory that returns a whole batch at once.

    Args:
        split: Faces (N, 48, 48) uint8 and their labels.
        targets: (N, L, K) float32, the targets of each of the network's L output layers.
    """

    def __init__(self, split: Split, targets: NDArray[np.float32]) -> None:
        self.faces = torch.from_numpy(split.images)
        self.labels = torch.from_numpy(split.labels)
        self.targets = torch.from_numpy(targets)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """Return faces (B, 48, 48) uint8, labels (B,) int64 and targets (B, L, K) float32."""
        chosen = torch.as_tensor(indices)
        return self.faces[chosen], self.labels[chosen], self.targets[chosen]


def make_loader(
    split: Split,
    targets: NDArray[np.float32],
    batch_size: int,
    *,
    seed: int,
    shuffle: bool,
    world_size: int,
    rank: int,
) -> DataLoader[Batch]:
    """Create the loader of a split; its order depends only on the seed and the epoch.

    Args:
        split: Faces (N, 48, 48) uint8 and their labels.
        targets: (N, L, K) float32, the targets of each of the network's L output layers.
        batch_size: Faces per batch, in each process.
        seed: Determines the order, together with the epoch.
        shuffle: Shuffle the faces in each epoch, and drop an incomplete last batch.
        world_size: Number of processes that share the split; no two of them get the same face.
        rank: The index of this process, from 0.
    """
    faces = FaceBatches(split, targets)
    # Where faces are not shuffled, each one counts once, also if shares differ by one face.
    sampler: Iterable[int] = (
        DistributedSampler(faces, num_replicas=world_size, rank=rank, seed=seed, drop_last=True)
        if shuffle
        else range(rank, len(faces), world_size)
    )
    return DataLoader(
        faces,
        batch_size=batch_size,
        sampler=sampler,
        collate_fn=_as_is,
        # Its own generator, so that starting an epoch draws nothing from the global one.
        generator=torch.Generator(),
        # Batch normalization cannot compute a variance from a last batch of one face.
        drop_last=shuffle and len(faces) > batch_size * world_size,
    )


def _as_is(batch: Any) -> Any:
    """Return the output of `__getitems__`, which already is a batch."""
    return batch
