"""Reuse memory from one training step to the next, without asking the system for it again."""

import ctypes
import platform
from typing import Final

_TRIM_THRESHOLD: Final = -1
_MMAP_MAX: Final = -4
"""Parameters of glibc's `mallopt`, from its malloc.h."""


def keep_freed_memory() -> None:
    """Keep freed memory in this process until it ends, if the C library is glibc.

    By default, glibc returns large blocks to the system when they are freed. A training step frees
    and allocates hundreds of megabytes of feature maps and gradients, whose pages the system would
    clear each time.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    libc.mallopt(_TRIM_THRESHOLD, -1)  # never return the end of the heap
    libc.mallopt(_MMAP_MAX, 0)  # allocate on the heap, not in a mapping of its own
