"""Analyze pictures and videos: find the faces, crop them and read their expressions."""

import functools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.contents import is_video
from mien.devices import DEFAULT
from mien.errors import ConfigError, ImageError, MienError, VideoError
from mien.face_reader import crop_faces, gather, read_faces
from mien.faces.detector import DETECTOR_SIZE, FaceDetector
from mien.faces.face import Face
from mien.faces.turns import Rotated
from mien.images import MAX_PIXELS, ImageSource, clean_name, name_source, read_picture
from mien.model.prior import NATURAL, Prior
from mien.model.recognizer import MODELS, Recognizer
from mien.results import Failure, ImageResult, VideoResult
from mien.video.container import VideoSource
from mien.video.reading import VideoSettings
from mien.video.reading import analyze_video as read_whole_video


@dataclass(frozen=True)
class FoundFaces:
    """A picture with detected faces that have not been read yet.

    Attributes:
        source: The picture's path, or a display name of another source.
        width: Upright width in pixels.
        height: Upright height in pixels.
        faces: Faces, the largest first.
        crops: (N, 48, 48) uint8 grey, one for each face that is large enough to be read, in order.
        turned: Clockwise rotation that makes the picture upright, in degrees.
        damage: What is missing from the file; None if it is complete.
    """

    source: str
    width: int
    height: int
    faces: tuple[Face, ...]
    crops: NDArray[np.uint8]
    turned: int = 0
    damage: str | None = None


def count_crops(found: FoundFaces | Failure) -> int:
    """Return the number of faces of a source that will be read."""
    return len(found.crops) if isinstance(found, FoundFaces) else 0


class Options(TypedDict, total=False):
    """Options of `analyze` for both photos and videos."""

    model: str | os.PathLike[str]
    detector_size: int
    rotated: Rotated
    limit_faces: int | None
    min_face_px: float
    threads: int | None
    coverage: float | None
    accuracy: float | None
    prior: Prior
    device: str


