"""Turn an ONNX network into the names of the tensors by which its LSTM is followed.

If the network ends as `logits = weight x mean(steps) + bias`, then what it would answer after each
step is plain arithmetic on its own tensors. That it does is proved on real faces, not assumed.
"""

from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray

from mien.model.recognizer import to_input
from mien.model.sessions import add_outputs, open_session

_CLOSE: Final = 1e-4
"""Largest difference of a logit."""
_FACES: Final = 8


def find_sequence(model: bytes, faces: NDArray[np.uint8]) -> dict[str, str] | None:
    """Find the LSTM's outputs and the dense layer that reads their mean.

    Args:
        model: An ONNX file's bytes.
        faces: (N, 48, 48) uint8, on which the form is proved.

    Returns:
        The names of "steps", "weight" and "bias"; None where the network is not of this form.
    """
    graph = onnx.load_from_string(model).graph
    makers = {output: node for node in graph.node for output in node.output}
    last = makers.get(graph.output[0].name)
    if last is None or last.op_type != "Gemm" or len(last.input) != 3:
        return None
    pool = makers.get(last.input[0])
    if not any(node.op_type == "LSTM" and _reads_onwards(node) for node in graph.node):
        return None
    if pool is None or pool.op_type != "ReduceMean":
        return None
    found = {"steps": pool.input[0], "weight": last.input[1], "bias": last.input[2]}
    session = open_session(add_outputs(model, list(found.values())), name="the model")
    chosen = to_input(faces[:_FACES])
    names = [graph.output[0].name, *found.values()]
    logits, steps, weight, bias = session.run(names, {graph.input[0].name: chosen})
    if steps.ndim != 3 or weight.shape != (logits.shape[1], steps.shape[2]):
        return None
    ours = steps.mean(axis=1) @ weight.T + bias
    return found if np.abs(ours - logits).max() <= _CLOSE else None


def _reads_onwards(node: onnx.NodeProto) -> bool:
    """Say whether an LSTM reads in one direction: a backward one knows the end from the start."""
    return all(a.name != "direction" or a.s == b"forward" for a in node.attribute)
