"""Analyze pictures and videos: find the faces, crop them and read their expressions."""

import functools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.devices import DEFAULT
from mien.errors import ConfigError, MienError
from mien.face_reader import crop_faces, gather, read_faces
from mien.faces.detector import FaceDetector
from mien.faces.face import Face
from mien.images import MAX_PIXELS, ImageSource, clean_name, name_source, read_picture
from mien.model.prior import NATURAL, Prior
from mien.model.recognizer import Recognizer
from mien.options import ReadingOptions
from mien.progress import track
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
        features: bool = False,
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
            features: Return the features of each face (see `FaceResult.features`).

        Raises:
            ModelError: The model or the detector is missing or damaged, or the model has no
                features.
            ConfigError: No threshold reaches the coverage or accuracy.
        """
        if isinstance(model, Recognizer):
            if (coverage, accuracy, prior, features) != (None, None, NATURAL, False):
                raise ConfigError(
                    "set coverage, accuracy, prior and features on the Recognizer instead"
                )
            self.recognizer = model
            self.detector = detector or FaceDetector(threads=threads, device=device)
            return

        self.recognizer, self.detector = _open_both(
            functools.partial(
                Recognizer,
                model,
                threads=threads,
                coverage=coverage,
                accuracy=accuracy,
                prior=prior,
                device=device,
                features=features,
            ),
            lambda: detector or FaceDetector(threads=threads, device=device),
        )

    @classmethod
    def open(
        cls,
        model: str | os.PathLike[str],
        options: ReadingOptions,
        *,
        threads: int | None = None,
        device: str = DEFAULT,
        features: bool = False,
    ) -> Self:
        """Open the detector and the model with options.

        Args:
            model: "accurate", "fast" or "fer2013", or the path of an `.onnx` file.
            options: How faces are found, and when an emotion is named.
            threads: Threads that detector and model may use; None uses all available cores.
            device: What the networks run on: "cpu", or another of `mien.devices.DeviceName`.
            features: Return the features of each face (see `FaceResult.features`).

        Raises:
            ModelError: The model or the detector is missing or damaged.
            ConfigError: No threshold reaches the coverage or accuracy.
        """
        recognizer, detector = _open_both(
            functools.partial(
                Recognizer,
                model,
                threads=threads,
                coverage=options.coverage,
                accuracy=options.accuracy,
                prior=options.prior,
                device=device,
                features=features,
            ),
            lambda: FaceDetector.open(options, threads=threads, device=device),
        )
        return cls(recognizer, detector=detector)

    def with_options(self, options: ReadingOptions) -> "Analyzer":
        """Return an analyzer with other options that shares this one's networks.

        Args:
            options: How faces are found, and when an emotion is named. Where they ask for no
                coverage, accuracy or prior, those of this analyzer stay.

        Raises:
            ConfigError: No threshold reaches the coverage or accuracy, or the prior is invalid.
        """
        recognizer = self.recognizer
        if (options.coverage, options.accuracy) != (None, None):
            recognizer = recognizer.with_threshold(
                coverage=options.coverage, accuracy=options.accuracy
            )
        if options.prior != NATURAL:
            recognizer = recognizer.with_prior(options.prior)
        return Analyzer(recognizer, detector=self.detector.with_options(options))

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
        self,
        sources: Iterable[ImageSource | tuple[str, ImageSource]],
        *,
        progress: bool = False,
    ) -> Iterator[ImageResult | Failure]:
        """Read the faces of many pictures; an unreadable one does not affect the others.

        Faces of several pictures are batched for the model. Pictures are taken from `sources` as
        results are requested, at most a batch of `mien.face_reader.gather` ahead, and are not
        kept.

        Args:
            sources: Inputs of `mien.read_image`, or pairs of a display name and such an input, as
                in `[("a.jpg", data), ...]`. An array (N, H, W, 3) is N pictures.
            progress: Show a progress bar, on a terminal or in a notebook.

        Returns:
            For each source, in order, its result or a `Failure`.

        Raises:
            ConfigError: A single picture was passed instead of several.
        """
        _refuse_single(sources)
        results = self._analyze_many(sources)
        if progress:
            total = len(sources) if isinstance(sources, Sized) else None
            results = track(results, unit="photos", total=total)
        return results

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
        self,
        source: VideoSource,
        settings: VideoSettings | None = None,
        *,
        progress: bool = False,
    ) -> VideoResult:
        """Read the faces of a video.

        For long videos, `mien.read_video` yields frames one by one.

        Args:
            source: A path, a whole file as bytes, or a binary stream.
            settings: Which frames to analyse, and how; None analyses five frames per second.
            progress: Show a progress bar, on a terminal or in a notebook.

        Returns:
            Every analysed frame, and the summary.

        Raises:
            VideoError: The source cannot be read as a video.
            MissingExtraError: PyAV is not installed.
        """
        return read_whole_video(self, source, settings, progress=progress)

    def find_faces(
        self, source: ImageSource, *, name: str | None = None, max_pixels: int = MAX_PIXELS
    ) -> FoundFaces:
        """Decode a picture, find its faces and crop those that are large enough.

        With `read_faces`, this is `analyze` in two steps, to batch the faces of several pictures.

        Args:
            source: Any input of `mien.read_image`.
            name: Display name in the result; None uses the path or the kind of source.
            max_pixels: As for `mien.read_image`.

        Returns:
            The faces and their crops, for `read_faces`.

        Raises:
            ImageError: The source cannot be read as a picture.
        """
        name = name_source(source) if name is None else clean_name(name)
        picture = read_picture(source, name=name, max_pixels=max_pixels)
        detection = self.detector.search(picture.image, reduction=picture.reduction)
        faces = tuple(face.scaled(picture.reduction) for face in detection.faces)
        return FoundFaces(
            source=name,
            width=picture.width,
            height=picture.height,
            faces=faces,
            crops=crop_faces(picture.image, faces, self.recognizer, reduction=picture.reduction),
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


def _open_both(
    open_recognizer: Callable[[], Recognizer], open_detector: Callable[[], FaceDetector]
) -> tuple[Recognizer, FaceDetector]:
    """Open model and detector at the same time: onnxruntime takes a core for each."""
    with ThreadPoolExecutor(1) as pool:
        opening = pool.submit(open_detector)
        return open_recognizer(), opening.result()


def _refuse_single(sources: object) -> None:
    """Reject a single picture where several are expected, as it would be iterated over.

    Raises:
        ConfigError: The input is a single picture.
    """
    is_single = isinstance(source := sources, str | os.PathLike | bytes | bytearray | memoryview)
    is_single |= isinstance(source, Image.Image) or hasattr(source, "read")
    is_single |= isinstance(source, np.ndarray) and source.ndim < 4
    if is_single or not isinstance(source, Iterable):
        name = name_source(source)  # type: ignore[arg-type]
        raise ConfigError(
            f"analyze_many requires several pictures, got {name}; put them into a list, or "
            "read one with analyze"
        )
