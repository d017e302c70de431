"""Measure whether a second look tells animals from people, and how many people it would cost.

Command: python benchmarks/second_look.py ANIMALS PEOPLE.zip

ANIMALS is a folder of pictures of animals without people. The zip holds `CLASS/*.jpg` and
`labels.csv`. For the detector's score, the proportions of the landmarks and the model's own doubt,
the script reports the share of people's faces that look less like a person's than each animal's.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import mien
from machine import write_result
from people import read_people


def measure_looks(face: mien.FaceResult) -> tuple[float, float, float]:
    """Return the score, how far the proportions are from a person's, and the top probability.

    The proportion is the distance from eyes to mouth over the distance between the eyes; its
    median over the people of LFW is 1.02.
    """
    right_eye, left_eye, _, right_mouth, left_mouth = np.array(face.landmarks)
    height = np.linalg.norm((right_mouth + left_mouth) / 2 - (right_eye + left_eye) / 2)
    ratio = float(height / max(float(np.linalg.norm(left_eye - right_eye)), 1e-9))
    top = max(face.probabilities.values()) if face.probabilities else 0.0
    return face.detection_score, -abs(ratio - 1.02), top


def compare(animals: NDArray[np.float64], people: NDArray[np.float64]) -> list[dict[str, float]]:
    """Return, for each animal's face, the share of people's faces below it, look by look."""
    names = ("detection_score", "proportions", "top_probability")
    return [
        {name: float((people[:, i] <= row[i]).mean()) for i, name in enumerate(names)}
        for row in animals
    ]


def main() -> None:
    """Read both sets and write the figures."""
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    folder, archive = map(Path, sys.argv[1:])
    analyzer = mien.Analyzer()
    pictures = [
        photo
        for photo in analyzer.analyze_many(sorted(folder.iterdir()))
        if isinstance(photo, mien.ImageResult)
    ]
    animals = np.array([measure_looks(face) for photo in pictures for face in photo.faces])
    pairs, _ = read_people(archive, analyzer)
    people = np.array([measure_looks(photo.faces[0]) for _, photo in pairs])

    figures: dict[str, Any] = {
        "pictures_of_animals": len(pictures),
        "with_a_face": sum(bool(photo.faces) for photo in pictures),
        "named": sum(face.emotion is not None for photo in pictures for face in photo.faces),
        "people": len(people),
        "share_of_people_below": compare(animals, people) if len(animals) else [],
    }
    write_result(
        __file__, ("mien", "onnxruntime"), figures, models=(analyzer.recognizer.spec.name,)
    )


if __name__ == "__main__":
    main()
