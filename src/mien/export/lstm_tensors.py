"""The tensors of an ONNX network by which its LSTM can be followed, step by step.

If the network ends as `logits = weight x mean(steps) + bias`, then what it would answer after each
step is plain arithmetic on its own tensors. That it does is proved on real faces, not assumed.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray

from mien.model.recognizer import to_input
from mien.sessions import open_session

SEQUENCE_OUTPUTS: Final = {"steps": "lstm_steps", "weight": "lstm_weight", "bias": "lstm_bias"}
"""The outputs by which an exported model shows its LSTM, as its contract names them."""
LABEL_SEQUENCE_OUTPUTS: Final = {**SEQUENCE_OUTPUTS, "weight": "label_weight", "bias": "label_bias"}
"""The same for a second last layer over the same LSTM."""

_CLOSE: Final = 1e-4
"""Largest difference of a logit."""
_FACES: Final = 8


def find_sequence(
    model: bytes, faces: NDArray[np.uint8], *, output: str = "logits"
) -> dict[str, str] | None:
    """Find the LSTM's outputs and the dense layer that reads their mean.

    Args:
        model: An ONNX file's bytes.
        faces: (N, 48, 48) uint8, on which the form is proved.
        output: The name of the logits.

    Returns:
        The names of "steps", "weight" and "bias"; None where the network is not of this form.
    """
    graph = onnx.load_from_string(model).graph
    makers = {output: node for node in graph.node for output in node.output}
    last = makers.get(output)
    if last is None or last.op_type != "Gemm" or len(last.input) != 3:
        return None
    pool = makers.get(last.input[0])
    if not any(node.op_type == "LSTM" and _reads_onwards(node) for node in graph.node):
        return None
    if pool is None or pool.op_type != "ReduceMean":
        return None

    # The graph looks right; whether these are the tensors, only numbers can tell.
    found = {"steps": pool.input[0], "weight": last.input[1], "bias": last.input[2]}
    session = open_session(expose_sequence(model, found), name="the model")
    chosen = to_input(faces[:_FACES])
    names = [output, *SEQUENCE_OUTPUTS.values()]
    logits, steps, weight, bias = session.run(names, {graph.input[0].name: chosen})

    if steps.ndim != 3 or weight.shape != (logits.shape[1], steps.shape[2]):
        return None
    ours = steps.mean(axis=1) @ weight.T + bias
    return found if np.abs(ours - logits).max() <= _CLOSE else None


def expose_sequence(
    model: bytes, sequence: Mapping[str, str], names: Mapping[str, str] = SEQUENCE_OUTPUTS
) -> bytes:
    """Add the LSTM's tensors to a model's outputs.

    Each becomes the output of an Identity node: an inner tensor that is an output itself would
    keep onnxruntime from fusing what is around it, and change the last bits of the logits.

    Args:
        model: An ONNX file's bytes; outputs added before are replaced.
        sequence: The inner tensors, as `find_sequence` names them.
        names: What the outputs are to be called.
    """
    proto = onnx.load_from_string(model)
    graph, added = proto.graph, set(names.values())
    kept_nodes = [node for node in graph.node if not added & set(node.output)]
    kept_outputs = [output for output in graph.output if output.name not in added]
    del graph.node[:], graph.output[:]
    graph.node.extend(kept_nodes)
    graph.output.extend(kept_outputs)

    for key, name in names.items():
        graph.node.append(onnx.helper.make_node("Identity", [sequence[key]], [name], name=name))
        value = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        graph.output.append(value)
    content: bytes = proto.SerializeToString()
    return content


def _reads_onwards(node: onnx.NodeProto) -> bool:
    """Return whether an LSTM is unidirectional: a backward one knows the end from the start."""
    return all(a.name != "direction" or a.s == b"forward" for a in node.attribute)
