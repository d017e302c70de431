"""Quantize the convolutions of an ONNX network to int8."""

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime import quantization as ort

from mien.errors import ExportError, ModelError
from mien.model.recognizer import to_batches

RANGE_FACES: Final = 1024
"""Number of train faces on which activation ranges are measured."""
ALLOWED_LOSS: Final = 0.003
"""Fraction of the held-out faces that may be lost, net; one face is always allowed."""


def quantize(model: bytes, faces: NDArray[np.uint8], *, seed: int = 0) -> bytes:
    """Quantize the convolutions of a network to int8; LSTM and dense layer stay float.

    Static quantization with per-channel weights and activation ranges measured on real faces (Jacob
    et al. 2018, arXiv 1712.05877). Weights take 7 bits: processors without VNNI add two products in
    16 bits, where 8-bit weights would overflow, and a model should give the same answer everywhere.

    Args:
        model: ONNX file bytes: faces (N, 1, 48, 48) float32 in, logits out.
        faces: (N, 48, 48) uint8, from the train split; ranges are measured on a sample.
        seed: Seed of the sample.

    Raises:
        ModelError: The network is already quantized.
    """
    proto = onnx.load_from_string(model)
    if any(node.op_type == "QuantizeLinear" for node in proto.graph.node):
        raise ModelError("the model is already quantized to int8; leave out --int8")
    draw = np.random.default_rng(seed)
    chosen = draw.choice(len(faces), size=min(len(faces), RANGE_FACES), replace=False)
    root, before = logging.getLogger(), logging.getLogger().level
    root.setLevel(logging.ERROR)  # silences advice to infer shapes, which torch has done
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "int8.onnx"
            ort.quantize_static(
                proto,
                path,
                _Faces(proto.graph.input[0].name, faces[np.sort(chosen)]),
                quant_format=ort.QuantFormat.QDQ,
                op_types_to_quantize=["Conv", "Relu", "MaxPool"],
                per_channel=True,
                reduce_range=True,
                activation_type=ort.QuantType.QUInt8,
                weight_type=ort.QuantType.QInt8,
                calibrate_method=ort.CalibrationMethod.MinMax,
            )
            return path.read_bytes()
    finally:
        root.setLevel(before)


def check_loss(
    before: NDArray[np.float32], after: NDArray[np.float32], labels: NDArray[np.int64]
) -> float:
    """Return the loss of accuracy by int8 on held-out faces, 0 to 1, negative for a gain.

    Args:
        before: Logits (N, C) of the original network.
        after: Logits (N, C) of the quantized network.
        labels: (N,) class indices.

    Raises:
        ExportError: The loss exceeds `ALLOWED_LOSS`.
    """
    right = [int((logits.argmax(axis=1) == labels).sum()) for logits in (before, after)]
    lost = right[0] - right[1]
    if lost > max(1.0, ALLOWED_LOSS * len(labels)):
        raise ExportError(
            f"int8 reduces the correct answers from {right[0]:,} to {right[1]:,} of "
            f"{len(labels):,} held-out faces, more than the allowed {ALLOWED_LOSS:.1%}; nothing "
            "was written, export without --int8"
        )
    return lost / len(labels)


class _Faces(ort.CalibrationDataReader):  # type: ignore[misc] # onnxruntime has no types
    """Calibration faces in batches, in onnxruntime's interface."""

    def __init__(self, name: str, faces: NDArray[np.uint8]) -> None:
        self.batches: Iterator[dict[str, Any]] = ({name: batch} for batch in to_batches(faces))

    def get_next(self) -> dict[str, Any] | None:
        """Return the next batch, or None after the last one."""
        return next(self.batches, None)
