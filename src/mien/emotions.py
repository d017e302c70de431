"""Define the seven expressions and the reasons to name none.

The labels are those of FER2013 (Goodfellow et al., 2013, arXiv 1307.0414), in alphabetical
order. They name the *apparent expression*, as labelled by annotators. Results are keyed by name,
and each model's `NAME.json` states the order of its columns.
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
