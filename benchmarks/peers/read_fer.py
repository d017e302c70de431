"""Read faces and photos with fer's quantized model under LiteRT, as benchmarks/peers.py asks.

Command: python read_fer.py KIND FILES, in an environment with fer (without its dependencies),
ai-edge-litert, opencv-python-headless<5 and requests. fer asks TensorFlow for an interpreter of
LiteRT alone; the module that it imports here has just that.
"""

import importlib
import json
import sys
import time
import types
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter


def import_fer() -> Any:
    """Import fer's detector without TensorFlow, and without its module for videos."""
    keras = types.ModuleType("tensorflow.keras.models")
    keras.load_model = None
    tensorflow = types.ModuleType("tensorflow")
    tensorflow.lite = types.SimpleNamespace(Interpreter=Interpreter)
    sys.modules |= {
        "tensorflow": tensorflow,
        "tensorflow.keras": types.ModuleType("tensorflow.keras"),
        "tensorflow.keras.models": keras,
    }
    spec = importlib.machinery.PathFinder.find_spec("fer")
    package = types.ModuleType("fer")
    package.__path__, package.__file__ = list(spec.submodule_search_locations), spec.origin
    sys.modules["fer"] = package
    return importlib.import_module("fer.fer").FER


FER = import_fer()
TIMED = 200
kind, files = sys.argv[1:]
detector = FER(mtcnn=False)
words = []
if kind == "faces":
    faces = np.load(files)
    names = FER._get_labels()  # noqa: SLF001 - the order of its columns, which nothing else states

    def read(face: np.ndarray) -> np.ndarray:
        """Return a face's probabilities."""
        large = cv2.resize(face, (64, 64)).astype("float32") / 255.0
        return detector._classify_emotions((large[None] - 0.5) * 2.0)[0]  # noqa: SLF001

    read(faces[0])
    began = time.perf_counter()
    for face in faces[:TIMED]:
        read(face)
    seconds = time.perf_counter() - began
    words = [names[int(np.argmax(read(face)))] for face in faces]
else:
    photos = [path.read_bytes() for path in sorted(Path(files).iterdir())]
    began = time.perf_counter()
    for photo in photos:
        image = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)
        found = detector.detect_emotions(image)
        largest = max(found, key=lambda one: one["box"][2] * one["box"][3], default=None)
        words.append(largest and max(largest["emotions"], key=largest["emotions"].get))
    seconds = time.perf_counter() - began
print(json.dumps({"seconds": seconds, "words": words}))
