"""Store the weights of an ONNX network in half precision, which halves the file."""

from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray

from mien.errors import ExportError
from mien.export.to_onnx import find_last_layer

ALLOWED_DIFFERENCE: Final = 0.01
"""Largest allowed change of a logit by half precision; it moves a probability by 0.005."""
_LARGE: Final = 4096
"""Smaller weight tensors stay float32: they take little space."""
_SUFFIX: Final = "_half"


def halve_weights(model: bytes) -> bytes:
    """Store a network's large weights as float16, each followed by a Cast to float32.

    The arithmetic stays float32: onnxruntime casts once, when it opens the file. The last layers
    stay float32, since calibration writes a scale and a bias into them.

    Args:
        model: ONNX file bytes.

    Returns:
        The bytes of the smaller file. Weights already in half precision are unchanged, and weights
        outside the range of float16 stay float32.
    """
    proto = onnx.load_from_string(model)
    graph = proto.graph
    last = [find_last_layer(model, output.name) or {} for output in graph.output]
    kept = {name for layer in last for name in layer.values()}

    casts = []
    for tensor in graph.initializer:
        is_large = np.prod(tensor.dims) >= _LARGE and tensor.data_type == onnx.TensorProto.FLOAT
        if not is_large or tensor.name in kept:
            continue
        with np.errstate(over="ignore"):
            halved = onnx.numpy_helper.to_array(tensor).astype(np.float16)
        if not np.isfinite(halved).all():
            continue
        name, stored = tensor.name, tensor.name + _SUFFIX
        casts.append(
            onnx.helper.make_node("Cast", [stored], [name], name=stored, to=onnx.TensorProto.FLOAT)
        )
        tensor.CopyFrom(onnx.numpy_helper.from_array(halved, stored))

    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    content: bytes = proto.SerializeToString()
    return content


def widen_weights(model: bytes) -> bytes:
    """Convert half-precision weights back to float32, for code that searches for weights.

    Args:
        model: ONNX file bytes.

    Returns:
        The same network without the casts of `halve_weights`; its weights remain rounded.
    """
    proto = onnx.load_from_string(model)
    graph = proto.graph
    stored = {tensor.name: tensor for tensor in graph.initializer}

    nodes = []
    for node in graph.node:
        tensor = stored.get(node.input[0]) if node.op_type == "Cast" else None
        if tensor is None or tensor.data_type != onnx.TensorProto.FLOAT16:
            nodes.append(node)
            continue
        whole = onnx.numpy_helper.to_array(tensor).astype(np.float32)
        tensor.CopyFrom(onnx.numpy_helper.from_array(whole, node.output[0]))

    del graph.node[:]
    graph.node.extend(nodes)
    content: bytes = proto.SerializeToString()
    return content


def check_half(before: NDArray[np.float32], after: NDArray[np.float32]) -> float:
    """Return the largest change of a logit by half precision.

    Args:
        before: Logits (N, C) of the original network.
        after: Logits (N, C) with its weights in half precision.

    Raises:
        ExportError: It exceeds `ALLOWED_DIFFERENCE` or is not a number.
    """
    worst = float(np.abs(after - before).max())
    if not worst <= ALLOWED_DIFFERENCE:  # also true for NaN
        raise ExportError(
            f"half precision changes a logit by {worst:.2g}, but only {ALLOWED_DIFFERENCE} is "
            "allowed; nothing was written, export without --half"
        )
    return worst
