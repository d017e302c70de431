"""Turn a picture of fitting size into YuNet's raw face candidates.

YuNet: Wu, Peng and Yu, "YuNet: A Tiny Millisecond-level Face Detector" (2023),
doi 10.1007/s11633-023-1423-y. The published file, `face_detection_yunet_2023mar.onnx`, takes
640 x 640 pixels only, although nothing in its network asks for that: the shapes are merely
written down. So they are taken out, in memory, before the file is opened: the file on disk stays
the published one, byte for byte, a detector file of one's own works the same way, and neither
the `onnx` package nor a patched copy is needed. A photo of 640 x 480 then costs a quarter less
than a padded square, and the detection size becomes free.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.errors import ModelError
from mien.model.sessions import Session, open_session

STRIDES = (8, 16, 32)
MULTIPLE = 32
"""Height and width must be multiples of this, the largest stride."""

# The field numbers of onnx.proto that lead to a tensor's shape.
_GRAPH = 7  # ModelProto.graph
_INPUT, _OUTPUT, _VALUE_INFO = 11, 12, 13  # GraphProto
_TYPE, _TENSOR_TYPE, _SHAPE, _DIM, _DIM_PARAM = 2, 1, 2, 1, 2


@dataclass(frozen=True)
class Candidates:
    """Faces as the network proposes them, in pixels of its input, many of them overlapping.

    Attributes:
        boxes: (K, 4) float32: x, y, width, height.
        landmarks: (K, 5, 2) float32: right eye, left eye, nose tip, right and left mouth corner.
        scores: (K,) float32 in [0, 1].
    """

    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    scores: NDArray[np.float32]


class YuNet:
    """The network, opened once and run at any size; several threads may share it."""

    def __init__(self, model: bytes, *, name: str, threads: int | None = None) -> None:
        """Open the network.

        Args:
            model: The bytes of `face_detection_yunet_2023mar.onnx`, or of a file like it.
            name: The file's name, for messages.
            threads: Threads for one picture; None takes the cores at hand.

        Raises:
            ModelError: The bytes are not a YuNet model.
        """
        self._session: Session = open_session(_free_shapes(model, name), name=name, threads=threads)
        self._outputs = [f"{part}_{s}" for part in ("cls", "obj", "bbox", "kps") for s in STRIDES]
        missing = set(self._outputs) - {output.name for output in self._session.get_outputs()}
        if missing or len(self._session.get_inputs()) != 1:
            raise ModelError(
                f"{name} is not a YuNet face detector: wanted one input and the outputs cls, obj, "
                f"bbox and kps at strides 8, 16 and 32; pass face_detection_yunet_2023mar.onnx"
            )
        self._input = self._session.get_inputs()[0].name

    def propose(self, image: NDArray[np.uint8], *, min_score: float) -> Candidates:
        """Propose faces.

        Args:
            image: (H, W, 3) uint8 RGB; H and W multiples of `MULTIPLE`.
            min_score: Candidates under this score, in [0, 1], are left out.
        """
        columns = [image.shape[1] // stride for stride in STRIDES]
        bgr = image[:, :, ::-1].transpose(2, 0, 1)[np.newaxis]  # (1, 3, H, W)
        pixels = np.ascontiguousarray(bgr, dtype=np.float32)  # 0..255, as it was trained
        outputs = self._session.run(self._outputs, {self._input: pixels})
        levels = [
            _decode(outputs[i :: len(STRIDES)], columns[i], stride, min_score)
            for i, stride in enumerate(STRIDES)
        ]
        return Candidates(
            boxes=np.concatenate([level.boxes for level in levels]),
            landmarks=np.concatenate([level.landmarks for level in levels]),
            scores=np.concatenate([level.scores for level in levels]),
        )


def _decode(
    level: list[NDArray[np.float32]], columns: int, stride: int, min_score: float
) -> Candidates:
    """Turn one stride's outputs into candidates in input pixels.

    Args:
        level: cls, obj (1, rows * columns, 1), bbox (1, ., 4) and kps (1, ., 10).
        columns: Cells in a row.
        stride: Side of a cell in pixels.
        min_score: Candidates under this score are left out.
    """
    cls, obj, bbox, kps = (output[0] for output in level)
    scores = np.sqrt(np.clip(cls[:, 0], 0, 1) * np.clip(obj[:, 0], 0, 1))
    kept = np.flatnonzero(scores >= min_score)
    row, column = np.divmod(kept, columns)
    cell = np.stack([column, row], axis=1).astype(np.float32)  # (K, 2)
    centre = (cell + bbox[kept, :2]) * stride
    # An unbounded exponent would overflow on hostile pixels; e^10 cells is wider than any input.
    size = np.exp(np.minimum(bbox[kept, 2:], 10)) * stride
    points = (kps[kept].reshape(-1, 5, 2) + cell[:, np.newaxis]) * stride
    return Candidates(
        boxes=np.concatenate([centre - size / 2, size], axis=1).astype(np.float32),
        landmarks=points.astype(np.float32),
        scores=scores[kept].astype(np.float32),
    )


def _free_shapes(model: bytes, name: str) -> bytes:
    """Make the height and width of an ONNX model's input free, in its serialised form.

    The input becomes (1, 3, height, width), outputs (1, any number of cells, .); what is noted of
    values between is dropped, and onnxruntime infers it.
    """
    shape = (_TYPE, _TENSOR_TYPE, _SHAPE)
    try:
        model = _edit(model, (_GRAPH, _VALUE_INFO), lambda _: None)
        model = _edit(model, (_GRAPH, _OUTPUT, *shape), lambda old: _free(old, {1: b""}))
        sizes = {2: b"height", 3: b"width"}
        return _edit(model, (_GRAPH, _INPUT, *shape), lambda old: _free(old, sizes))
    except (IndexError, ValueError) as error:
        raise ModelError(f"{name} is not an ONNX file, or is damaged; install it afresh") from error


def _free(shape: bytes, symbols: dict[int, bytes]) -> bytes:
    """Put symbols, or nothing at all, in place of some of a shape's dimensions."""
    dimensions = [raw for number, raw, _ in _fields(shape) if number == _DIM]
    for axis, symbol in symbols.items():
        dimensions[axis] = _field(_DIM, _field(_DIM_PARAM, symbol) if symbol else b"")
    return b"".join(dimensions)


