"""Define the seven expressions that mien reads.

The labels are those of FER2013 (Goodfellow et al., 2013, arXiv 1307.0414), in alphabetical
order. They name *apparent expression*, as annotators labelled it. This is their only home:
results are keyed by name, and a model's column order is stated in its `NAME.json`.
"""

from typing import Final, Literal, TypeAlias, get_args

EMOTIONS: Final[tuple[str, ...]] = (
    "angry",
    "disgust",
    "fear",
    "happy",
    "neutral",
    "sad",
    "surprise",
)

Reason: TypeAlias = Literal["too_small", "uncertain"]
"""Why a face has no emotion: too few pixels, or no emotion is probable enough."""
REASONS: Final[tuple[str, ...]] = get_args(Reason)
