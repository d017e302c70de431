"""The colours of the expressions, which people with any colour vision can tell apart."""

from collections.abc import Sequence
from typing import Final

from mien.emotions import EMOTIONS

# After Okabe and Ito, in the order of EMOTIONS.
PALETTE: Final = ("#D55E00", "#009E73", "#CC79A7", "#F0E442", "#DDDDDD", "#56B4E9", "#E69F00")
"""On photos and on dark backgrounds."""
ON_WHITE: Final = ("#C4480F", "#0A8A66", "#B3588E", "#CFA300", "#7D858F", "#2B83C0", "#C9770A")
"""On white, where the pale colours would be lost: the same hues, darker."""
UNDECIDED: Final = "#A8A8A8"
"""The word for a face without a named expression."""


def color_for(emotion: str | None, names: Sequence[str], palette: Sequence[str] = PALETTE) -> str:
    """Return an expression's colour; class names other than mien's take the colours in turn.

    Args:
        emotion: A class name, or None where none is named.
        names: The model's class names.
        palette: `PALETTE` or `ON_WHITE`.
    """
    if emotion is None:
        return UNDECIDED
    order = EMOTIONS if emotion in EMOTIONS else tuple(names)
    return palette[order.index(emotion) % len(palette)]
