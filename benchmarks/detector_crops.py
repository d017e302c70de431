"""Compare faces read through detector and crop with FER2013's own frames.

Command: python benchmarks/detector_crops.py fer2013.zip

Every PublicTest frame, enlarged four times, is read as a photo: detected, cropped and recognised.
The same faces are also read directly from their frames. Requires mien[train].
"""

import sys

import numpy as np

import mien
from machine import write_result
from mien.data.datasets import load_dataset


def main(data: str) -> None:
    """Read PublicTest in both ways."""
    dataset = load_dataset(data)
    split = dataset.splits["validation"]
    analyzer = mien.Analyzer("fer2013")  # evaluated on that label
    direct = analyzer.recognizer.predict_probabilities(split.images).argmax(axis=1)
    photos = (np.kron(frame, np.ones((4, 4), np.uint8)) for frame in split.images)
    found, through, straight, same = 0, 0, 0, 0
    for index, result in enumerate(analyzer.analyze_many(photos)):
        if not isinstance(result, mien.ImageResult) or not result.faces:
            continue
        probabilities = result.faces[0].probabilities
        if probabilities is None:
            continue
        label = dataset.class_names[split.labels[index]]
        answer = max(probabilities, key=lambda name: probabilities[name])
        frame_answer = analyzer.recognizer.emotions[direct[index]]
        found += 1
        through += answer == label
        straight += frame_answer == label
        same += answer == frame_answer
    write_result(
        __file__,
        ("mien", "onnxruntime"),
        {
            "split": "validation (PublicTest)",
            "faces": len(split.labels),
            "found": found,
            "accuracy_through_the_detector": through / found,
            "accuracy_of_the_same_frames": straight / found,
            "same_answer": same / found,
        },
        models=("fer2013",),
    )


if __name__ == "__main__":
    main(sys.argv[1])
