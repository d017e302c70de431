"""Detect faces in an image: a box, five landmarks and a score for each.

The detector is YuNet. Its score is not a probability and only allows ranking.
"""

import functools
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.devices import DEFAULT
from mien.errors import ModelError, describe_error
from mien.faces.face import Box, Face
from mien.faces.options import DETECTOR_SIZE, MIN_SCORE, DetectorOptions
from mien.faces.turns import Detection, Rotated, search
from mien.faces.yunet import MULTIPLE, Candidates, YuNet
from mien.files import advise_missing_asset
from mien.images import ImageSource, read_picture

DETECTOR_PATH: Final = Path(__file__).parents[1] / "assets" / "yunet_2023mar_any_size.onnx"
MAX_OVERLAP: Final = 0.3
"""Intersection over union above which only the better of two candidates is kept."""
NEAR_SIZE: Final = 128
"""Longer side, in pixels, of the crop in which a face is searched for again."""
NEAR_MARGIN: Final = 2.6
"""Side of that crop, in face sizes."""
TIGHT_CROP_SIZES: Final = (224, 160)
"""Further sizes to try if nothing was found: at 640, faces that fill the picture are missed."""
MAX_PROPORTION: Final = 3.0
"""A picture longer than this many times its shorter side is searched at a larger size."""
MAX_SIZES: Final = 16
"""Maximum factor between that size and the usual one."""
_TURNS: Final = (
    None,
    Image.Transpose.ROTATE_90,
    Image.Transpose.ROTATE_180,
    Image.Transpose.ROTATE_270,
)
"""Pillow's names of quarter turns, counterclockwise."""


