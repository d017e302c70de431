"""Crop detected faces and run the model on them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import repeat
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.faces.crop import is_too_small
from mien.faces.face import Face
from mien.model.certainty import find_certainty
from mien.model.recognizer import CHUNK, Recognizer
from mien.results import FaceResult

MAX_WAITING = 32
"""Maximum number of pictures per batch, however few faces they have."""

_Found = TypeVar("_Found")


def crop_faces(
    image: NDArray[np.uint8] | Image.Image,
    faces: Sequence[Face],
    recognizer: Recognizer,
    *,
    reduction: int = 1,
) -> NDArray[np.uint8]:
    """Crop the faces that are large enough to be read.

    Args:
        image: (H, W, 3) uint8 RGB, or a Pillow image in mode RGB.
        faces: The detected faces, in pixels of the source.
        recognizer: The model.
        reduction: Number of source pixels per image pixel, along each axis.

    Returns:
        (N, 48, 48) uint8 grey, in the order of the faces; faces that are too small are left out.
    """
    crops = [
        recognizer.crop(image, face.scaled(1 / reduction))
        for face in faces
        if not is_too_small(face)
    ]
    size = recognizer.spec.input_size
    return np.array(crops, dtype=np.uint8).reshape(-1, size, size)


def gather(
    found: Iterable[_Found], count: Callable[[_Found], int], *, most: int = MAX_WAITING
) -> Iterator[list[_Found]]:
    """Group pictures into batches with enough faces for one run of the model.

    Args:
        found: Pictures with detected faces.
        count: Returns the number of crops of a picture.
        most: Maximum number of pictures per batch.

    Yields:
        Batches of at least one picture, in order; each is complete before the next picture is
        requested.
    """
    batch: list[_Found] = []
    crops = 0
    for picture in found:
        batch.append(picture)
        crops += count(picture)
        if crops >= CHUNK or len(batch) >= most:
            yield batch
            batch, crops = [], 0

    if batch:
        yield batch


def read_faces(
    recognizer: Recognizer, pictures: Sequence[tuple[Sequence[Face], NDArray[np.uint8]]]
) -> list[tuple[FaceResult, ...]]:
    """Read the faces of several pictures in one pass through the model.

    Args:
        recognizer: The model.
        pictures: For each picture, its faces and the output of `crop_faces`.

    Returns:
        For each picture, its faces, in order.
    """
    if not pictures:
        return []
    crops = np.concatenate([cut for _, cut in pictures])
    rows: Iterator[tuple[NDArray[np.float32], NDArray[np.float32] | None]]
    if recognizer.features:
        rows = zip(*recognizer.predict_with_features(crops), strict=True)
    else:
        rows = zip(recognizer.predict_probabilities(crops), repeat(None), strict=False)
    return [tuple(_read_face(recognizer, face, rows) for face in faces) for faces, _ in pictures]


def _read_face(
    recognizer: Recognizer,
    face: Face,
    rows: Iterator[tuple[NDArray[np.float32], NDArray[np.float32] | None]],
) -> FaceResult:
    """Build the result of one face, with the next row of outputs if it was read."""
    if is_too_small(face):
        return FaceResult.unread(face, "too_small")
    row, features = next(rows)
    probabilities = dict(zip(recognizer.emotions, map(float, row), strict=True))
    temperature = recognizer.spec.certainty_temperature
    read = FaceResult.read(
        face,
        probabilities,
        threshold=recognizer.abstention_threshold,
        certainty=(
            None if temperature is None else find_certainty(probabilities.values(), temperature)
        ),
    )
    return read if features is None else replace(read, features=tuple(map(float, features)))
