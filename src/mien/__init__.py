"""mien reads apparent facial expression from pictures and videos, offline.

    >>> import mien
    >>> result = mien.analyze_photo("examples/astronaut.jpg")  # doctest: +SKIP
    >>> result.faces[0].emotion                          # doctest: +SKIP
    'happy'

Public names are loaded on first use: `import mien` alone loads no torch, no onnxruntime and no
image decoder, and opens no file.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from mien.telemetry import switch_off

if TYPE_CHECKING:  # the names of `_load`, for editors and type checkers
    from mien.analysis import analyze as analyze
    from mien.analysis import analyze_photo as analyze_photo
    from mien.analysis import analyze_video as analyze_video
    from mien.analyzer import Analyzer as Analyzer
    from mien.batch.reading import analyze_files as analyze_files
    from mien.draw import annotate as annotate
    from mien.emotions import EMOTIONS as EMOTIONS
    from mien.errors import ConfigError as ConfigError
    from mien.errors import DataError as DataError
    from mien.errors import ExportError as ExportError
    from mien.errors import ImageError as ImageError
    from mien.errors import InputError as InputError
    from mien.errors import MienError as MienError
    from mien.errors import MissingExtraError as MissingExtraError
    from mien.errors import ModelError as ModelError
    from mien.errors import OutputError as OutputError
    from mien.errors import SourceError as SourceError
    from mien.errors import TrainingError as TrainingError
    from mien.errors import VideoError as VideoError
    from mien.explain.explanation import explain_face as explain_face
    from mien.faces.detector import FaceDetector as FaceDetector
    from mien.faces.detector import detect_faces as detect_faces
    from mien.faces.face import Box as Box
    from mien.faces.face import Face as Face
    from mien.images import read_image as read_image
    from mien.model.recognizer import Recognizer as Recognizer
    from mien.model.spec import ModelSpec as ModelSpec
    from mien.results import Event as Event
    from mien.results import FaceResult as FaceResult
    from mien.results import Failure as Failure
    from mien.results import FrameResult as FrameResult
    from mien.results import ImageResult as ImageResult
    from mien.results import Track as Track
    from mien.results import VideoResult as VideoResult
    from mien.results import VideoSummary as VideoSummary
    from mien.study.baseline import Baseline as Baseline
    from mien.tables import to_dataframe as to_dataframe
    from mien.video.annotate import annotate_video as annotate_video
    from mien.video.decoder import open_video as open_video
    from mien.video.frames import open_frames as open_frames
    from mien.video.reading import VideoReading as VideoReading
    from mien.video.reading import VideoSettings as VideoSettings
    from mien.video.reading import read_video as read_video
    from mien.watch.frame import LiveFrame as LiveFrame
    from mien.watch.live import Live as Live
    from mien.watch.stream import LiveStream as LiveStream

    __version__: str

switch_off()  # before any dependency is imported

_HOMES = {
    "analysis": ("analyze", "analyze_photo", "analyze_video"),
    "analyzer": ("Analyzer",),
    "batch.reading": ("analyze_files",),
    "draw": ("annotate",),
    "emotions": ("EMOTIONS",),
    "errors": (
        "ConfigError",
        "DataError",
        "ExportError",
        "ImageError",
        "InputError",
        "MienError",
        "MissingExtraError",
        "ModelError",
        "OutputError",
        "SourceError",
        "TrainingError",
        "VideoError",
    ),
    "explain.explanation": ("explain_face",),
    "faces.detector": ("FaceDetector", "detect_faces"),
    "faces.face": ("Box", "Face"),
    "images": ("read_image",),
    "model.recognizer": ("Recognizer",),
    "model.spec": ("ModelSpec",),
    "results": (
        "Event",
        "FaceResult",
        "Failure",
        "FrameResult",
        "ImageResult",
        "Track",
        "VideoResult",
        "VideoSummary",
    ),
    "study.baseline": ("Baseline",),
    "tables": ("to_dataframe",),
    "video.annotate": ("annotate_video",),
    "video.decoder": ("open_video",),
    "video.frames": ("open_frames",),
    "video.reading": ("VideoReading", "VideoSettings", "read_video"),
    "watch.frame": ("LiveFrame",),
    "watch.live": ("Live",),
    "watch.stream": ("LiveStream",),
}
"""The module that defines each public name; `__all__` is derived from it."""

_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted([*_MODULE_OF, "__version__"])  # noqa: PLE0605 - one list, the table above


def _load(name: str) -> object:
    """Load a public name from its module on first use."""
    if name == "__version__":
        from importlib.metadata import version

        value: object = version("mien")
    elif name in _MODULE_OF:
        value = getattr(import_module(f"mien.{_MODULE_OF[name]}"), name)
    else:
        raise AttributeError(f"module 'mien' has no attribute {name!r}")
    globals()[name] = value
    return value


if not TYPE_CHECKING:  # a type checker should see that `mien.analyse` does not exist
    __getattr__ = _load


def __dir__() -> list[str]:
    """List the public names."""
    return __all__
