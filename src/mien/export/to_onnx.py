"""Turn a trained network into an ONNX file, and proves that both answer alike."""

import io
import logging
import warnings
from collections.abc import Mapping

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from mien.errors import ExportError
from mien.export.vector_scaling import Scaling
from mien.model.recognizer import Recognizer
from mien.training.model import INPUT_SIZE, FaceNet

PARITY = 1e-5
"""Largest difference between torch's and onnxruntime's logits that is let through."""
PARITY_BATCHES = (1, 2, 17)
"""Batch sizes at which they are compared."""


def scale_logits(net: FaceNet, scaling: Scaling) -> None:
    """Put `scale * logits + bias` into a network's last layer."""
    scale, bias = (torch.from_numpy(v).float() for v in (scaling.scale, scaling.bias))
    with torch.no_grad():
        net.classifier.weight.mul_(scale[:, None])
        net.classifier.bias.mul_(scale).add_(bias)


def scale_onnx(model: bytes, sequence: Mapping[str, str], scaling: Scaling) -> bytes:
    """Put `scale * logits + bias` into the last layer of an ONNX file.

    Args:
        model: The file's bytes.
        sequence: The names of the layer's "weight" (C, U) and "bias" (C,), as in a contract.
        scaling: What is put in.
    """
    proto = onnx.load_from_string(model)
    for tensor in proto.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if tensor.name == sequence["weight"]:
            values = values * scaling.scale[:, np.newaxis]
        elif tensor.name == sequence["bias"]:
            values = values * scaling.scale + scaling.bias
        else:
            continue
        scaled = onnx.numpy_helper.from_array(values.astype(np.float32), tensor.name)
        tensor.CopyFrom(scaled)
    content: bytes = proto.SerializeToString()
    return content


def to_onnx(net: FaceNet) -> bytes:
    """Translate a network.

    Args:
        net: In evaluation mode.

    Returns:
        The ONNX file: `faces` (N, 1, 48, 48) float32 in [0, 1] to `logits` (N, K) float32.
    """
    example = (torch.zeros(2, 1, INPUT_SIZE, INPUT_SIZE),)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # About torch's insides and its next release; `prove_parity` is what counts here.
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            net,
            example,
            dynamo=True,
            verbose=False,
            input_names=["faces"],
            output_names=["logits"],
            dynamic_shapes={"x": {0: torch.export.Dim("N")}},
        )
    if program is None:
        raise ExportError("torch gave no ONNX program: use the torch release that mien[train] asks")
    graph = program.model_proto
    for node in graph.graph.node:  # Paths and source lines of the machine that exported.
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*graph.graph.value_info, *graph.graph.input, *graph.graph.output):
        del value.metadata_props[:]
    del graph.graph.metadata_props[:]
    del graph.metadata_props[:]
    onnx.checker.check_model(graph, full_check=True)
    file = io.BytesIO()
    onnx.save(graph, file)
    return file.getvalue()


def prove_parity(net: FaceNet, recognizer: Recognizer, faces: NDArray[np.uint8]) -> float:
    """Compare torch with onnxruntime on real faces.

    Args:
        net: The network, in evaluation mode.
        recognizer: Its translation, opened as a user opens it.
        faces: (N, 48, 48) uint8, of which some are taken from all over the split.

    Returns:
        The largest difference of a logit.

    Raises:
        ExportError: It is over `PARITY`.
    """
    worst = 0.0
    for batch in PARITY_BATCHES:
        for start in np.linspace(0, max(0, len(faces) - batch), num=8, dtype=int):
            chosen = faces[start : start + batch]
            difference = recognizer.predict_logits(chosen) - net.predict_logits(chosen)
            worst = max(worst, check_difference(difference))
    return worst


def check_difference(difference: NDArray[np.float32]) -> float:
    """Give the largest difference of a logit.

    Args:
        difference: (N, K), between the logits of a model and of what was made of it.

    Raises:
        ExportError: It is over `PARITY`, or not a number.
    """
    worst = float(np.abs(difference).max())
    if not worst <= PARITY:  # also when it is not a number
        raise ExportError(
            f"the exported model differs from its original by {worst:.1e} in a logit, "
            f"{PARITY:.0e} is allowed: nothing was written"
        )
    return worst
