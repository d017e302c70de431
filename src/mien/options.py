"""Define the options of an analysis, for Python, the command line and HTTP alike.

Each of these interfaces offers all fields of `ReadingOptions`, with the same names and defaults.
"""

import os
from dataclasses import dataclass
from typing import TypedDict

from mien.faces.options import DetectorOptions
from mien.faces.turns import Rotated
from mien.model.prior import NATURAL, Prior


@dataclass(frozen=True, kw_only=True)
class ReadingOptions(DetectorOptions):
    """How to find faces, and when to name an emotion.

    Attributes:
        coverage: Required fraction of faces with an emotion, above 0 to 1, on the split named in
            the contract. Replaces the model's own threshold.
        accuracy: Required accuracy of those emotions; also replaces the threshold.
        prior: Expected mix of expressions: "natural", the one the model learnt; "balanced", for
            posed sets and experiments with equal shares; or a share for each.
    """

    coverage: float | None = None
    accuracy: float | None = None
    prior: Prior = NATURAL


class Keywords(TypedDict, total=False):
    """Options of `mien.analyze` for both photos and videos."""

    model: str | os.PathLike[str]
    detector_size: int
    min_score: float
    rotated: Rotated
    limit_faces: int | None
    min_face_px: float
    coverage: float | None
    accuracy: float | None
    prior: Prior
    device: str
    features: bool
    threads: int | None
