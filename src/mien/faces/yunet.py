"""Run YuNet, the face detector's network, and return its raw face candidates.

YuNet: Wu, Peng and Yu, "YuNet: A Tiny Millisecond-level Face Detector" (2023),
doi 10.1007/s11633-023-1423-y. The published file accepts only 640 x 640 pixels; the file in mien
has the same nodes and weights with variable height and width (see `hatch_build.py`). A photo of
640 x 480 then costs a quarter less than a padded square, and the detection size can be chosen.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.devices import DEFAULT
from mien.errors import ModelError
from mien.sessions import Session, open_session

STRIDES = (8, 16, 32)
MULTIPLE = 32
"""Height and width must be multiples of this, the largest stride."""


@dataclass(frozen=True)
class Candidates:
    """Face candidates of the network, in pixels of its input, many of them overlapping.

    Attributes:
        boxes: (K, 4) float32: x, y, width, height.
        landmarks: (K, 5, 2) float32: right eye, left eye, nose tip, right and left mouth corner.
        scores: (K,) float32 in [0, 1].
    """

    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    scores: NDArray[np.float32]


class YuNet:
    """The network, opened once and run at any size; can be shared between threads."""

    def __init__(
        self, model: bytes, *, name: str, threads: int | None = None, device: str = DEFAULT
    ) -> None:
        """Open the network.

        Args:
            model: The bytes of a YuNet file with variable height and width.
            name: Display name of the file in messages.
            threads: Maximum number of threads per picture; None uses all available cores.
            device: As for `FaceDetector`.

        Raises:
            ModelError: The bytes are not a YuNet model, or its input size is fixed.
        """
        self._session: Session = open_session(model, name=name, threads=threads, device=device)
        self._outputs = [f"{part}_{s}" for part in ("cls", "obj", "bbox", "kps") for s in STRIDES]

        missing = set(self._outputs) - {output.name for output in self._session.get_outputs()}
        if missing or len(self._session.get_inputs()) != 1:
            raise ModelError(
                f"{name} is not a YuNet face detector: expected one input and the outputs cls, "
                "obj, bbox and kps at strides 8, 16 and 32; omit it to use the bundled detector"
            )

        pixels = self._session.get_inputs()[0]
        if any(isinstance(side, int) for side in pixels.shape[2:]):
            height, width = pixels.shape[2:]
            raise ModelError(
                f"{name} accepts only {height} x {width} pixels, expected variable height and "
                "width; omit it to use the bundled detector, or convert it as hatch_build.py does"
            )
        self._input = pixels.name

    def propose(self, image: NDArray[np.uint8], *, min_score: float) -> Candidates:
        """Return face candidates.

        Args:
            image: (H, W, 3) uint8 RGB; H and W multiples of `MULTIPLE`.
            min_score: Candidates with a lower score, in [0, 1], are left out.
        """
        columns = [image.shape[1] // stride for stride in STRIDES]
        pixels = np.empty((1, 3, *image.shape[:2]), dtype=np.float32)
        pixels[0] = image.transpose(2, 0, 1)[::-1]  # BGR, 0..255, as in training
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
    """Convert one stride's outputs to candidates in input pixels.

    Args:
        level: cls, obj (1, rows * columns, 1), bbox (1, ., 4) and kps (1, ., 10).
        columns: Cells in a row.
        stride: Side of a cell in pixels.
        min_score: Candidates with a lower score are left out.
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
