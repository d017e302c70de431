"""Write a benchmark's figures to a JSON file, with a description of the machine."""

import json
import os
import platform
import shlex
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from mien.model.recognizer import ASSETS
from mien.model.spec import ModelSpec

CPUINFO: Final = Path("/proc/cpuinfo")
INSTRUCTION_SETS: Final = {
    "AVX2": "avx2",
    "AVX-512": "avx512f",
    "VNNI": "avx512_vnni",
    "AVX-VNNI": "avx_vnni",
    "AMX bf16": "amx_bf16",
    "AMX int8": "amx_int8",
    "NEON dot product": "asimddp",
}
"""Instruction sets that determine the networks' speed, with their flags in Linux."""


def describe_machine(cpuinfo: Path = CPUINFO) -> dict[str, Any]:
    """Describe what determines a timing: processor, instruction sets, cores, system, Python.

    Args:
        cpuinfo: Linux's description of the processor; it does not exist on other systems, where
            `instruction_sets` is None.
    """
    names, flags = _read_cpuinfo(cpuinfo)
    return {
        "processor": names[0] if names else platform.processor(),
        "instruction_sets": list_instruction_sets(flags),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def list_instruction_sets(flags: frozenset[str] | None) -> list[str] | None:
    """Return the instruction sets among a processor's flags; None if the flags are unknown."""
    if flags is None:
        return None
    return [name for name, flag in INSTRUCTION_SETS.items() if flag in flags]


def _read_cpuinfo(path: Path) -> tuple[list[str], frozenset[str] | None]:
    """Return the processors' names and the first one's flags; None if there is no such file."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return [], None
    pairs = [(key.strip(), value.strip()) for key, _, value in (li.partition(":") for li in lines)]
    names = [value for key, value in pairs if key == "model name"]
    flags = next((value for key, value in pairs if key in {"flags", "Features"}), None)
    return names, None if flags is None else frozenset(flags.split())


def describe_command(argv: Sequence[str]) -> str:
    """Return the command that runs now, without the folders of this machine.

    Args:
        argv: The script and its arguments, as in `sys.argv`.
    """
    script, *arguments = argv
    return shlex.join(["python", f"benchmarks/{Path(script).name}", *map(_shorten, arguments)])


def _shorten(argument: str) -> str:
    """Shorten a path to its name, and that of a program to ENV/bin/NAME."""
    path = Path(argument)
    if not path.is_absolute() and ".." not in path.parts:
        return argument
    return str(Path(*path.parts[-3:])) if path.parent.name == "bin" else path.name


def identify(models: Sequence[str]) -> dict[str, str]:
    """Return the identity of each bundled model."""
    return {name: ModelSpec.read(ASSETS / f"{name}.json").identity for name in models}


def write_result(
    script: str, packages: tuple[str, ...], figures: Any, *, models: Sequence[str] = ()
) -> None:
    """Write `benchmarks/SCRIPT.json` and print it.

    Args:
        script: Path of the script.
        packages: Packages whose versions matter.
        figures: What was measured.
        models: Bundled models whose answers the figures depend on; their identities are recorded,
            and a test fails once another model ships under one of these names.
    """
    result = {
        "command": describe_command(sys.argv),
        "machine": describe_machine(),
        "versions": {package: version(package) for package in packages},
        **({"models": identify(models)} if models else {}),
        "figures": figures,
    }
    text = json.dumps(result, indent=2) + "\n"
    Path(script).with_suffix(".json").write_text(text, encoding="utf-8")
    print(text, end="")
