"""mien reads apparent facial expression from pictures and videos, offline.

    >>> import mien
    >>> result = mien.analyze("examples/astronaut.jpg")  # doctest: +SKIP
    >>> result.faces[0].emotion                          # doctest: +SKIP
    'happy'

This module turns the house into its public names. They are loaded when they are first used:
`import mien` itself loads no torch, no onnxruntime and no image decoder, and opens no file.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what `_load` does, for people's editors and type checkers
    from mien.analyzer import Analyzer, analyze
    from mien.annotator import annotate_video
    from mien.draw import annotate
    from mien.emotions import EMOTIONS
    from mien.errors import (
        ConfigError,
        DataError,
        ExportError,
        ImageError,
        InputError,
        MienError,
        MissingExtraError,
        ModelError,
        OutputError,
        TrainingError,
        VideoError,
    )
    from mien.faces import Box, Face, FaceDetector, detect_faces
    from mien.images import read_image
    from mien.recognizer import Recognizer
    from mien.results import (
        Event,
        FaceResult,
        Failure,
        FrameResult,
        ImageResult,
        Track,
        VideoResult,
        VideoSummary,
    )
    from mien.spec import ModelSpec
    from mien.video import open_video
    from mien.video_analyzer import VideoReading, VideoSettings, read_video

    __version__: str

__all__ = [
    "EMOTIONS",
    "Analyzer",
    "Box",
    "ConfigError",
    "DataError",
    "Event",
    "ExportError",
    "Face",
    "FaceDetector",
    "FaceResult",
    "Failure",
    "FrameResult",
    "ImageError",
    "ImageResult",
    "InputError",
    "MienError",
    "MissingExtraError",
    "ModelError",
    "ModelSpec",
    "OutputError",
    "Recognizer",
    "Track",
    "TrainingError",
    "VideoError",
    "VideoReading",
    "VideoResult",
    "VideoSettings",
    "VideoSummary",
    "__version__",
    "analyze",
    "annotate",
    "annotate_video",
    "detect_faces",
    "open_video",
    "read_image",
    "read_video",
]

_HOMES = {
    "analyzer": ("Analyzer", "analyze"),
    "annotator": ("annotate_video",),
    "draw": ("annotate",),
    "emotions": ("EMOTIONS",),
    "faces": ("Box", "Face", "FaceDetector", "detect_faces"),
    "images": ("read_image",),
    "recognizer": ("Recognizer",),
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
    "spec": ("ModelSpec",),
    "video": ("open_video",),
    "video_analyzer": ("VideoReading", "VideoSettings", "read_video"),
}


def _load(name: str) -> object:
    """Load a public name from its home at its first use."""
    if name == "__version__":
        from importlib.metadata import version

        value: object = version("mien")
    elif name in __all__:
        homes = (home for home, names in _HOMES.items() if name in names)
        value = getattr(import_module(f"mien.{next(homes, 'errors')}"), name)
    else:
        raise AttributeError(f"module 'mien' has no attribute {name!r}")
    globals()[name] = value
    return value


if not TYPE_CHECKING:  # a type checker should see that `mien.analyse` does not exist
    __getattr__ = _load


def __dir__() -> list[str]:
    """List the public names."""
    return __all__
