"""Read one picture or video in one call."""

import functools
import os
from collections.abc import Callable
from typing import Unpack

from mien.analyzer import Analyzer
from mien.contents import is_video
from mien.devices import DEFAULT
from mien.errors import ImageError, VideoError
from mien.faces.options import DETECTOR_SIZE, MIN_SCORE
from mien.faces.turns import Rotated
from mien.images import ImageSource, name_source
from mien.model.prior import NATURAL, Prior
from mien.model.recognizer import MODELS
from mien.options import Keywords, ReadingOptions
from mien.results import ImageResult, VideoResult
from mien.video.container import VideoSource
from mien.video.reading import VideoSettings


def analyze(
    source: ImageSource,
    *,
    model: str | os.PathLike[str] = "accurate",
    detector_size: int = DETECTOR_SIZE,
    min_score: float = MIN_SCORE,
    rotated: Rotated = "auto",
    limit_faces: int | None = None,
    min_face_px: float = 0,
    threads: int | None = None,
    coverage: float | None = None,
    accuracy: float | None = None,
    prior: Prior = NATURAL,
    device: str = DEFAULT,
    features: bool = False,
    video: VideoSettings | None = None,
    progress: bool = False,
) -> ImageResult | VideoResult:
    """Read the apparent expression of every face in one picture or video.

    The content determines whether the source is a picture or a video. The first call opens detector
    and model, and later calls reuse them. For many pictures, see `Analyzer.analyze_many`; for long
    videos, `mien.read_video`.

    Args:
        source: A path, bytes or a binary stream of either, an array (RGB) or a Pillow image.
        model: "accurate", "fast", "fer2013", or the path of an `.onnx` file with its `.json`.
        detector_size: Longer side of the picture at detection, in pixels; 1280 finds smaller faces,
            as in groups.
        min_score: Faces with a lower detection score, in [0, 1], are left out.
        rotated: When to search a picture at quarter turns as well: "auto" if its orientation yields
            no face or only uncertain ones, "always" or "never". For videos, "auto" is "never".
        limit_faces: Maximum number of faces per photo or frame, the largest; None reads all.
        min_face_px: Leave out faces whose box has a shorter side below this, in pixels.
        threads: Maximum number of threads; None uses all available cores.
        coverage: Required fraction of faces with an emotion, above 0 to 1, on the split named in
            the contract. Replaces the model's own threshold.
        accuracy: Required accuracy of those emotions; also replaces the threshold.
        prior: Expected mix of expressions: "natural", the one the model learnt; "balanced", for
            posed sets and experiments with equal shares; or a share for each.
        device: Device of the networks: "cpu" or another `mien.devices.DeviceName`.
        features: Return the features of each face, the input of the model's last layer; they do not
            identify a person (see `FaceResult.features`).
        video: Which frames of a video to analyse, and how; None analyses five frames per second.
        progress: Show a progress bar while a video is read, on a terminal or in a notebook.

    Returns:
        The result; without faces, `faces` is empty. A video's result has `frames`, each with its
        time and faces.

    Raises:
        ImageError: The source cannot be read as a picture.
        VideoError: The source looks like a video but cannot be read as one.
        ModelError: The model is missing or damaged.
        ConfigError: No threshold reaches the coverage or accuracy.
    """
    options = ReadingOptions(
        detector_size=detector_size,
        min_score=min_score,
        rotated=rotated,
        limit_faces=limit_faces,
        min_face_px=min_face_px,
        coverage=coverage,
        accuracy=accuracy,
        prior=prior,
    )

    # Your own file may change between calls, unlike the bundled models.
    is_kept = model in MODELS and isinstance(prior, str)
    open_analyzer: Callable[..., Analyzer] = _keep_open if is_kept else Analyzer.open
    analyzer = open_analyzer(
        os.fspath(model), options, threads=threads, device=device, features=features
    )
    if is_video(source):
        return analyzer.analyze_video(source, video, progress=progress)  # type: ignore[arg-type]
    return analyzer.analyze(source)


def analyze_photo(source: ImageSource, **options: Unpack[Keywords]) -> ImageResult:
    """Read the apparent expression of every face in one photo.

    Args:
        source: Any input of `mien.read_image`.
        options: Options of `analyze`.

    Returns:
        The result; without faces, `faces` is empty.

    Raises:
        ImageError: The source is a video or animation, or cannot be read as a picture.
        ModelError: The model is missing or damaged.
        ConfigError: No threshold reaches the coverage or accuracy.
    """
    if is_video(source):
        name = name_source(source)
        raise ImageError(f"{name} is a video, expected a photo; read it with mien.analyze_video")
    result = analyze(source, **options)
    assert isinstance(result, ImageResult)  # noqa: S101 - only videos have other results
    return result


def analyze_video(
    source: VideoSource,
    settings: VideoSettings | None = None,
    *,
    progress: bool = False,
    **options: Unpack[Keywords],
) -> VideoResult:
    """Read the apparent expression of every face in one video, frame by frame.

    Args:
        source: A path, a whole file as bytes, or a binary stream.
        settings: Which frames to analyse, and how; None analyses five frames per second.
        progress: Show a progress bar, on a terminal or in a notebook.
        options: Options of `analyze`.

    Returns:
        Every analysed frame, and the summary.

    Raises:
        VideoError: The source is not a video, or cannot be read as one.
        MissingExtraError: PyAV is not installed.
        ModelError: The model is missing or damaged.
        ConfigError: No threshold reaches the coverage or accuracy.
    """
    if not is_video(source):
        name = name_source(source)
        raise VideoError(f"{name} is not a video; read a photo with mien.analyze_photo")
    result = analyze(source, video=settings, progress=progress, **options)
    assert isinstance(result, VideoResult)  # noqa: S101 - videos have no other results
    return result


_keep_open = functools.lru_cache(maxsize=2)(Analyzer.open)
"""The same for bundled models: a previously opened analyzer, or a new one."""
