"""Translate a trained network to ONNX, and check that the outputs agree."""

import io
import logging
import warnings
from collections.abc import Mapping
from typing import Protocol

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mien.errors import ExportError
from mien.export.vector_scaling import Scaling
from mien.training.model import INPUT_SIZE, CnnLstm

PARITY = 1e-5
"""Largest allowed difference between torch's and onnxruntime's logits."""
PARITY_BATCHES = (1, 2, 17)
"""Batch sizes of the comparison."""


class Answers(Protocol):
    """Anything that maps faces to logits: a network or a model file."""

    def predict_logits(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Map grey faces (N, 48, 48) uint8 to logits (N, K)."""
        ...


def find_last_layer(model: bytes, output: str) -> dict[str, str] | None:
    """Find the dense layer that produces the logits of an ONNX file.

    Args:
        model: ONNX file bytes.
        output: Name of the logits.

    Returns:
        Names of its "weight" (C, U) and "bias" (C,); None where the network ends differently.
    """
    graph = onnx.load_from_string(model).graph
    constants = {tensor.name for tensor in graph.initializer}
    for node in graph.node:
        if output in node.output and node.op_type == "Gemm" and len(node.input) == 3:
            settings = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            is_plain = settings.get("alpha", 1.0) == settings.get("beta", 1.0) == 1.0
            if is_plain and settings.get("transB") == 1 and set(node.input[1:]) <= constants:
                return {"weight": node.input[1], "bias": node.input[2]}
    return None


def scale_onnx(model: bytes, layer: Mapping[str, str], scaling: Scaling) -> bytes:
    """Merge `scale * logits + bias` into the last layer of an ONNX file.

    Args:
        model: ONNX file bytes.
        layer: Names of its "weight" (C, U) and "bias" (C,), from `find_last_layer`.
        scaling: Scale and bias.
    """
    proto = onnx.load_from_string(model)
    for tensor in proto.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if tensor.name == layer["weight"]:
            values = values * scaling.scale[:, np.newaxis]
        elif tensor.name == layer["bias"]:
            values = values * scaling.scale + scaling.bias
        else:
            continue
        scaled = onnx.numpy_helper.from_array(values.astype(np.float32), tensor.name)
        tensor.CopyFrom(scaled)
    content: bytes = proto.SerializeToString()
    return content


def to_onnx(net: CnnLstm) -> bytes:
    """Translate a network to ONNX.

    Args:
        net: The network, in evaluation mode.

    Returns:
        ONNX file bytes: `faces` (N, 1, 48, 48) float32 in [0, 1] to `logits` (N, K) float32, and to
        `label_logits` where the network has a second output layer.
    """
    has_label_layer = net.label_classifier is not None
    example = (torch.zeros(2, 1, INPUT_SIZE, INPUT_SIZE),)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # Warnings about torch internals and its next release; `prove_parity` is the actual check.
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            _BothLayers(net).eval() if has_label_layer else net,
            example,
            dynamo=True,
            verbose=False,
            input_names=["faces"],
            output_names=["logits", "label_logits"] if has_label_layer else ["logits"],
            dynamic_shapes={"x": {0: torch.export.Dim("N")}},
        )
    if program is None:
        raise ExportError(
            "torch returned no ONNX program; install the torch release that mien[train] requires"
        )
    model = program.model_proto
    _remove_traces(model)
    onnx.checker.check_model(model, full_check=True)
    file = io.BytesIO()
    onnx.save(model, file)
    return file.getvalue()


class _BothLayers(nn.Module):
    """A network whose forward pass returns the logits of both output layers."""

    def __init__(self, net: CnnLstm) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map (B, 1, 48, 48) to two tensors (B, K)."""
        return self.net.answer(x)


def _remove_traces(model: onnx.ModelProto) -> None:
    """Remove paths and source lines of the exporting machine."""
    graph = model.graph
    for node in graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*graph.value_info, *graph.input, *graph.output):
        del value.metadata_props[:]
    del graph.metadata_props[:]
    del model.metadata_props[:]


def prove_parity(net: Answers, translated: Answers, faces: NDArray[np.uint8]) -> float:
    """Compare torch with onnxruntime on real faces.

    Args:
        net: The network, in evaluation mode.
        translated: Its translation, run by onnxruntime.
        faces: (N, 48, 48) uint8; a sample across the whole split is compared.

    Returns:
        The largest difference of a logit.

    Raises:
        ExportError: The difference exceeds `PARITY`.
    """
    worst = 0.0
    for batch in PARITY_BATCHES:
        for start in np.linspace(0, max(0, len(faces) - batch), num=8, dtype=int):
            chosen = faces[start : start + batch]
            difference = translated.predict_logits(chosen) - net.predict_logits(chosen)
            worst = max(worst, check_difference(difference))
    return worst


def check_difference(difference: NDArray[np.float32]) -> float:
    """Check the largest difference of a logit, and return it.

    Args:
        difference: (N, K), between the logits of a model and its export.

    Raises:
        ExportError: It exceeds `PARITY` or is not a number.
    """
    worst = float(np.abs(difference).max())
    if not worst <= PARITY:  # also true for NaN
        raise ExportError(
            f"a logit of the exported model differs from the original by {worst:.1e}, but only "
            f"{PARITY:.0e} is allowed; nothing was written"
        )
    return worst
