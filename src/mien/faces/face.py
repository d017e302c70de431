"""A detected face: its box and landmarks."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of the source image; it may extend beyond the picture's edge.

    Attributes:
        x: Left edge, from the picture's left edge.
        y: Top edge, from the picture's top edge.
        width: Width.
        height: Height.
    """

    x: float
    y: float
    width: float
    height: float

    @property
    def center(self) -> tuple[float, float]:
        """Centre (x, y), in pixels."""
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def right(self) -> float:
        """Right edge, from the picture's left edge, in pixels."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Bottom edge, from the picture's top edge, in pixels."""
        return self.y + self.height

    @property
    def shorter_side(self) -> float:
        """Shorter side, in pixels."""
        return min(self.width, self.height)

    @property
    def longer_side(self) -> float:
        """Longer side, in pixels."""
        return max(self.width, self.height)

    @property
    def area(self) -> float:
        """Area, in square pixels."""
        return self.width * self.height

    def shared_area(self, other: "Box") -> float:
        """Return the area of the intersection with another box.

        Args:
            other: A box in the same picture.

        Returns:
            Square pixels; 0 if the boxes do not overlap.
        """
        across = min(self.right, other.right) - max(self.x, other.x)
        down = min(self.bottom, other.bottom) - max(self.y, other.y)
        return max(across, 0.0) * max(down, 0.0)


@dataclass(frozen=True, slots=True)
class Face:
    """A detected face.

    Attributes:
        box: Bounding box, in pixels.
        landmarks: Five points (x, y) in pixels, right and left from the person's view: right eye,
            left eye, nose tip, right mouth corner, left mouth corner.
        score: Confidence of the detector, in [0, 1]; not a probability.
    """

    box: Box
    landmarks: tuple[tuple[float, float], ...]
    score: float

    def scaled(self, factor: float) -> "Face":
        """Return the face in a picture enlarged by a factor."""
        box = self.box
        return Face(
            Box(*(side * factor for side in (box.x, box.y, box.width, box.height))),
            tuple((x * factor, y * factor) for x, y in self.landmarks),
            self.score,
        )
