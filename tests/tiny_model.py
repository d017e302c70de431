"""A real model file, small enough to compute its answers by hand.

Its logits are `SLOPES * brightness + OFFSETS`, where brightness is a face's mean level in [0, 1].
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from mien.emotions import EMOTIONS
from mien.model.spec import ModelSpec

SLOPES = np.array([-4, 0, -2, 6, 1, -3, 2], dtype=np.float32)
OFFSETS = np.array([1, -1, 0, -2, 0.5, 0, -1], dtype=np.float32)


def expected_logits(faces: np.ndarray) -> np.ndarray:
    """Work out what the model must give for (N, 48, 48) uint8 faces."""
    brightness = faces.reshape(len(faces), -1).mean(axis=1, keepdims=True) / 255
    return brightness * SLOPES + OFFSETS


def write_tiny_model(folder: Path, name: str = "tiny", **changes: Any) -> Path:
    """Write NAME.onnx and NAME.json; `changes` are put into the contract."""
    graph = helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", ["faces"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["flat"]),
            helper.make_node("Gemm", ["flat", "slopes", "offsets"], ["logits"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("faces", TensorProto.FLOAT, ["N", 1, 48, 48])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 7])],
        [
            numpy_helper.from_array(SLOPES[np.newaxis], "slopes"),
            numpy_helper.from_array(OFFSETS, "offsets"),
        ],
    )
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    onnx.checker.check_model(model)
    path = folder / f"{name}.onnx"
    path.write_bytes(model.SerializeToString())
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    values = {"name": name, "onnx_sha256": sha256, "class_names": EMOTIONS, "temperature": 2.0}
    ModelSpec(**{**values, **changes}).write(folder / f"{name}.json")
    return path
