"""Measure whether averaging several views of a face, mirrored, shifted and zoomed, helps.

Command: python benchmarks/views.py fer2013.zip votes.csv

Reads PublicTest with each model, and evaluates the mean probabilities of 1, 2, 6 and 10 views on
the votes. PublicTest also chose the epochs and temperatures.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from machine import write_result
from mien.data.datasets import load_dataset
from mien.data.predictions import Predictions
from mien.data.votes import read_votes
from mien.evaluation.vote_figures import judge_by_votes
from mien.model.recognizer import Recognizer

MODELS = ("accurate", "fast")
# Zoom, shift to the right and shift downwards, as fractions of the face, and whether it is
# mirrored.
VIEWS = (
    (1.0, 0.0, 0.0, False),
    (1.0, 0.0, 0.0, True),
    (1.1, 0.0, 0.0, False),
    (1.1, 0.0, 0.0, True),
    (0.93, 0.0, 0.0, False),
    (0.93, 0.0, 0.0, True),
    (1.05, 0.03, 0.0, False),
    (1.05, -0.03, 0.0, True),
    (1.05, 0.0, 0.03, False),
    (1.05, 0.0, -0.03, True),
)
COUNTS = (1, 2, 6, 10)


def look(faces: NDArray[np.uint8], view: tuple[float, float, float, bool]) -> NDArray[np.uint8]:
    """Return faces (N, 48, 48) in a view, with edges repeated."""
    zoom, right, down, is_mirrored = view
    if is_mirrored:
        faces = faces[:, :, ::-1]
    side, border = faces.shape[1], 4
    padded = np.pad(faces, ((0, 0), (border, border), (border, border)), mode="edge")
    left = border + side / 2 + right * side - side / zoom / 2
    top = border + side / 2 + down * side - side / zoom / 2
    box = (left, top, left + side / zoom, top + side / zoom)
    shown = [
        Image.fromarray(face).resize((side, side), Image.Resampling.BILINEAR, box=box)
        for face in padded
    ]
    return np.stack([np.asarray(face) for face in shown])


def measure(model: str, data: Path, votes: Path) -> dict[str, Any]:
    """Evaluate the mean of several views on the votes."""
    recognizer = Recognizer(model)
    dataset = load_dataset(data)
    split = dataset.splits["validation"]
    asked = read_votes(votes, dataset.class_names)
    answers = [recognizer.predict_probabilities(look(split.images, view)) for view in VIEWS]
    return {
        str(count): _judge(answers[:count], recognizer.emotions, split, asked) for count in COUNTS
    }


def _judge(
    answers: Sequence[NDArray[np.float32]], names: tuple[str, ...], split: Any, votes: Any
) -> dict[str, float]:
    mean: NDArray[np.float64] = np.stack(answers).astype(np.float64).mean(axis=0)
    found = judge_by_votes(Predictions(names, split.paths, split.labels, mean), votes)
    return {
        "plurality": found.plurality.accuracy,
        "majority": found.majority.accuracy if found.majority else 0.0,
        "cross_entropy": found.cross_entropy,
        "macro_f1": found.plurality.macro_f1,
    }


def main() -> None:
    """Measure each model."""
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    data, votes = map(Path, sys.argv[1:])
    figures = {model: measure(model, data, votes) for model in MODELS}
    write_result(
        __file__,
        ("mien", "onnxruntime"),
        figures,
        models=MODELS,
    )


if __name__ == "__main__":
    main()
