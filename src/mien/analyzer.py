"""This module turns pictures into results: it composes detector, crop and recognizer."""

import functools
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.errors import ConfigError, MienError
from mien.faces import DETECTOR_SIZE, Face, FaceDetector
from mien.images import ImageSource, name_source, read_image
from mien.preprocess import crop_face, is_too_small
from mien.recognizer import CHUNK, MODELS, Recognizer
from mien.results import FaceResult, Failure, ImageResult

MAX_WAITING = 32
"""Pictures whose faces are gathered before they are read, however few faces they have."""


@dataclass(frozen=True)
class _Found:
    """A picture whose faces were found but not read yet."""

    source: str
    width: int
    height: int
    faces: tuple[Face, ...]
    crops: NDArray[np.uint8]  # (faces that are large enough, 48, 48) grey


class Analyzer:
    """Detector and model, opened once for many pictures; several threads may share it."""

    def __init__(
        self,
        model: str | os.PathLike[str] | Recognizer = "accurate",
        *,
        detector: FaceDetector | None = None,
        threads: int | None = None,
        coverage: float | None = None,
        accuracy: float | None = None,
    ) -> None:
        """Open the detector and the model.

        Args:
            model: "accurate" or "fast", the path of an `.onnx` file, or a `Recognizer`.
            detector: A `FaceDetector` with settings of one's own; None takes the usual one.
            threads: Threads that detector and model may use; None takes the cores at hand.
            coverage: The share of faces that shall get an answer, above 0 to 1, in place of the
                model's own threshold (a `Recognizer` has its own).
            accuracy: The share of the answers that shall be as labelled, in the same way.

        Raises:
            ModelError: The model or the detector is missing or damaged.
            ConfigError: There is no threshold as asked for.
        """
        if isinstance(model, Recognizer):
            if (coverage, accuracy) != (None, None):
                raise ConfigError("ask the Recognizer itself for a coverage or an accuracy")
            self.recognizer = model
        else:
            self.recognizer = Recognizer(
                model, threads=threads, coverage=coverage, accuracy=accuracy
            )
        self.detector = FaceDetector(threads=threads) if detector is None else detector

    def analyze(self, source: ImageSource) -> ImageResult:
        """Read the faces of one picture.

        Args:
            source: Anything `mien.read_image` takes.

        Returns:
            The result; without faces, `faces` is empty.

        Raises:
            ImageError: The source cannot be read as a picture.
        """
        return self._read([self._find(source)])[0]

    def analyze_many(self, sources: Iterable[ImageSource]) -> Iterator[ImageResult | Failure]:
        """Read the faces of many pictures; one that cannot be read does not stop the others.

        Faces of several pictures go through the model together. Pictures are taken from
        `sources` as results are asked for, at most `MAX_WAITING` ahead, and are not kept.

        Args:
            sources: Anything `mien.read_image` takes, each.

        Yields:
            For each source, in order, its result, or a `Failure`.
        """
        waiting: list[_Found | Failure] = []
        crops = 0
        for source in sources:
            try:
                found: _Found | Failure = self._find(source)
            except MienError as error:
                found = Failure(name_source(source), error.kind, str(error))
            waiting.append(found)
            crops += len(found.crops) if isinstance(found, _Found) else 0
            if crops >= CHUNK or len(waiting) >= MAX_WAITING:
                yield from self._finish(waiting)
                waiting, crops = [], 0
        yield from self._finish(waiting)

    def _find(self, source: ImageSource) -> _Found:
        """Find a picture's faces and cut out those that are large enough."""
        image = read_image(source)
        faces = self.detector.detect(image)
        spec = self.recognizer.spec
        crops = [
            crop_face(
                image,
                face,
                margin=spec.crop_margin,
                shift_y=spec.crop_shift_y,
                size=spec.input_size,
            )
            for face in faces
            if not is_too_small(face)
        ]
        stacked = np.array(crops, dtype=np.uint8).reshape(-1, spec.input_size, spec.input_size)
        return _Found(name_source(source), image.shape[1], image.shape[0], faces, stacked)

    def _finish(self, waiting: list[_Found | Failure]) -> Iterator[ImageResult | Failure]:
        """Read what was found, and put results and failures back in order."""
        results = iter(self._read([found for found in waiting if isinstance(found, _Found)]))
        for found in waiting:
            yield found if isinstance(found, Failure) else next(results)

    def _read(self, pictures: list[_Found]) -> list[ImageResult]:
        """Read the faces of several pictures in one pass through the model."""
        if not pictures:
            return []
        crops = np.concatenate([picture.crops for picture in pictures])
        rows = iter(self.recognizer.predict_probabilities(crops))
        return [
            ImageResult(
                source=picture.source,
                width=picture.width,
                height=picture.height,
                faces=tuple(self._read_face(face, rows) for face in picture.faces),
            )
            for picture in pictures
        ]

    def _read_face(self, face: Face, rows: Iterator[NDArray[np.float32]]) -> FaceResult:
        """Record one face, with the next row of probabilities if it was read."""
        if is_too_small(face):
            return FaceResult.unread(face, "too_small")
        named = zip(self.recognizer.emotions, map(float, next(rows)), strict=True)
        threshold = self.recognizer.abstention_threshold
        return FaceResult.read(face, dict(named), threshold=threshold)


def analyze(
    source: ImageSource,
    *,
    model: str | os.PathLike[str] = "accurate",
    detector_size: int = DETECTOR_SIZE,
    threads: int | None = None,
    coverage: float | None = None,
    accuracy: float | None = None,
) -> ImageResult:
    """Read the apparent expression of every face in one picture.

    The first call opens detector and model, the next ones find them open. For many pictures at
    once, see `Analyzer.analyze_many`.

    Args:
        source: A path, bytes, a binary stream, an array (RGB) or a Pillow image.
        model: "accurate" or "fast", or the path of an `.onnx` file with its `.json`.
        detector_size: The picture's longer side at detection, in pixels; 1280 finds the small
            faces of a group.
        threads: Threads to use; None takes the cores at hand.
        coverage: The share of faces that shall get an emotion, above 0 to 1, in place of the
            model's own threshold: the surest ones, by the split its contract names.
        accuracy: The share of the emotions that shall be as labelled, in the same way.

    Returns:
        The result; without faces, `faces` is empty.

    Raises:
        ImageError: The source cannot be read as a picture.
        ModelError: The model is missing or damaged.
        ConfigError: There is no threshold as asked for.
    """
    # A file of one's own may change between calls; what comes with mien does not.
    if model in MODELS:
        analyzer = _keep_open(str(model), detector_size, threads, coverage, accuracy)
    else:
        analyzer = _open(model, detector_size, threads, coverage, accuracy)
    return analyzer.analyze(source)


@functools.lru_cache(maxsize=2)
def _keep_open(
    model: str,
    detector_size: int,
    threads: int | None,
    coverage: float | None,
    accuracy: float | None,
) -> Analyzer:
    """Open an analyzer, or take the one that was opened before."""
    return _open(model, detector_size, threads, coverage, accuracy)


def _open(
    model: str | os.PathLike[str],
    detector_size: int,
    threads: int | None,
    coverage: float | None,
    accuracy: float | None,
) -> Analyzer:
    """Open an analyzer for `analyze`."""
    detector = FaceDetector(detector_size=detector_size, threads=threads)
    return Analyzer(model, detector=detector, threads=threads, coverage=coverage, accuracy=accuracy)