class FaceDetector:
    """A face detector, opened once and run on many pictures.

    It can be shared between threads, and pickled: unpickling opens its file again.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        *,
        detector_size: int = DETECTOR_SIZE,
        min_score: float = MIN_SCORE,
        rotated: Rotated = "auto",
        limit_faces: int | None = None,
        min_face_px: float = 0,
        threads: int | None = None,
        device: str = DEFAULT,
    ) -> None:
        """Open the detector.

        Args:
            model: Your own YuNet file; None uses the bundled one.
            detector_size: Longer side of the picture at detection, in pixels. 640 suits photos and
                portraits; 1280 finds smaller faces and takes 2.3 times as long.
            min_score: Faces with a lower score, in [0, 1], are left out.
            rotated: When to search pictures rotated by 90, 180 and 270 degrees as well, for scans
                and photos without EXIF data: "auto" if the stored orientation yields no face, or
                none with a high score; "always" for every picture, at four times the work; "never".
            limit_faces: Keep at most this many faces of a picture, the largest; None keeps all.
            min_face_px: Leave out faces whose box has a shorter side below this, in pixels.
            threads: Maximum number of threads per picture; None uses all available cores.
            device: "cpu" or another `mien.devices.DeviceName`; "auto" uses the best available.

        Raises:
            ConfigError: A setting is out of range.
            ModelError: The file is missing or is not a YuNet model.
        """
        self.options = DetectorOptions(
            detector_size=detector_size,
            min_score=min_score,
            rotated=rotated,
            limit_faces=limit_faces,
            min_face_px=min_face_px,
        )
        self._path = DETECTOR_PATH if model is None else Path(model)
        self._threads = threads
        self._device = device
        network = _read_model(self._path)
        self._network = YuNet(network, name=self._path.name, threads=threads, device=device)

    def __getstate__(self) -> dict[str, Any]:
        """Return the settings, to open the detector again elsewhere."""
        return {
            "model": None if self._path == DETECTOR_PATH else self._path.absolute(),
            **asdict(self.options),
            "threads": self._threads,
            "device": self._device,
        }

    def __setstate__(self, settings: dict[str, Any]) -> None:
        """Open the detector with the pickled settings."""
        FaceDetector.__init__(self, **settings)

    @classmethod
    def open(
        cls, options: DetectorOptions, *, threads: int | None = None, device: str = DEFAULT
    ) -> Self:
        """Open the bundled detector with options.

        Args:
            options: How to search for faces, and which to keep.
            threads: Maximum number of threads per picture; None uses all available cores.
            device: "cpu" or another `mien.devices.DeviceName`.
        """
        return cls(**asdict(options.for_detector()), threads=threads, device=device)

    def with_options(self, options: DetectorOptions) -> Self:
        """Return a detector with other options that shares this network."""
        other = object.__new__(type(self))
        other.__dict__ |= self.__dict__ | {"options": options.for_detector()}
        return other

    def detect(self, image: NDArray[np.uint8]) -> tuple[Face, ...]:
        """Find the faces, the largest first.

        Args:
            image: (H, W, 3) uint8 RGB, as `read_image` returns it.

        Returns:
            The faces; an empty tuple where there are none.
        """
        return self.search(image).faces

    def search(self, image: NDArray[np.uint8] | Image.Image, *, reduction: int = 1) -> Detection:
        """Find the faces, and the rotation that makes the picture upright.

        Args:
            image: (H, W, 3) uint8 RGB, as `read_image` returns it, or a Pillow image in mode RGB.
            reduction: Number of source pixels per image pixel, along each axis; `min_face_px`
                refers to source pixels.

        Returns:
            The faces, the largest first, and the rotation.
        """
        found = self._search(_to_pillow(image), self.options.rotated)
        return replace(found, faces=self._choose(found.faces, reduction))

    def detect_frame(self, image: NDArray[np.uint8]) -> tuple[Face, ...]:
        """Find the faces in a video frame, the largest first.

        A video states its rotation, and the decoder applies it, so other orientations are searched
        only with "always".

        Args:
            image: (H, W, 3) uint8 RGB.

        Returns:
            The faces; boxes and landmarks are in pixels.
        """
        rotated: Rotated = "always" if self.options.rotated == "always" else "never"
        return self._choose(self._search(_to_pillow(image), rotated).faces)

    def detect_near(self, image: NDArray[np.uint8], box: Box) -> Face | None:
        """Find a face near its expected position, in a small part of the picture.

        Args:
            image: (H, W, 3) uint8 RGB.
            box: Expected position of the face, in pixels.

        Returns:
            The face whose centre is closest to the box's; None if there is none nearby.
        """
        centre = box.center
        reach = box.longer_side * NEAR_MARGIN / 2
        height, width = image.shape[:2]
        left, top = max(0, round(centre[0] - reach)), max(0, round(centre[1] - reach))
        right, bottom = min(width, round(centre[0] + reach)), min(height, round(centre[1] + reach))
        if right <= left or bottom <= top:
            return None
        found = [
            _shift(face, left, top)
            for face in self._look(_scale(_to_pillow(image[top:bottom, left:right]), NEAR_SIZE), 0)
            if face.box.shorter_side >= self.options.min_face_px
        ]
        return min(found, key=lambda face: _distance(face.box, centre), default=None)

    def _search(self, image: Image.Image, rotated: Rotated) -> Detection:
        """Find the faces of a picture in mode RGB, which is scaled before it is rotated."""
        scale = functools.cache(functools.partial(_scale, image))
        return search(
            (image.height, image.width),
            lambda turns, size: self._look(scale(size, is_sideways=turns % 2 == 1), turns),
            self._sizes(image.size),
            rotated,
        )

    def _choose(self, faces: Sequence[Face], reduction: int = 1) -> tuple[Face, ...]:
        """Apply `limit_faces` and `min_face_px`."""
        least = self.options.min_face_px / reduction
        large = [face for face in faces if face.box.shorter_side >= least]
        return tuple(large[: self.options.limit_faces])

    def _sizes(self, extent: tuple[int, int]) -> tuple[int, ...]:
        """List the sizes at which a picture is searched, until one finds a face.

        A panorama starts at a larger size, as its faces would otherwise be too small: its shorter
        side is then as long as that of a picture of `MAX_PROPORTION`.
        """
        longer, shorter = max(extent), min(extent)
        fitting = round(
            self.options.detector_size * min(longer / shorter / MAX_PROPORTION, MAX_SIZES)
        )
        first = max(self.options.detector_size, min(fitting, longer))
        return tuple(dict.fromkeys((first, *TIGHT_CROP_SIZES)))

    def _look(self, scaled: "_Scaled", turns: int) -> tuple[Face, ...]:
        """Find the faces of a scaled picture after some quarter turns, counterclockwise."""
        turn = _TURNS[turns]
        image = scaled.image if turn is None else scaled.image.transpose(turn)
        candidates = self._network.propose(_pad(image), min_score=self.options.min_score)
        kept = _suppress(candidates)
        x_scale, y_scale = scaled.scale[::-1] if turns % 2 else scaled.scale
        scale = np.array([x_scale, y_scale, x_scale, y_scale], dtype=np.float32)
        boxes = candidates.boxes[kept] / scale  # (K, 4)
        landmarks = candidates.landmarks[kept] / scale[:2]
        return tuple(
            Face(
                box=Box(*(float(value) for value in box)),
                landmarks=tuple((float(x), float(y)) for x, y in points),
                score=float(score),
            )
            for box, points, score in zip(boxes, landmarks, candidates.scores[kept], strict=True)
        )


def detect_faces(
    source: ImageSource,
    *,
    detector_size: int = DETECTOR_SIZE,
    min_score: float = MIN_SCORE,
    rotated: Rotated = "auto",
    limit_faces: int | None = None,
    min_face_px: float = 0,
    device: str = DEFAULT,
) -> tuple[Face, ...]:
    """Find the faces in one picture, the largest first.

    For many pictures, reuse a `FaceDetector`.

    Args:
        source: Any input of `read_image`.
        detector_size: Longer side of the picture at detection, in pixels.
        min_score: Faces with a lower score, in [0, 1], are left out.
        rotated: When to search the picture rotated as well; see `FaceDetector`.
        limit_faces: Keep at most this many faces, the largest; None keeps all.
        min_face_px: Leave out faces whose box has a shorter side below this, in pixels.
        device: "cpu" or another `mien.devices.DeviceName`.

    Returns:
        The faces, in pixels of the source; an empty tuple where there are none.

    Raises:
        ImageError: The source cannot be read as a picture.
    """
    picture = read_picture(source)
    detector = FaceDetector(
        detector_size=detector_size,
        min_score=min_score,
        rotated=rotated,
        limit_faces=limit_faces,
        min_face_px=min_face_px,
        device=device,
    )
    found = detector.search(picture.image, reduction=picture.reduction)
    return tuple(face.scaled(picture.reduction) for face in found.faces)


def _read_model(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        if path == DETECTOR_PATH:
            raise ModelError(
                f"the face detector {path.name} is missing from this installation; "
                f"{advise_missing_asset()}"
            ) from error
        reason = describe_error(error)
        raise ModelError(f"the face detector {path} cannot be read: {reason}") from error


@dataclass(frozen=True, slots=True)
class _Scaled:
    """A picture at the size at which it is searched.

    Attributes:
        image: In mode RGB.
        scale: Its size in pixels of the original, (x, y).
    """

    image: Image.Image
    scale: tuple[float, float]


def _to_pillow(image: NDArray[np.uint8] | Image.Image) -> Image.Image:
    """Return a picture, (H, W, 3) uint8 RGB, as a Pillow image."""
    if isinstance(image, Image.Image):
        return image
    return Image.fromarray(np.ascontiguousarray(image))


def _scale(image: Image.Image, size: int, *, is_sideways: bool = False) -> _Scaled:
    """Scale a picture to a longer side.

    Args:
        image: In mode RGB.
        size: The longer side, in pixels.
        is_sideways: The picture will be rotated by 90 or 270 degrees. Pillow scales width before
            height and rounds in between, so height is scaled first here: the result is then the
            same as that of the rotated picture.
    """
    longer = max(image.size)
    width, height = (max(1, round(side * size / longer)) for side in image.size)
    steps = [(image.width, height), (width, height)] if is_sideways else [(width, height)]
    scaled = image
    for step in steps:
        scaled = scaled.resize(step, Image.Resampling.BILINEAR, reducing_gap=2.0)
    return _Scaled(scaled, (width / image.width, height / image.height))


def _pad(image: Image.Image) -> NDArray[np.uint8]:
    """Pad a picture with black to the right and below, to multiples of 32: (H, W, 3) uint8."""
    width, height = (-(-side // MULTIPLE) * MULTIPLE for side in image.size)
    return np.asarray(image if image.size == (width, height) else image.crop((0, 0, width, height)))


def _suppress(candidates: Candidates) -> list[int]:
    """Return the indices of the best among overlapping candidates, the best first."""
    left, top, width, height = candidates.boxes.T.astype(np.float64)
    right, bottom, area = left + width, top + height, width * height
    waiting = np.argsort(-candidates.scores, kind="stable")
    kept: list[int] = []
    while waiting.size:
        best, waiting = waiting[0], waiting[1:]
        kept.append(int(best))
        across = np.minimum(right[best], right[waiting]) - np.maximum(left[best], left[waiting])
        down = np.minimum(bottom[best], bottom[waiting]) - np.maximum(top[best], top[waiting])
        shared = np.clip(across, 0, None) * np.clip(down, 0, None)
        waiting = waiting[shared <= MAX_OVERLAP * (area[best] + area[waiting] - shared)]
    return kept


def _shift(face: Face, x: float, y: float) -> Face:
    """Move a face found in a crop to its position in the picture."""
    box = face.box
    return Face(
        box=Box(box.x + x, box.y + y, box.width, box.height),
        landmarks=tuple((at_x + x, at_y + y) for at_x, at_y in face.landmarks),
        score=face.score,
    )


def _distance(box: Box, point: tuple[float, float]) -> float:
    return math.dist(box.center, point)
