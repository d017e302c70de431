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
"""Train faces on which the range of each activation is measured."""
ALLOWED_LOSS: Final = 0.003
"""Share of the held-out faces that may get lost, net; one face may always."""


def quantize(model: bytes, faces: NDArray[np.uint8], *, seed: int = 0) -> bytes:
    """Quantize the convolutions of a network to int8; LSTM and dense layer stay float.

    Static quantisation, weights by channel, activations by their range on real faces (Jacob et al.
    2018, arXiv 1712.05877). Weights take 7 bits: processors without VNNI add two products in 16
    bits, where 8 would overflow, and a model should say the same everywhere.

    Args:
        model: An ONNX file's bytes: faces (N, 1, 48, 48) float32 in, logits out.
        faces: (N, 48, 48) uint8, of which some measure the ranges; of the train split.
        seed: Of the draw of these faces.

    Raises:
        ModelError: The network has such integers already.
    """
    proto = onnx.load_from_string(model)
    if any(node.op_type == "QuantizeLinear" for node in proto.graph.node):
        raise ModelError("the model reckons in 8-bit integers already; leave out --int8")
    draw = np.random.default_rng(seed)
    chosen = draw.choice(len(faces), size=min(len(faces), RANGE_FACES), replace=False)
    root, before = logging.getLogger(), logging.getLogger().level
    root.setLevel(logging.ERROR)  # it advises to shape the graph first, which torch did
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
        before: Logits (N, C) of the network as it was.
        after: Logits (N, C) in 8-bit integers.
        labels: (N,) indices of classes.

    Raises:
        ExportError: More than `ALLOWED_LOSS`.
    """
    right = [int((logits.argmax(axis=1) == labels).sum()) for logits in (before, after)]
    lost = right[0] - right[1]
    if lost > max(1.0, ALLOWED_LOSS * len(labels)):
        raise ExportError(
            f"in 8-bit integers the model is right on {right[1]:,} of {len(labels):,} held-out "
            f"faces instead of {right[0]:,}; {ALLOWED_LOSS:.1%} of them may get lost: nothing was "
            "written, export without --int8"
        )
    return lost / len(labels)


class _Faces(ort.CalibrationDataReader):  # type: ignore[misc] # onnxruntime has no types
    """Faces in batches, as onnxruntime asks for them."""

    def __init__(self, name: str, faces: NDArray[np.uint8]) -> None:
        self.batches: Iterator[dict[str, Any]] = ({name: batch} for batch in to_batches(faces))

    def get_next(self) -> dict[str, Any] | None:
        """Return the next batch; None after the last."""
        return next(self.batches, None)
