"""Colours of the expressions, distinguishable with any colour vision."""

from collections.abc import Sequence
from typing import Final

from mien.emotions import EMOTIONS

# After Okabe and Ito, in the order of EMOTIONS.
PALETTE: Final = ("#D55E00", "#009E73", "#CC79A7", "#F0E442", "#DDDDDD", "#56B4E9", "#E69F00")
"""For photos and dark backgrounds."""
ON_WHITE: Final = ("#C4480F", "#0A8A66", "#B3588E", "#CFA300", "#7D858F", "#2B83C0", "#C9770A")
"""For white backgrounds, on which the pale colours are hard to see: the same hues, darker."""
UNDECIDED: Final = "#A8A8A8"
"""Word for a face without a named expression."""


def color_for(emotion: str | None, names: Sequence[str], palette: Sequence[str] = PALETTE) -> str:
    """Return an expression's colour; other class names get the colours in order.

    Args:
        emotion: A class name, or None if none is named.
        names: The model's class names.
        palette: `PALETTE` or `ON_WHITE`.
    """
    if emotion is None:
        return UNDECIDED
    order = EMOTIONS if emotion in EMOTIONS else tuple(names)
    return palette[order.index(emotion) % len(palette)]
