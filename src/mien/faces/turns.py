"""Find the faces of pictures that are upside down or lie on their side.

Scans, and photos that lost their EXIF block, do not say which way up they are. The detector finds
many turned faces too, with lower scores, and the recognizer then answers wrongly: so the picture
is searched at every quarter turn where the search as stored finds nothing, or is unsure.
The limits were chosen by benchmarks/turned_photos.py.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mien.faces.face import Box, Face

Rotated: TypeAlias = Literal["auto", "always", "never"]
"""When a picture is searched at other quarter turns than the stored one."""
Search: TypeAlias = Callable[[NDArray[np.uint8], int], Sequence[Face]]
"""Find the faces of a picture, (H, W, 3) uint8 RGB, at one size of its longer side."""
_Look: TypeAlias = Callable[[int, int], tuple[Face, ...]]

SURE: Final = 0.92
"""With a face of this score, a picture is upright: turned faces score less."""
MIN_TURNED_SCORE: Final = 0.8
"""Under it a face at another turn counts as none: the best upright face seldom scores less."""
FILLS: Final = 0.6
"""A face longer than this share of its picture is judged at a smaller size: see `_choose`."""


@dataclass(frozen=True, slots=True)
class Detection:
    """The faces of a picture, and how it had to be turned to find them.

    Attributes:
        faces: The largest first, in the picture as it was given.
        turned: By how many degrees, clockwise, the picture has to be turned to be upright: 0, 90,
            180 or 270.
    """

    faces: tuple[Face, ...]
    turned: int = 0


def search(
    image: NDArray[np.uint8], find_at: Search, sizes: Sequence[int], rotated: Rotated
) -> Detection:
    """Find faces, at other quarter turns too where that is asked for.

    Args:
        image: (H, W, 3) uint8 RGB.
        find_at: Finds faces at one size of the picture.
        sizes: The sizes to try, until one finds a face.
        rotated: "auto" tries the other turns where the picture as stored shows no face, or none
            that scores `SURE`; "always" and "never" do so always and never.
    """

    @functools.cache
    def look(turns: int, size: int) -> tuple[Face, ...]:
        return tuple(find_at(np.rot90(image, turns), size))

    faces = _first(look, 0, sizes)
    turns = 0
    if rotated == "always" or (rotated == "auto" and _best(faces) < SURE):
        turns = _choose(look, sizes, max(image.shape[:2]))
        faces = [turn_back(face, turns, image.shape[:2]) for face in _first(look, turns, sizes)]
    by_area = sorted(faces, key=lambda face: face.box.area, reverse=True)
    return Detection(tuple(by_area), -90 * turns % 360)


def _first(look: _Look, turns: int, sizes: Sequence[int]) -> Sequence[Face]:
    """Return the faces at the first size that finds any."""
    return next((faces for size in sizes if (faces := look(turns, size))), ())


def _choose(look: _Look, sizes: Sequence[int], longer: int) -> int:
    """Choose the turn, in quarters, by the score of its best face.

    Args:
        look: Finds the faces at a turn and a size.
        sizes: The sizes to try, until one finds a face at any turn.
        longer: The picture's longer side in pixels.
    """
    for index, size in enumerate(sizes):
        scores = [_best(look(turns, size)) for turns in range(4)]
        turns = int(np.argmax(scores))
        if not scores[turns]:
            continue

        # A face that fills its picture is too large for the detector at the usual size, where its
        # scores say little of the turn.
        if index == 0 and len(sizes) > 1 and _fill(look(turns, size)) > FILLS * longer:
            smaller = [_best(look(turns, sizes[1])) for turns in range(4)]
            if any(smaller):
                scores, turns = smaller, int(np.argmax(smaller))
        return turns if scores[turns] >= MIN_TURNED_SCORE else 0
    return 0


def _best(faces: Sequence[Face]) -> float:
    """Return the highest score; 0 without a face."""
    return max((face.score for face in faces), default=0.0)


def _fill(faces: Sequence[Face]) -> float:
    """Return the longest side of a face's box, in pixels."""
    return max((face.box.longer_side for face in faces), default=0.0)


def turn_back(face: Face, turns: int, shape: tuple[int, ...]) -> Face:
    """Move a face found in `np.rot90(image, turns)` to where it is in the image.

    Args:
        face: The face.
        turns: Quarter turns, 0 to 3.
        shape: The image's height and width.
    """
    height, width = shape
    to_image: Callable[[float, float], tuple[float, float]] = (
        lambda x, y: (x, y),
        lambda x, y: (width - y, x),
        lambda x, y: (width - x, height - y),
        lambda x, y: (y, height - x),
    )[turns]

    box = face.box
    corners = to_image(box.x, box.y), to_image(box.right, box.bottom)
    (left, right), (top, bottom) = (sorted(axis) for axis in zip(*corners, strict=True))

    return Face(
        box=Box(left, top, right - left, bottom - top),
        landmarks=tuple(to_image(x, y) for x, y in face.landmarks),
        score=face.score,
    )
