"""Find and expose the tensors of an ONNX network that show its LSTM step by step.

If the network ends as `logits = weight x mean(steps) + bias`, its answer after each step can be
computed from its own tensors. Whether it does is verified on real faces.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray

from mien.model.recognizer import to_input
from mien.sessions import open_session

SEQUENCE_OUTPUTS: Final = {"steps": "lstm_steps", "weight": "lstm_weight", "bias": "lstm_bias"}
"""Names of the outputs that expose the LSTM, as used in the contract."""
LABEL_SEQUENCE_OUTPUTS: Final = {**SEQUENCE_OUTPUTS, "weight": "label_weight", "bias": "label_bias"}
"""The same for a second output layer over the same LSTM."""

_CLOSE: Final = 1e-4
"""Largest allowed difference of a logit."""
_FACES: Final = 8


def find_sequence(
    model: bytes, faces: NDArray[np.uint8], *, output: str = "logits"
) -> dict[str, str] | None:
    """Find the LSTM's outputs and the dense layer applied to their mean.

    Args:
        model: ONNX file bytes.
        faces: (N, 48, 48) uint8, on which the form is verified.
        output: Name of the logits.

    Returns:
        Names of the "steps", "weight" and "bias"; None where the network has another form.
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

    # The structure matches; only the numbers can confirm that these are the right tensors.
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

    Each is exposed through an Identity node: if an inner tensor were an output itself, onnxruntime
    could not fuse the nodes around it, and the last bits of the logits would change.

    Args:
        model: ONNX file bytes; previously added outputs are replaced.
        sequence: Names of the inner tensors, from `find_sequence`.
        names: Names of the new outputs.
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
    """Return whether an LSTM is unidirectional: a backward one sees the end from the start."""
    return all(a.name != "direction" or a.s == b"forward" for a in node.attribute)
