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
    """A picture whose faces were found but not read yet.

    Attributes:
        source: The picture's path, or what was given in place of one.
        width: The picture's width in pixels, upright.
        height: The picture's height in pixels, upright.
        faces: The largest first.
        crops: (N, 48, 48) uint8 grey: the faces that are large enough to be read, in order.
        turned: By how many degrees, clockwise, the picture has to be turned to be upright.
        damage: What is missing from the file; None where it is complete.
    """

    source: str
    width: int
    height: int
    faces: tuple[Face, ...]
    crops: NDArray[np.uint8]
    turned: int = 0
    damage: str | None = None


def count_crops(found: FoundFaces | Failure) -> int:
    """Count the faces of a source that are to be read."""
    return len(found.crops) if isinstance(found, FoundFaces) else 0


class Options(TypedDict, total=False):
    """The options of `analyze` that photos and videos share."""

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
    """Detector and model, opened once for many pictures.

    Several threads may share it. It can be pickled: its files are opened again on the other side.
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
            detector: A `FaceDetector` with your own settings; None opens the default one.
            threads: Threads that detector and model may use; None uses all available cores.
            coverage: The share of faces to name an emotion for, above 0 to 1, in place of the
                model's own threshold (a `Recognizer` has its own).
            accuracy: The required accuracy of those answers, in the same way.
            prior: The mix of expressions to expect: "natural", "balanced", or a share for each.
            device: What the networks run on (those that are given have their own): "cpu", or
                another of `mien.devices.DeviceName`; "auto" takes the best there is.

        Raises:
            ModelError: The model or the detector is missing or damaged.
            ConfigError: There is no threshold as asked for.
        """
        if isinstance(model, Recognizer):
            if (coverage, accuracy, prior) != (None, None, NATURAL):
                raise ConfigError("ask the Recognizer itself for a coverage, accuracy or prior")
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
            source: Anything `mien.read_image` takes.

        Returns:
            The result; without faces, `faces` is empty.

        Raises:
            ImageError: The source cannot be read as a picture.
        """
        return self.read_faces([self.find_faces(source)])[0]

    def analyze_many(
        self, sources: Iterable[ImageSource | tuple[str, ImageSource]]
    ) -> Iterator[ImageResult | Failure]:
        """Read the faces of many pictures; one that cannot be read does not stop the others.

        Faces of several pictures go through the model together. Pictures are taken from
        `sources` as results are asked for, a batch of `mien.face_reader.gather` ahead at most, and
        are not kept.

        Args:
            sources: Anything `mien.read_image` takes, each; or pairs of a name and such a source,
                whose results then bear that name: `[("a.jpg", data), ...]`. An array (N, H, W, 3)
                is N pictures.

        Returns:
            For each source, in order, its result, or a `Failure`.

        Raises:
            ConfigError: A single picture was given in place of several.
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
        """Find the faces of one of many pictures, which may have a name of its own."""
        name, source = item if isinstance(item, tuple) else (name_source(item), item)
        try:
            return self.find_faces(source, name=name)
        except MienError as error:
            return Failure.of(clean_name(name), error)

    def analyze_video(
        self, source: VideoSource, settings: VideoSettings | None = None
    ) -> VideoResult:
        """Read the faces of a video.

        For a long one, `mien.read_video` gives the frames one by one.

        Args:
            source: A path, a whole file as bytes, or a binary stream.
            settings: What to read; None reads five frames a second from beginning to end.

        Returns:
            Every analysed frame, and the whole.

        Raises:
            VideoError: The source cannot be read as a video.
            MissingExtraError: PyAV is not installed.
        """
        return read_whole_video(self, source, settings)

    def find_faces(
        self, source: ImageSource, *, name: str | None = None, max_pixels: int = MAX_PIXELS
    ) -> FoundFaces:
        """Decode a picture, find its faces and cut out those that are large enough.

        With `read_faces` this is `analyze` in two steps, for whoever reads the faces of several
        pictures together.

        Args:
            source: Anything `mien.read_image` takes.
            name: What the result calls it; None takes its path, or what it is.
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
        """Read the faces of several pictures as `read_faces` does, and pass failures on.

        Args:
            batch: For each source what `find_faces` returned, or why it failed.

        Returns:
            For each source its result or its failure, in order.
        """
        pictures = [found for found in batch if isinstance(found, FoundFaces)]
        results = iter(self.read_faces(pictures))
        return [found if isinstance(found, Failure) else next(results) for found in batch]

    def read_faces(self, pictures: Sequence[FoundFaces]) -> list[ImageResult]:
        """Read the faces of several pictures in one pass through the model.

        Args:
            pictures: What `find_faces` returned for each.

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

    Which of them it is, the content decides. The first call opens detector and model, the next
    ones find them open. For many pictures at once, see `Analyzer.analyze_many`; for long videos,
    `mien.read_video`.

    Args:
        source: A path, bytes or a binary stream of either kind, an array (RGB) or a Pillow image.
        model: "accurate", "fast", "fer2013", or the path of an `.onnx` file with its `.json`.
        detector_size: The picture's longer side at detection, in pixels; 1280 finds the small faces
            of a group.
        rotated: When to search a picture turned by quarter turns as well: "auto" does where it
            shows no sure face as it is, "always" and "never" do so always and never. In videos,
            only "always" does.
        limit_faces: Read this many faces of a photo or frame at most, the largest; None reads all.
        min_face_px: Leave out faces whose box is under this on its shorter side, in pixels.
        threads: Threads to use; None uses all available cores.
        coverage: The share of faces to name an emotion for, above 0 to 1, in place of the model's
            own threshold: the surest ones, by the split its contract names.
        accuracy: The required accuracy of those emotions, in the same way.
        prior: The mix of expressions to expect: "natural", the one the model learnt; "balanced",
            for posed sets and experiments that show each alike often; or a share for each.
        device: What the networks run on: "cpu", or another of `mien.devices.DeviceName`.
        video: What to read of a video; None reads five frames a second.

    Returns:
        The result; without faces, `faces` is empty. A video's result has `frames`, each with its
        time and its faces.

    Raises:
        ImageError: The source cannot be read as a picture.
        VideoError: The source begins like a video and cannot be read as one.
        ModelError: The model is missing or damaged.
        ConfigError: There is no threshold as asked for.
    """
    # Your own file may change between calls; what comes with mien does not.
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
        source: Anything `mien.read_image` takes.
        options: Those of `analyze`.

    Returns:
        The result; without faces, `faces` is empty.

    Raises:
        ImageError: The source is a video or animation, or cannot be read as a picture.
        ModelError: The model is missing or damaged.
        ConfigError: There is no threshold as asked for.
    """
    if is_video(source):
        name = name_source(source)
        raise ImageError(f"{name} is a video, wanted a photo; read it with mien.analyze_video")
    result = analyze(source, **options)
    assert isinstance(result, ImageResult)  # noqa: S101 - what is no video gives no other
    return result


