"""Place labels and panels in a picture without covering faces or each other."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Rectangle: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""
Size: TypeAlias = tuple[int, int]
"""Width and height in pixels."""


def place_label(
    room: Size, size: Size, box: Rectangle, taken: Sequence[Rectangle], line: int
) -> tuple[int, int] | None:
    """Choose the position of a label: next to its box, or the nearest free position.

    Args:
        room: Size of the picture.
        size: Size of the label.
        box: The labelled face.
        taken: Areas to keep visible: every face, and the labels placed so far.
        line: Width of the line around the box, in pixels.

    Returns:
        The label's top left corner, in pixels; None if there is no space near the face.
    """
    width, height = size
    gap = 2 * line
    furthest = max(0, room[0] - width)
    left = round(min(max(box[0] - line, 0), furthest))
    flush = round(min(max(box[2] + line - width, 0), furthest))
    above, below = round(box[1]) - height - gap, round(box[3]) + gap
    level = max(0, round(box[1]))

    beside = [(x, y) for y in (above, below) for x in (left, flush)]
    beside += [(round(box[2]) + gap, level), (round(box[0]) - width - gap, level)]
    spots = np.array([*beside, *_spread(room, size, box)]).reshape(-1, 2)  # (N, 2)
    inside = (spots >= 0).all(axis=1) & (spots + size <= room).all(axis=1)
    for x, y in spots[inside & _are_free(spots, size, taken)]:
        return int(x), int(y)
    return None


def _spread(room: Size, size: Size, box: Rectangle) -> list[tuple[int, int]]:
    """List positions around a box, the nearest first, up to the size of the box or the label."""
    reach = max(box[2] - box[0], box[3] - box[1], size[0])
    step = max(2, size[1] // 2)
    columns = range(
        max(0, round(box[0] - reach)), min(room[0] - size[0], round(box[2] + reach)) + 1, step
    )
    rows = range(
        max(0, round(box[1] - reach)), min(room[1] - size[1], round(box[3] + reach)) + 1, step
    )

    def distance(at: tuple[int, int]) -> float:
        across = max(box[0] - at[0] - size[0], at[0] - box[2], 0.0)
        down = max(box[1] - at[1] - size[1], at[1] - box[3], 0.0)
        return across + down

    return sorted(((x, y) for y in rows for x in columns), key=distance)


def _are_free(
    spots: NDArray[np.int64], size: Size, taken: Sequence[Rectangle]
) -> NDArray[np.bool_]:
    """Return for each position, (N, 2), whether a label there covers nothing."""
    others = np.array(taken, dtype=np.float64).reshape(-1, 4)
    ends = spots + size
    across = np.minimum(ends[:, None, 0], others[:, 2]) > np.maximum(
        spots[:, None, 0], others[:, 0]
    )
    down = np.minimum(ends[:, None, 1], others[:, 3]) > np.maximum(spots[:, None, 1], others[:, 1])
    free: NDArray[np.bool_] = ~(across & down).any(axis=1)
    return free


def place_panel(
    room: Size, size: Size, box: Rectangle, taken: Sequence[Rectangle], gap: int
) -> tuple[int, int] | None:
    """Find a free position for a panel next to, below or above a box, or None.

    Args:
        room: Size of the picture.
        size: Size of the panel.
        box: The face that the panel describes.
        taken: Areas to keep visible.
        gap: Space around the panel, in pixels.
    """
    width, height = size
    if width + 2 * gap > room[0] or height + 2 * gap > room[1]:
        return None

    level = min(max(box[1], gap), room[1] - height - gap)
    flush = min(max(box[0], gap), room[0] - width - gap)
    beside = [
        (box[2] + gap, level),
        (box[0] - width - gap, level),
        (flush, box[3] + gap),
        (flush, box[1] - height - gap),
    ]

    for x, y in beside:
        inside = 0 <= x <= room[0] - width and 0 <= y <= room[1] - height
        if inside and _are_free(np.array([[x, y]]), size, taken)[0]:
            return round(x), round(y)
    return None
