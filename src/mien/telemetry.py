"""Switch off the telemetry of mien's dependencies before any of them is imported.

All such settings are here. Each dependency that reports usage by default has a line in `SWITCHES`
and a test in `tests/test_telemetry.py`.
"""

import os
from collections.abc import MutableMapping
from typing import Final

SWITCHES: Final = {
    # onnxruntime 1.29 and newer, on Linux, write a device ID and a queue of events to the user's
    # cache folder and send them in the background. The setting is read once, when the library is
    # loaded. Its name differs between releases.
    "ORT_DISABLE_TELEMETRY": "1",
    "ORT_TELEMETRY_DISABLED": "1",
    # The library for hf:// sends version numbers along with its requests.
    "HF_HUB_DISABLE_TELEMETRY": "1",
    # Ray's report of its use, sent by the head of a cluster that this process starts.
    "RAY_USAGE_STATS_ENABLED": "0",
}
"""Environment variables that switch telemetry off, with their values."""


def switch_off(environment: MutableMapping[str, str] = os.environ) -> None:
    """Set every switch that the user has not set.

    Args:
        environment: The variables to change; by default those of this process, which its child
            processes inherit.
    """
    for name, value in SWITCHES.items():
        environment.setdefault(name, value)