def analyze_video(
    source: VideoSource, settings: VideoSettings | None = None, **options: Unpack[Options]
) -> VideoResult:
    """Read the apparent expression of every face in one video, frame by frame.

    Args:
        source: A path, a whole file as bytes, or a binary stream.
        settings: What to read; None reads five frames a second from beginning to end.
        options: Those of `analyze`.

    Returns:
        Every analysed frame, and the whole.

    Raises:
        VideoError: The source is not a video, or cannot be read as one.
        MissingExtraError: PyAV is not installed.
        ModelError: The model is missing or damaged.
        ConfigError: There is no threshold as asked for.
    """
    if not is_video(source):
        name = name_source(source)
        raise VideoError(f"{name} is not a video; read a photo with mien.analyze_photo")
    result = analyze(source, video=settings, **options)
    assert isinstance(result, VideoResult)  # noqa: S101 - a video gives no other
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
"""The same for what comes with mien: the analyzer that was opened before, or a new one."""


def _refuse_single(sources: object) -> None:
    """Refuse one picture where several are wanted: it would be taken apart.

    Raises:
        ConfigError: It is one picture.
    """
    is_single = isinstance(source := sources, str | os.PathLike | bytes | bytearray | memoryview)
    is_single |= isinstance(source, Image.Image) or hasattr(source, "read")
    is_single |= isinstance(source, np.ndarray) and source.ndim < 4
    if is_single or not isinstance(source, Iterable):
        raise ConfigError(
            f"analyze_many takes several pictures, got {name_source(source)}; "
            ""  # type: ignore[arg-type]
            "put them into a list, or read one with analyze"
        )
