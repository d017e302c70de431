"""Turn a split in memory into batches, in an order that can be repeated."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, DistributedSampler
from torch.utils.data import Dataset as TorchDataset

from mien.data.datasets import Split
from mien.training.module import Batch


class FaceBatches(TorchDataset[Batch]):
    """A split in memory, which gives a whole batch at once.

    Args:
        split: Faces (N, 48, 48) uint8 and their labels.
        targets: (N, L, K) float32, what each of the network's L last layers should answer.
    """

    def __init__(self, split: Split, targets: NDArray[np.float32]) -> None:
        self.faces = torch.from_numpy(split.images)
        self.labels = torch.from_numpy(split.labels)
        self.targets = torch.from_numpy(targets)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """Give faces (B, 48, 48) uint8, labels (B,) int64 and targets (B, L, K) float32."""
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
    """Give a split's batches, in an order that depends on the seed and the epoch alone.

    Args:
        split: Faces (N, 48, 48) uint8 and their labels.
        targets: (N, L, K) float32, what each of the network's L last layers should answer.
        batch_size: Faces in a batch, in each process.
        seed: Decides the order, together with the epoch.
        shuffle: Mix the faces, anew each epoch; a last batch that is not full is left out.
        world_size: How many processes share the split.
        rank: Which of them this is, from 0.
    """
    faces = FaceBatches(split, targets)
    sampler: DistributedSampler[Batch] = DistributedSampler(
        faces, num_replicas=world_size, rank=rank, shuffle=shuffle, seed=seed
    )
    return DataLoader(
        faces,
        batch_size=batch_size,
        sampler=sampler,
        collate_fn=_as_is,
        # Its own, so that starting an epoch draws nothing from the seeded global one.
        generator=torch.Generator(),
        # A last batch of one face has no variance to normalise with.
        drop_last=shuffle and len(faces) > batch_size * world_size,
    )


def _as_is(batch: Any) -> Any:
    """Take what `__getitems__` gives, a batch already."""
    return batch
