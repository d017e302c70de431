"""Convert the inputs of programs written for OpenCV to RGB images and results."""

import base64
import binascii
import functools
import os
from collections.abc import Sequence
from typing import BinaryIO, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mien.analyzer import Analyzer
from mien.errors import ImageError
from mien.face_reader import crop_faces, read_faces
from mien.faces.face import Face
from mien.images import read_image
from mien.results import FaceResult

BgrSource: TypeAlias = str | os.PathLike[str] | NDArray[np.generic] | BinaryIO
"""A path, an encoded picture in base64 (`data:image/...`), an array in BGR order, or a stream."""

ORDER: Final = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""The order in which DeepFace and fer name the emotions."""


@functools.cache
def open_analyzer() -> Analyzer:
    """Open the default model, once."""
    return Analyzer()


def read_bgr(source: BgrSource) -> NDArray[np.uint8]:
    """Read a picture; arrays are in OpenCV's BGR order.

    Args:
        source: A path, base64, a stream, or an array: (H, W) grey, (H, W, 3) BGR or (H, W, 4) BGRA.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ImageError: The source cannot be read as a picture.
    """
    if isinstance(source, np.ndarray):
        if source.ndim == 3 and source.shape[2] == 3:
            source = source[:, :, ::-1]
        elif source.ndim == 3 and source.shape[2] == 4:
            source = source[:, :, [2, 1, 0, 3]]
        return read_image(source)
    if isinstance(source, str) and source.startswith("data:image/"):
        try:
            return read_image(base64.b64decode(source.partition(",")[2], validate=True))
        except binascii.Error as error:
            raise ImageError(
                f"the picture's base64 is damaged ({error}); encode it again"
            ) from error
    return read_image(source)


def read_given(image: NDArray[np.uint8], faces: Sequence[Face]) -> tuple[FaceResult, ...]:
    """Read faces with known boxes."""
    recognizer = open_analyzer().recognizer
    crops = crop_faces(image, tuple(faces), recognizer)
    return read_faces(recognizer, [(tuple(faces), crops)])[0]


def find_and_read(image: NDArray[np.uint8]) -> tuple[FaceResult, ...]:
    """Find faces and read them, the largest first."""
    return open_analyzer().analyze(image).faces
