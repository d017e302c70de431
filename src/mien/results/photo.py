"""Record one photo and the faces in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mien.errors import InputError, require_extra
from mien.images import read_image
from mien.results import display
from mien.results.face import FaceResult
from mien.results.record import SCHEMA, Table, labels_entry

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class ImageResult(Table):
    """One picture and the faces in it.

    Attributes:
        source: The path, or what was given in place of one: "<bytes>", "<array>", "<image>".
        width: The picture's width in pixels, upright.
        height: The picture's height in pixels, upright.
        faces: The largest first; empty where there are none.
        turned: By how many degrees, clockwise, the picture has to be turned to be upright, where
            its faces say so: 0, 90, 180 or 270. Boxes and landmarks are those of the picture as it
            was given.
        damage: What is missing from the file, in one sentence; None where it is complete. What
            could be read was read.
        labels: Whose label the model answers with: "votes" (people's votes), "fer2013" (FER2013's
            own label) or "own" (that of its training data); None where it is not known.
    """

    source: str
    width: int
    height: int
    faces: tuple[FaceResult, ...]
    turned: int = 0
    damage: str | None = None
    labels: str | None = None

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "ImageResult":
        """Read back what `to_dict` returned."""
        return cls(
            source=record["source"],
            width=record["width"],
            height=record["height"],
            faces=tuple(map(FaceResult.from_dict, record["faces"])),
            turned=record.get("turned", 0),  # which records of earlier releases lack
            damage=record.get("damage"),
            labels=record.get("labels"),
        )

    def __repr__(self) -> str:
        faces = display.describe_faces([face.to_dict() for face in self.faces])
        return f"<ImageResult {self.source!r} {self.width} x {self.height}, {faces}>"

    def _repr_html_(self) -> str:
        return display.photo_html(self.to_dict())

    def plot(self, image: NDArray[np.uint8] | None = None) -> "Figure":
        """Plot the photo with numbered boxes, and each face's probabilities as bars.

        Args:
            image: The photo, (H, W, 3) uint8 RGB, as `mien.read_image` returns it; None reads
                `source` again.

        Returns:
            A matplotlib figure: a notebook shows it, and `savefig` writes it to a file.

        Raises:
            MissingExtraError: matplotlib is not installed: `pip install 'mien[plot]'`.
            ImageError: The photo cannot be read.
            InputError: The result is not of a file, and no image was given.
        """
        try:
            from mien.results import plots
        except ImportError as error:
            raise require_extra("plot", "a plot", "matplotlib") from error
        if image is None:
            if self.source.startswith("<"):
                raise InputError(
                    f"the result of {self.source} does not hold its picture; pass the picture: "
                    "result.plot(image)"
                )
            image = read_image(self.source)
        return plots.plot_photo(self.to_dict(), image)

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON types."""
        return {
            "schema": SCHEMA,
            "source": self.source,
            "width": self.width,
            "height": self.height,
            "turned": self.turned,
            "damage": self.damage,
            **labels_entry(self.labels),
            "faces": [face.to_dict() for face in self.faces],
        }
