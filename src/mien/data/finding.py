"""One finding of the audit of a dataset."""

from dataclasses import dataclass
from typing import Literal

Gravity = Literal["fault", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """One finding about a dataset.

    Attributes:
        gravity: A "fault" should prevent training; a "warning" changes what figures mean; a "note"
            is a decision of the loader.
        title: The problem in a few words.
        detail: The figures, and what to do.
    """

    gravity: Gravity
    title: str
    detail: str
