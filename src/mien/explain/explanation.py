"""Explain a prediction: occlusion, and the contribution of each LSTM step.

Two methods explain one answer. An occlusion map (Zeiler & Fergus 2014, arXiv 1311.2901) covers
parts of the face and reads it again; it treats the network as a black box. The walk follows the
LSTM over the positions of the feature map, in raster order from the brow to the chin. Both show
what influenced this model's answer, not what caused the person's expression.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mien.errors import ConfigError, InputError
from mien.model.probabilities import calibrate
from mien.model.recognizer import Recognizer, to_input
from mien.sessions import open_session

PATCH: Final = 0.25
"""Side of the occluding square, as a fraction of the face's side."""
STRIDE_PX: Final = 3
"""Step between two positions of the square."""


@dataclass(frozen=True)
class Walk:
    """The LSTM's steps over the face.

    Attributes:
        rows: Number of rows of the feature map, read from the top.
        columns: Number of positions per row, read left to right; 1 where a row is one step.
        probabilities: (T, C) the answer after each step, from the mean of the outputs so far. The
            last row is the model's answer.
        contributions: (T, C) the change of the LSTM's state at each step in favour of a class, as
            it affects the answer (a change persists in all later outputs, which are averaged),
            relative to the mean over classes. With the bias, they sum to the logits, up to a
            constant shared by all classes.
    """

    rows: int
    columns: int
    probabilities: NDArray[np.float32]
    contributions: NDArray[np.float32]


@dataclass(frozen=True)
class Explanation:
    """The explanation of a prediction.

    Attributes:
        crop: (48, 48) uint8 grey, the model's input.
        emotion: The emotion that is explained.
        probabilities: The model's calibrated probability of each emotion.
        occlusion: (48, 48) float32, mean decrease of the emotion's probability when a square around
            this pixel is covered; negative where it increases.
        walk: The LSTM's steps; None where the model does not expose them.
    """

    crop: NDArray[np.uint8]
    emotion: str
    probabilities: Mapping[str, float]
    occlusion: NDArray[np.float32]
    walk: Walk | None

    def to_dict(self) -> dict[str, Any]:
        """Return the explanation as JSON types, without the crop."""
        walk = None
        if self.walk is not None:
            names = list(self.probabilities)
            walk = {
                "rows": self.walk.rows,
                "columns": self.walk.columns,
                "emotions": names,
                "probabilities": self.walk.probabilities.round(5).tolist(),
                "contributions": self.walk.contributions.round(5).tolist(),
            }

        return {
            "emotion": self.emotion,
            "probabilities": {k: round(v, 8) for k, v in self.probabilities.items()},
            "occlusion": self.occlusion.round(5).tolist(),
            "walk": walk,
        }


def explain_face(
    crop: NDArray[np.uint8], recognizer: Recognizer, *, emotion: str | None = None
) -> Explanation:
    """Explain a model's answer for one face.

    Args:
        crop: (48, 48) uint8 grey, as returned by `Recognizer.crop`.
        recognizer: The model.
        emotion: The emotion to explain; None explains the most probable one.

    Returns:
        The probabilities, the effect of covering each place, and the LSTM's steps.

    Raises:
        ConfigError: The model does not know the emotion.
        InputError: The crop has another shape or type.
    """
    names = recognizer.emotions
    if emotion is not None and emotion not in names:
        raise ConfigError(f"the model does not know {emotion!r}; it knows {', '.join(names)}")
    size = recognizer.spec.input_size
    if crop.shape != (size, size):
        raise InputError(
            f"a face must be ({size}, {size}) uint8 grey, got {crop.shape} {crop.dtype}"
        )

    answer = recognizer.predict_probabilities(crop[np.newaxis])[0]
    column = int(answer.argmax()) if emotion is None else names.index(emotion)

    return Explanation(
        crop=crop,
        emotion=names[column],
        probabilities=dict(zip(names, map(float, answer), strict=True)),
        occlusion=_cover(crop, recognizer, column, float(answer[column])),
        walk=_follow(crop, recognizer),
    )


def _cover(
    crop: NDArray[np.uint8], recognizer: Recognizer, column: int, whole: float
) -> NDArray[np.float32]:
    """Cover each part of the face in turn, (H, W), and measure the decrease of a class."""
    size, half = len(crop), round(PATCH * len(crop) / 2)
    hill = np.hanning(2 * half + 2)[1:-1]  # weights the centre of a square, for a smooth map
    centres = range(0, size + 1, STRIDE_PX)
    squares = [
        (slice(max(0, y - half), y + half), slice(max(0, x - half), x + half))
        for y in centres
        for x in centres
    ]
    covered = np.repeat(crop[np.newaxis], len(squares), axis=0)
    for face, square in zip(covered, squares, strict=True):
        face[square] = round(float(crop.mean()))
    falls = whole - recognizer.predict_probabilities(covered)[:, column]
    total, looks = np.zeros((size, size)), np.zeros((size, size))
    for square, fall in zip(squares, falls, strict=True):
        rows, columns = square
        weight = np.outer(
            hill[-(rows.stop - rows.start) :], hill[-(columns.stop - columns.start) :]
        )
        weight = weight[: size - rows.start, : size - columns.start]
        total[square] += fall * weight
        looks[square] += weight
    return (total / looks).astype(np.float32)


def _follow(crop: NDArray[np.uint8], recognizer: Recognizer) -> Walk | None:
    """Follow the LSTM, if the contract names its tensors."""
    spec = recognizer.spec
    sequence = spec.sequence
    if sequence is None:
        return None
    names = [sequence["steps"], sequence["weight"], sequence["bias"]]
    model = recognizer.path.read_bytes()
    session = open_session(model, name=recognizer.path.name, threads=1)
    if not {output.name for output in session.get_outputs()}.issuperset(names):
        return None  # an older export, whose contract names inner tensors
    inputs = {spec.input_name: to_input(crop[np.newaxis])}
    steps, weight, bias = session.run(names, inputs)
    said = steps[0] @ weight.T  # (T, C): logits of each step, before averaging
    count = len(said)
    so_far = said.cumsum(axis=0) / np.arange(1, count + 1)[:, np.newaxis] + bias
    side = spec.input_size // 8  # of the feature map, after three 2x2 poolings
    if count not in {side, side * side}:  # neither one step per row nor one per position
        return None
    gains = np.diff(said, axis=0, prepend=np.zeros((1, said.shape[1]), dtype=said.dtype))
    contributions = gains * (np.arange(count, 0, -1) / count)[:, np.newaxis]
    contributions -= contributions.mean(axis=1, keepdims=True)
    return Walk(
        side,
        count // side,
        calibrate(so_far, recognizer.temperature, recognizer.shift),
        contributions.astype(np.float32),
    )
