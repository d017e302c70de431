"""Switch off the telemetry of mien's dependencies before any of them is imported.

This is the one place for such settings. A dependency that reports usage unless it is told not to
gets a line in `SWITCHES`, and its surface a test in `tests/test_telemetry.py`.
"""

import os
from collections.abc import MutableMapping
from typing import Final

SWITCHES: Final = {
    # onnxruntime 1.29 and newer, on Linux: a device ID and a queue of events below the user's
    # cache folder, sent in the background. Read once, when its library is loaded. Releases differ
    # in the name they read.
    "ORT_DISABLE_TELEMETRY": "1",
    "ORT_TELEMETRY_DISABLED": "1",
    # What reads hf:// sends the versions in use along with its requests.
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
"""Environment variables that switch telemetry off, with their values."""


def switch_off(environment: MutableMapping[str, str] = os.environ) -> None:
    """Set every switch that the user has not set.

    Args:
        environment: The variables to change; by default those of this process, which the processes
            that it starts inherit.
    """
    for name, value in SWITCHES.items():
        environment.setdefault(name, value)