class Analyzer:
    """Detector and model, opened once and run on many pictures.

    It can be shared between threads, and pickled: unpickling opens its files again.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | Recognizer = "accurate",
        *,
        detector: FaceDetector | None = None,
        threads: int | None = None,
        coverage: float | None = None,
        accuracy: float | None = None,
        prior: Prior = NATURAL,
        device: str = DEFAULT,
    ) -> None:
        """Open the detector and the model.

        Args:
            model: "accurate", "fast" or "fer2013", the path of an `.onnx` file, or a `Recognizer`.
            detector: A `FaceDetector` with other settings; None opens the default one.
            threads: Maximum number of threads of detector and model; None uses all available cores.
            coverage: Required fraction of faces with an emotion, above 0 to 1. Replaces the model's
                own threshold (set it on the `Recognizer` if you pass one).
            accuracy: Required accuracy of those emotions; also replaces the threshold.
            prior: Expected mix of expressions: "natural", "balanced", or a share for each.
            device: Device of the networks (a `FaceDetector` and a `Recognizer` have their own):
                "cpu" or another `mien.devices.DeviceName`; "auto" uses the best available.

        Raises:
            ModelError: The model or the detector is missing or damaged.
            ConfigError: No threshold reaches the coverage or accuracy.
        """
        if isinstance(model, Recognizer):
            if (coverage, accuracy, prior) != (None, None, NATURAL):
                raise ConfigError("set coverage, accuracy and prior on the Recognizer instead")
            self.recognizer = model
        else:
            self.recognizer = Recognizer(
                model,
                threads=threads,
                coverage=coverage,
                accuracy=accuracy,
                prior=prior,
                device=device,
            )
        if detector is None:
            detector = FaceDetector(threads=threads, device=device)
        self.detector = detector

    def analyze(self, source: ImageSource) -> ImageResult:
        """Read the faces of one picture.

        Args:
            source: Any input of `mien.read_image`.

        Returns:
            The result; without faces, `faces` is empty.

        Raises:
            ImageError: The source cannot be read as a picture.
        """
        return self.read_faces([self.find_faces(source)])[0]

    def analyze_many(
        self, sources: Iterable[ImageSource | tuple[str, ImageSource]]
    ) -> Iterator[ImageResult | Failure]:
        """Read the faces of many pictures; an unreadable one does not affect the others.

        Faces of several pictures are batched for the model. Pictures are taken from `sources` as
        results are requested, at most a batch of `mien.face_reader.gather` ahead, and are not
        kept.

        Args:
            sources: Inputs of `mien.read_image`, or pairs of a display name and such an input, as
                in `[("a.jpg", data), ...]`. An array (N, H, W, 3) is N pictures.

        Returns:
            For each source, in order, its result or a `Failure`.

        Raises:
            ConfigError: A single picture was passed instead of several.
        """
        _refuse_single(sources)
        return self._analyze_many(sources)

    def _analyze_many(
        self, sources: Iterable[ImageSource | tuple[str, ImageSource]]
    ) -> Iterator[ImageResult | Failure]:
        """Read many pictures, several at a time."""
        for batch in gather(map(self._try_to_find, sources), count_crops):
            yield from self.read_found(batch)

    def _try_to_find(self, item: ImageSource | tuple[str, ImageSource]) -> FoundFaces | Failure:
        """Find the faces of one of many pictures, which may have a display name."""
        name, source = item if isinstance(item, tuple) else (name_source(item), item)
        try:
            return self.find_faces(source, name=name)
        except MienError as error:
            return Failure.of(clean_name(name), error)

    def analyze_video(
        self, source: VideoSource, settings: VideoSettings | None = None
    ) -> VideoResult:
        """Read the faces of a video.

        For long videos, `mien.read_video` yields frames one by one.

        Args:
            source: A path, a whole file as bytes, or a binary stream.
            settings: Which frames to analyse, and how; None analyses five frames per second.

        Returns:
            Every analysed frame, and the summary.

        Raises:
            VideoError: The source cannot be read as a video.
            MissingExtraError: PyAV is not installed.
        """
        return read_whole_video(self, source, settings)

    def find_faces(
        self, source: ImageSource, *, name: str | None = None, max_pixels: int = MAX_PIXELS
    ) -> FoundFaces:
        """Decode a picture, find its faces and crop those that are large enough.

        With `read_faces`, this is `analyze` in two steps, to batch the faces of several pictures.

        Args:
            source: Any input of `mien.read_image`.
            name: Display name in the result; None uses the path or the kind of source.
            max_pixels: As for `mien.read_image`.

        Raises:
            ImageError: The source cannot be read as a picture.
        """
        name = name_source(source) if name is None else clean_name(name)
        picture = read_picture(source, name=name, max_pixels=max_pixels)
        detection = self.detector.search(picture.pixels, reduction=picture.reduction)
        faces = tuple(face.scaled(picture.reduction) for face in detection.faces)
        return FoundFaces(
            source=name,
            width=picture.width,
            height=picture.height,
            faces=faces,
            crops=crop_faces(picture.pixels, faces, self.recognizer, reduction=picture.reduction),
            turned=detection.turned,
            damage=picture.damage,
        )

    def read_found(self, batch: Sequence[FoundFaces | Failure]) -> list[ImageResult | Failure]:
        """Read the faces of several pictures like `read_faces`, and pass failures on.

        Args:
            batch: For each source, the output of `find_faces`, or its failure.

        Returns:
            For each source, in order, its result or its failure.
        """
        pictures = [found for found in batch if isinstance(found, FoundFaces)]
        results = iter(self.read_faces(pictures))
        return [found if isinstance(found, Failure) else next(results) for found in batch]

    def read_faces(self, pictures: Sequence[FoundFaces]) -> list[ImageResult]:
        """Read the faces of several pictures in one pass through the model.

        Args:
            pictures: Outputs of `find_faces`.

        Returns:
            A result for each picture, in order.
        """
        read = read_faces(self.recognizer, [(found.faces, found.crops) for found in pictures])
        labels = self.recognizer.spec.labels
        return [
            ImageResult(
                source=found.source,
                width=found.width,
                height=found.height,
                faces=faces,
                turned=found.turned,
                damage=found.damage,
                labels=labels,
            )
            for found, faces in zip(pictures, read, strict=True)
        ]


def analyze(
    source: ImageSource,
    *,
    model: str | os.PathLike[str] = "accurate",
    detector_size: int = DETECTOR_SIZE,
    rotated: Rotated = "auto",
    limit_faces: int | None = None,
    min_face_px: float = 0,
    threads: int | None = None,
    coverage: float | None = None,
    accuracy: float | None = None,
    prior: Prior = NATURAL,
    device: str = DEFAULT,
    video: VideoSettings | None = None,
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
        video: Which frames of a video to analyse, and how; None analyses five frames per second.

    Returns:
        The result; without faces, `faces` is empty. A video's result has `frames`, each with its
        time and faces.

    Raises:
        ImageError: The source cannot be read as a picture.
        VideoError: The source looks like a video but cannot be read as one.
        ModelError: The model is missing or damaged.
        ConfigError: No threshold reaches the coverage or accuracy.
    """
    # Your own file may change between calls, unlike the bundled models.
    is_kept = model in MODELS and isinstance(prior, str)
    open_analyzer: Callable[..., Analyzer] = _keep_open if is_kept else _open
    analyzer = open_analyzer(
        os.fspath(model),
        detector_size=detector_size,
        rotated=rotated,
        limit_faces=limit_faces,
        min_face_px=min_face_px,
        threads=threads,
        coverage=coverage,
        accuracy=accuracy,
        prior=prior,
        device=device,
    )
    if is_video(source):
        return analyzer.analyze_video(source, video)  # type: ignore[arg-type]
    return analyzer.analyze(source)


