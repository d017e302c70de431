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

    @property
    def center(self) -> tuple[float, float]:
        """Its middle (x, y), in pixels."""
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def right(self) -> float:
        """Its right edge, from the picture's left edge, in pixels."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Its bottom edge, from the picture's top edge, in pixels."""
        return self.y + self.height

    @property
    def shorter_side(self) -> float:
        """Its shorter side, in pixels."""
        return min(self.width, self.height)

    @property
    def longer_side(self) -> float:
        """Its longer side, in pixels."""
        return max(self.width, self.height)

    @property
    def area(self) -> float:
        """Its area, in square pixels."""
        return self.width * self.height

    def shared_area(self, other: "Box") -> float:
        """Return the area, in square pixels, that lies in both boxes; 0 where they are apart."""
        across = min(self.right, other.right) - max(self.x, other.x)
        down = min(self.bottom, other.bottom) - max(self.y, other.y)
        return max(across, 0.0) * max(down, 0.0)


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

    def scaled(self, factor: float) -> "Face":
        """Return the face as it lies in a picture that is larger by a factor."""
        box = self.box
        return Face(
            Box(*(side * factor for side in (box.x, box.y, box.width, box.height))),
            tuple((x * factor, y * factor) for x, y in self.landmarks),
            self.score,
        )
