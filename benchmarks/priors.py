"""Measure the benefit of a known or estimated prior over expressions.

Command: python benchmarks/priors.py NAME.zip...

Each zip contains `CLASS/*.jpg` and `labels.csv` (`file,label,person`). The largest face of each
picture is read with the prior `natural`, with `balanced`, and with the mix that expectation
maximization estimates from the faces without labels (Saerens et al. 2002, doi
10.1162/089976602753284446). A face that was not found counts as wrong.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import mien
from people import measure_zips, read_people

MODELS = ("accurate", "fast")
STEPS = 100


def measure(path: Path, analyzer: mien.Analyzer) -> dict[str, Any]:
    """Read a zip's faces, and count the correct ones for each prior."""
    pairs, faces = read_people(path, analyzer)

    names = analyzer.recognizer.spec.class_names
    learnt = np.array(analyzer.recognizer.spec.class_shares)
    read = [
        ([photo.faces[0].probabilities[name] for name in names], names.index(row["label"]))
        for row, photo in pairs
        if photo.faces[0].probabilities
    ]
    probabilities = np.array([row for row, _ in read])
    labels = np.array([label for _, label in read])

    expected = {
        "natural": learnt,
        "balanced": np.full(len(names), 1 / len(names)),
        "estimated": estimate(probabilities, learnt),
    }
    right = {
        prior: int((weigh(probabilities, shares / learnt).argmax(axis=1) == labels).sum())
        for prior, shares in expected.items()
    }
    return {
        "faces": faces,
        "accuracy": {prior: count / faces for prior, count in right.items()},
        "estimated_shares": dict(zip(names, expected["estimated"].tolist(), strict=True)),
    }


def estimate(
    probabilities: NDArray[np.float64], learnt: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Estimate the mix of N faces, (C,), from their probabilities (N, C) under the learnt one."""
    shares = learnt
    for _ in range(STEPS):
        shares = weigh(probabilities, shares / learnt).mean(axis=0)
    return shares


def weigh(probabilities: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Multiply the probabilities by class weights, and normalise the rows."""
    weighted = probabilities * weights
    whole: NDArray[np.float64] = weighted / weighted.sum(axis=1, keepdims=True)
    return whole


def main() -> None:
    """Measure both models on every zip."""
    measure_zips(__file__, MODELS, measure)


if __name__ == "__main__":
    main()