def analyze_photo(source: ImageSource, **options: Unpack[Options]) -> ImageResult:
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
    source: VideoSource, settings: VideoSettings | None = None, **options: Unpack[Options]
) -> VideoResult:
    """Read the apparent expression of every face in one video, frame by frame.

    Args:
        source: A path, a whole file as bytes, or a binary stream.
        settings: Which frames to analyse, and how; None analyses five frames per second.
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
    result = analyze(source, video=settings, **options)
    assert isinstance(result, VideoResult)  # noqa: S101 - videos have no other results
    return result


def _open(
    model: str | os.PathLike[str],
    *,
    detector_size: int,
    rotated: Rotated,
    limit_faces: int | None,
    min_face_px: float,
    threads: int | None,
    coverage: float | None,
    accuracy: float | None,
    prior: Prior,
    device: str,
) -> Analyzer:
    """Open an analyzer for `analyze`."""
    detector = FaceDetector(
        detector_size=detector_size,
        rotated=rotated,
        limit_faces=limit_faces,
        min_face_px=min_face_px,
        threads=threads,
        device=device,
    )
    return Analyzer(
        model,
        detector=detector,
        threads=threads,
        coverage=coverage,
        accuracy=accuracy,
        prior=prior,
        device=device,
    )


_keep_open = functools.lru_cache(maxsize=2)(_open)
"""The same for bundled models: a previously opened analyzer, or a new one."""


def _refuse_single(sources: object) -> None:
    """Reject a single picture where several are expected, as it would be iterated over.

    Raises:
        ConfigError: The input is a single picture.
    """
    is_single = isinstance(source := sources, str | os.PathLike | bytes | bytearray | memoryview)
    is_single |= isinstance(source, Image.Image) or hasattr(source, "read")
    is_single |= isinstance(source, np.ndarray) and source.ndim < 4
    if is_single or not isinstance(source, Iterable):
        raise ConfigError(
            f"analyze_many requires several pictures, got {name_source(source)}; "
            ""  # type: ignore[arg-type]
            "put them into a list, or read one with analyze"
        )
