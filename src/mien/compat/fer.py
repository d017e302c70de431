"""Provide the interface of the package `fer`, implemented with mien.

Only the import needs to change:

    from mien.compat.fer import FER    # was: from fer import FER

docs/from-fer.md lists the differences.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.compat.bgr import ORDER, BgrSource, find_and_read, read_bgr, read_given
from mien.errors import ImageError
from mien.faces.face import Box, Face
from mien.results import FaceResult


class InvalidImage(ImageError, ValueError):  # noqa: N818 - the name is fer's
    """A picture that cannot be read."""


class FER:
    """A detector with fer's methods.

    Attributes:
        emotions: The last result of `detect_emotions`.
    """

    def __init__(  # noqa: PLR0917 - the arguments and their order are fer's
        self,
        cascade_file: str | None = None,
        mtcnn: bool = False,
        tfserving: bool = False,
        scale_factor: float = 1.1,
        min_face_size: int = 50,
        min_neighbors: int = 5,
        offsets: tuple[int, int] = (10, 10),
    ) -> None:
        """Store the settings.

        Args:
            cascade_file: No effect: mien's own detector finds the faces.
            mtcnn: No effect.
            tfserving: No effect: nothing is sent anywhere.
            scale_factor: No effect.
            min_face_size: Faces with a shorter side below this, in pixels, are left out.
            min_neighbors: No effect.
            offsets: No effect: the model determines the crop.
        """
        self._min_face_size = min_face_size
        self.emotions: list[dict[str, Any]] = []

    def find_faces(self, img: BgrSource, bgr: bool = True) -> list[list[int]]:
        """Find faces.

        Args:
            img: A path, base64, or an array: (H, W, 3) BGR or (H, W) grey.
            bgr: No effect: the array's shape determines whether it is grey.

        Returns:
            A box for each face, the largest first: left, top, width, height in pixels.

        Raises:
            InvalidImage: The picture cannot be read.
        """
        return [_box(face) for face in self._read(_open(img))]

    def detect_emotions(
        self,
        img: BgrSource,
        face_rectangles: Sequence[Sequence[float]] | NDArray[np.generic] | None = None,
    ) -> list[dict[str, Any]]:
        """Read the apparent expression of every face.

        Args:
            img: A path, base64, or an array: (H, W, 3) BGR or (H, W) grey.
            face_rectangles: Known boxes (left, top, width, height); None finds them.

        Returns:
            For each face, the largest first, or in the order of the given boxes: `box`
            (left, top, width, height) and `emotions`, from 0 to 1, rounded to two places.

        Raises:
            InvalidImage: The picture cannot be read.
        """
        image = _open(img)
        if face_rectangles is None:
            faces = self._read(image)
        else:
            boxes = [Box(*(float(side) for side in sides)) for sides in face_rectangles]
            given = [Face(box, (), 1.0) for box in boxes if box.shorter_side > 0]
            faces = [face for face in read_given(image, given) if face.probabilities is not None]
        self.emotions = [{"box": _box(face), "emotions": _emotions(face)} for face in faces]
        return self.emotions

    def top_emotion(self, img: BgrSource) -> tuple[str | None, float | None]:
        """Return the most probable expression of the first face.

        Args:
            img: As for `detect_emotions`.

        Returns:
            The expression and its probability, rounded to two places; (None, None) without a face.

        Raises:
            InvalidImage: The picture cannot be read.
        """
        found = self.detect_emotions(img)
        if not found:
            return None, None
        emotions = found[0]["emotions"]
        top = max(emotions, key=lambda name: emotions[name])
        return top, emotions[top]

    def _read(self, image: NDArray[np.uint8]) -> list[FaceResult]:
        """Find and read the faces that are large enough."""
        return [
            face
            for face in find_and_read(image)
            if face.probabilities is not None and face.box.shorter_side >= self._min_face_size
        ]


def _open(img: BgrSource) -> NDArray[np.uint8]:
    try:
        return read_bgr(img)
    except ImageError as error:
        raise InvalidImage(str(error)) from error


def _box(face: FaceResult) -> list[int]:
    box = face.box
    return [round(box.x), round(box.y), round(box.width), round(box.height)]


def _emotions(face: FaceResult) -> dict[str, float]:
    probabilities = face.probabilities or {}
    return {name: round(probabilities[name], 2) for name in ORDER}
