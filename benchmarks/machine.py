"""This module turns a benchmark's figures into a JSON file that says what they were taken on."""

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any


def describe_machine() -> dict[str, Any]:
    """Say what decides a timing: processor, cores, system, Python."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    ]
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def write_result(script: str, command: str, packages: tuple[str, ...], figures: Any) -> None:
    """Write `benchmarks/SCRIPT.json` and print it."""
    result = {
        "command": command,
        "machine": describe_machine(),
        "versions": {package: version(package) for package in packages},
        "figures": figures,
    }
    text = json.dumps(result, indent=2) + "\n"
    Path(script).with_suffix(".json").write_text(text, encoding="utf-8")
    print(text, end="")
