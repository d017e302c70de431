"""A face that was found in a picture: where it is, and its landmarks."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of the source image; it may reach past the picture's edge.

    Attributes:
        x: Its left edge, from the picture's left edge.
        y: Its top edge, from the picture's top edge.
        width: Its width.
        height: Its height.
    """

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Face:
    """A face that was found.

    Attributes:
        box: Where it is, in pixels.
        landmarks: Five points (x, y) in pixels, right and left as the person has them: right
            eye, left eye, nose tip, right mouth corner, left mouth corner.
        score: How sure the detector is, in [0, 1]; not a probability.
    """

    box: Box
    landmarks: tuple[tuple[float, float], ...]
    score: float
