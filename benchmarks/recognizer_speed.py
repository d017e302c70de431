"""Compare a batch through the recognizer with eager torch, face by face.

Command: python benchmarks/recognizer_speed.py

Measures the networks of `accurate` and `fast` on 1,000 faces in interleaved rounds, and reports
their medians and the ratio. Torch computes in float32, even where a model is quantized. Weights and
faces are noise, which does not affect the times. Requires mien[train].
"""

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from machine import write_result
from mien.model.recognizer import ASSETS, NETWORKS, Recognizer, to_input
from mien.training.cost import count_cost
from mien.training.model import CnnLstm
from mien.training.recipes import config_from_dict

FACES = 1000
ROUNDS = 7


def time_one_face(model: str) -> float:
    """Return the median time for a single face on a single thread, in milliseconds."""
    recognizer = Recognizer(model, threads=1)
    face = np.zeros((1, 48, 48), dtype=np.uint8)
    seconds = []
    for _ in range(220):
        began = time.perf_counter()
        recognizer.predict_probabilities(face)
        seconds.append(time.perf_counter() - began)
    return 1e3 * statistics.median(seconds[20:])


def measure(model: str) -> dict[str, float]:
    """Time both ways to read the same faces with a model."""
    recognizer = Recognizer(model)
    config = config_from_dict(recognizer.spec.training["config"])
    net = CnnLstm(config.model, len(recognizer.emotions)).eval()
    faces = np.random.default_rng(0).integers(0, 256, (FACES, 48, 48), dtype=np.uint8)

    def one_by_one() -> None:
        with torch.inference_mode():
            for face in faces:
                torch.softmax(net(torch.from_numpy(to_input(face[None]))), dim=1)

    def batch() -> None:
        recognizer.predict_probabilities(faces)

    ways: dict[str, Callable[[], None]] = {"torch_one_by_one": one_by_one, "recognizer": batch}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS + 1):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - began)
    median = {name: statistics.median(rounds[1:]) for name, rounds in seconds.items()}
    return {
        "parameters": sum(parameter.numel() for parameter in net.parameters()),
        "multiply_accumulates_per_face": count_cost(net).macs,
        "file_mb": (ASSETS / f"{model}.onnx").stat().st_size / 1e6,
        "one_face_one_thread_ms": time_one_face(model),
        "torch_one_by_one_faces_per_s": FACES / median["torch_one_by_one"],
        "recognizer_faces_per_s": FACES / median["recognizer"],
        "ratio": median["torch_one_by_one"] / median["recognizer"],
    }


def main() -> None:
    """Measure each bundled model."""
    figures = {model: measure(model) for model in NETWORKS}
    write_result(
        __file__,
        ("onnxruntime", "torch"),
        {"faces": FACES, "rounds": ROUNDS, **figures},
        models=NETWORKS,
    )


if __name__ == "__main__":
    main()