def _edit(message: bytes, path: tuple[int, ...], change: Callable[[bytes], bytes | None]) -> bytes:
    """Change every field that a path of field numbers leads to; None drops the field."""
    parts = []
    for number, raw, payload in _fields(message):
        if number != path[0]:
            parts.append(raw)
            continue
        changed = _edit(payload, path[1:], change) if len(path) > 1 else change(payload)
        if changed is not None:
            parts.append(_field(number, changed))
    return b"".join(parts)


def _fields(message: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Walk a protobuf message: each field's number, its whole bytes, and its payload."""
    position = 0
    while position < len(message):
        start = position
        key, position = _read_varint(message, position)
        wire_type = key & 7
        if wire_type == 0:
            _, position = _read_varint(message, position)
            payload = b""
        elif wire_type == 2:
            length, position = _read_varint(message, position)
            payload = message[position : position + length]
            position += length
        elif wire_type in {1, 5}:
            payload = b""
            position += 8 if wire_type == 1 else 4
        else:
            raise ValueError(f"no such wire type: {wire_type}")
        if position > len(message):
            raise ValueError("a field reaches past the end")
        yield key >> 3, message[start:position], payload


def _field(number: int, payload: bytes) -> bytes:
    """Write a length-delimited protobuf field."""
    return _write_varint(number << 3 | 2) + _write_varint(len(payload)) + payload


def _read_varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position


def _write_varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
