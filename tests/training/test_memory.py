"""A training process keeps the memory that it frees."""

import platform
import subprocess
import sys

import pytest

COUNT_FAULTS = """
import resource, sys
import numpy as np
if sys.argv[1] == "kept":
    from mien.training.memory import keep_freed_memory
    keep_freed_memory()
for step in range(11):
    if step == 1:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [np.ones(size << 20, np.uint8) for size in (5, 20, 40)]
    del blocks
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 10)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_memory_freed_in_one_step_is_reused_in_the_next():
    faults = {
        how: float(
            subprocess.run(
                [sys.executable, "-c", COUNT_FAULTS, how],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for how in ("returned", "kept")
    }
    # A step touches 65 MiB: 16,640 pages of 4 KiB, or 33 where the system gives it huge pages.
    assert faults["kept"] < faults["returned"] / 4
    assert faults["returned"] > 20
