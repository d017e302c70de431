"""Measure the time from process start to a photo's result, and the size of an installation.

Command: python benchmarks/start_to_result.py examples/astronaut.jpg

Runs `mien analyze --json` on the photo and `import mien`, each in new processes, and sums up the
environment's site-packages: run it with the Python of a base installation.
"""

import statistics
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

from machine import write_result

ROUNDS = 9


def time_processes(*arguments: str) -> dict[str, float]:
    """Time new processes, in seconds; the first one (cold disk cache) separately."""
    seconds = []
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        seconds.append(time.perf_counter() - began)
    return {"first_s": seconds[0], "median_s": statistics.median(seconds[1:])}


def main(photo: str) -> None:
    """Time the command and the import."""
    site_packages = Path(sysconfig.get_paths()["purelib"])
    size = {
        place.name: sum(
            path.stat().st_size for path in (place, *place.rglob("*")) if path.is_file()
        )
        for place in site_packages.iterdir()
    }
    brought = sum(size[name] for name in size if name.startswith(("pip", "setuptools", "pkg_res")))
    write_result(
        __file__,
        ("mien", "numpy", "onnxruntime", "pillow"),
        {
            "rounds": ROUNDS,
            "python_alone": time_processes("-c", "pass"),
            "import_mien": time_processes("-c", "import mien"),
            "analyze_photo": time_processes("-m", "mien", "analyze", photo, "--json"),
            "site_packages_mb": sum(size.values()) / 1e6,
            "of_which_pip_and_setuptools_mb": brought / 1e6,
        },
    )


if __name__ == "__main__":
    main(sys.argv[1])
