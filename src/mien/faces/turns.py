"""Find the faces in pictures that are upside down or sideways.

Scans, and photos without EXIF data, do not state their orientation. The detector also finds many
rotated faces, with lower scores, but the recognizer then gives wrong answers. The picture is
therefore searched at every quarter turn if the stored orientation yields no face or only uncertain
ones. benchmarks/turned_photos.py chose the limits.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from mien.faces.face import Box, Face

Rotated: TypeAlias = Literal["auto", "always", "never"]
"""When a picture is searched at quarter turns other than the stored orientation."""
Look: TypeAlias = Callable[[int, int], Sequence[Face]]
"""Finds the faces of a picture at a number of quarter turns and one size of its longer side."""

SURE: Final = 0.92
"""A face with this score means that the picture is upright: rotated faces score less."""
MIN_TURNED_SCORE: Final = 0.8
"""Minimum score of a face at another turn; the best upright face rarely scores less."""
FILLS: Final = 0.6
"""A face longer than this fraction of its picture is assessed at a smaller size: see `_choose`."""


@dataclass(frozen=True, slots=True)
class Detection:
    """The faces of a picture, and the rotation at which they were found.

    Attributes:
        faces: Faces, the largest first, in the coordinates of the given picture.
        turned: Clockwise rotation that makes the picture upright, in degrees: 0, 90, 180 or 270.
    """

    faces: tuple[Face, ...]
    turned: int = 0


def search(
    shape: tuple[int, int], find_at: Look, sizes: Sequence[int], rotated: Rotated
) -> Detection:
    """Find faces, if requested also at other quarter turns.

    Args:
        shape: Height and width of the picture.
        find_at: Finds faces at a number of quarter turns, counterclockwise as in `np.rot90`, and
            at one size of the picture; in pixels of the rotated picture.
        sizes: Sizes to try, until one finds a face.
        rotated: "auto" tries the other turns if the stored orientation yields no face, or none that
            scores `SURE`; "always" and "never" do so always and never.
    """
    look = functools.cache(find_at)
    faces = _first(look, 0, sizes)
    turns = 0
    if rotated == "always" or (rotated == "auto" and not _is_upright(look, sizes, max(shape))):
        turns = _choose(look, sizes, max(shape))
        faces = [turn_back(face, turns, shape) for face in _first(look, turns, sizes)]
    by_area = sorted(faces, key=lambda face: face.box.area, reverse=True)
    return Detection(tuple(by_area), -90 * turns % 360)


def _first(look: Look, turns: int, sizes: Sequence[int]) -> Sequence[Face]:
    """Return the faces at the first size that finds any."""
    return next((faces for size in sizes if (faces := look(turns, size))), ())


def _is_upright(look: Look, sizes: Sequence[int], longer: int) -> bool:
    """Return whether a face of the stored orientation scores `SURE`.

    A face that fills its picture has low scores at the usual size, and counts at the smaller one,
    as in `_choose`: a look at it costs an eighth of one at the usual size.
    """
    faces = _first(look, 0, sizes)
    if _best(faces) >= SURE:
        return True
    is_filled = len(sizes) > 1 and _fill(look(0, sizes[0])) > FILLS * longer
    return is_filled and _best(look(0, sizes[1])) >= SURE


def _choose(look: Look, sizes: Sequence[int], longer: int) -> int:
    """Choose the turn, in quarters, by the score of its best face.

    Args:
        look: Finds the faces at a turn and a size.
        sizes: Sizes to try, until one finds a face at any turn.
        longer: Longer side of the picture, in pixels.
    """
    for index, size in enumerate(sizes):
        scores = [_best(look(turns, size)) for turns in range(4)]
        turns = int(np.argmax(scores))
        if not scores[turns]:
            continue

        # A face that fills its picture is too large for the detector at the usual size, where its
        # scores say little about the orientation.
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


def turn_back(face: Face, turns: int, shape: tuple[int, int]) -> Face:
    """Convert a face found in `np.rot90(image, turns)` to coordinates of the image.

    Args:
        face: The face.
        turns: Quarter turns, 0 to 3.
        shape: Height and width of the image.
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
