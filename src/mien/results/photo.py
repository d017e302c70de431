"""The result of one photo: its faces."""

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
        source: The path, or a display name: `<bytes>`, `<array>` or `<image>`.
        width: Upright width in pixels.
        height: Upright height in pixels.
        faces: Faces, the largest first; empty if there are none.
        turned: Clockwise rotation that makes the picture upright, according to its faces, in
            degrees: 0, 90, 180 or 270. Boxes and landmarks refer to the unrotated picture.
        damage: What is missing from the file, in one sentence; None if it is complete. The readable
            part was read.
        labels: Which labels the model predicts: "votes" (people's votes), "fer2013" (FER2013's own
            label) or "own" (that of its training data); None if unknown.
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
        """Restore a result from a record, the output of `to_dict`."""
        return cls(
            source=record["source"],
            width=record["width"],
            height=record["height"],
            faces=tuple(map(FaceResult.from_dict, record["faces"])),
            turned=record.get("turned", 0),  # missing in records of earlier releases
            damage=record.get("damage"),
            labels=record.get("labels"),
        )

    def __repr__(self) -> str:
        faces = display.describe_faces([face.to_dict() for face in self.faces])
        return f"<ImageResult {self.source!r} {self.width} x {self.height}, {faces}>"

    def _repr_html_(self) -> str:
        return display.photo_html(self.to_dict())

    def plot(self, image: NDArray[np.uint8] | None = None, *, lang: str = "en") -> "Figure":
        """Plot the photo with numbered boxes, and each face's probabilities as bars.

        Args:
            image: The photo, (H, W, 3) uint8 RGB, as `mien.read_image` returns it; None reads
                `source` again.
            lang: Language of the text, one of `mien.words.LANGUAGES`.

        Returns:
            A matplotlib figure, which a notebook displays and `savefig` writes to a file.

        Raises:
            MissingExtraError: matplotlib is not installed: `pip install 'mien[plot]'`.
            ImageError: The photo cannot be read.
            InputError: The result does not come from a file, and no image was given.
            ConfigError: The language is not supported.
        """
        try:
            from mien.results import plots
        except ImportError as error:
            raise require_extra("plot", "a plot", "matplotlib") from error
        if image is None:
            if self.source.startswith("<"):
                raise InputError(
                    f"the result of {self.source} does not contain the picture; pass it: "
                    "result.plot(image)"
                )
            image = read_image(self.source)
        return plots.plot_photo(self.to_dict(), image, lang)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON types."""
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
