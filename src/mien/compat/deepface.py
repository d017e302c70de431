"""Provide the interface of `DeepFace.analyze`, implemented with mien.

Only the import needs to change:

    from mien.compat import deepface as DeepFace    # was: from deepface import DeepFace

The formats are those of DeepFace 0.0.9x: percentages from 0 to 100, `region`, `face_confidence`.
Errors are both `ValueError`s, as in DeepFace, and `mien.MienError`s. docs/from-deepface.md lists
the differences.
"""

from collections.abc import Sequence
from typing import Any, Final, cast, overload

import numpy as np
from numpy.typing import NDArray

from mien.compat.bgr import ORDER, BgrSource, find_and_read, read_bgr, read_given
from mien.errors import ConfigError, ImageError
from mien.faces.face import Box, Face
from mien.results import FaceResult

ACTIONS: Final = ("emotion",)
"""The supported action: mien does not estimate age, gender or race."""
SKIP: Final = "skip"


class ImgNotFound(ImageError, ValueError):  # noqa: N818 - the names are DeepFace's
    """A picture that cannot be read."""


class FaceNotDetected(ImageError, ValueError):  # noqa: N818
    """A picture without a face, where `enforce_detection` requires one."""


class UnimplementedError(ConfigError, ValueError):
    """A feature of DeepFace that mien does not have."""


@overload
def analyze(
    img_path: BgrSource,
    actions: str | Sequence[str] = ...,
    enforce_detection: bool = ...,
    detector_backend: str = ...,
    align: bool = ...,
    expand_percentage: int = ...,
    silent: bool = ...,
    anti_spoofing: bool = ...,
) -> list[dict[str, Any]]: ...


@overload
def analyze(
    img_path: list[BgrSource] | list[str] | tuple[BgrSource, ...],
    actions: str | Sequence[str] = ...,
    enforce_detection: bool = ...,
    detector_backend: str = ...,
    align: bool = ...,
    expand_percentage: int = ...,
    silent: bool = ...,
    anti_spoofing: bool = ...,
) -> list[list[dict[str, Any]]]: ...


def analyze(  # noqa: PLR0917 - the arguments and their order are DeepFace's
    img_path: BgrSource | Sequence[BgrSource],
    actions: str | Sequence[str] = ACTIONS,
    enforce_detection: bool = True,
    detector_backend: str = "opencv",
    align: bool = True,
    expand_percentage: int = 0,
    silent: bool = False,
    anti_spoofing: bool = False,
) -> list[dict[str, Any]] | list[list[dict[str, Any]]]:
    """Read the apparent expression of every face, in DeepFace's format.

    Args:
        img_path: A path, an array (BGR, as OpenCV reads it), base64 (`data:image/...`), a binary
            stream; or a list of these, or an array (N, H, W, 3).
        actions: `"emotion"` or `["emotion"]`.
        enforce_detection: Raise if no face is found; otherwise the whole picture counts as a face,
            with `face_confidence` 0.
        detector_backend: "skip" treats the whole picture as a face; any other value uses mien's own
            detector.
        align: No effect.
        expand_percentage: Must be 0.
        silent: No effect: nothing is printed.
        anti_spoofing: Must be False.

    Returns:
        For each face, the largest first: `emotion` (percent, summing to 100), `dominant_emotion`,
        `region` (`x`, `y`, `w`, `h` within the picture, `left_eye`, `right_eye`) and
        `face_confidence`, from 0 to 1. For a list of pictures, a list of such lists.

    Raises:
        FaceNotDetected: There is no face (a `ValueError`).
        ImgNotFound: A picture cannot be read (a `ValueError`).
        UnimplementedError: The request is not supported (a `ValueError`).
    """
    _check(actions, expand_percentage, anti_spoofing=anti_spoofing)
    if isinstance(img_path, np.ndarray) and img_path.ndim == 4:
        img_path = list(img_path)
    if isinstance(img_path, list | tuple):
        return [_analyze(one, detector_backend, enforce=enforce_detection) for one in img_path]
    one = cast(BgrSource, img_path)
    return _analyze(one, detector_backend, enforce=enforce_detection)


def _check(actions: str | Sequence[str], expand_percentage: int, *, anti_spoofing: bool) -> None:
    """Reject unsupported requests."""
    wanted = [actions] if isinstance(actions, str) else list(actions)
    other = [action for action in wanted if action not in ACTIONS]
    if other or not wanted:
        raise UnimplementedError(
            f"mien reads actions=['emotion'], got {wanted}: it does not estimate age, gender or "
            "race"
        )
    if anti_spoofing:
        raise UnimplementedError("mien has no anti_spoofing")
    if expand_percentage:
        raise UnimplementedError(
            "the model determines the crop, so expand_percentage must be 0, got "
            f"{expand_percentage}"
        )


def _analyze(source: BgrSource, backend: str, *, enforce: bool) -> list[dict[str, Any]]:
    """Read one picture."""
    try:
        image = read_bgr(source)
    except ImageError as error:
        raise ImgNotFound(str(error)) from error

    faces = () if backend == SKIP else find_and_read(image)
    read = [face for face in faces if face.probabilities is not None]
    if not read:
        if enforce and backend != SKIP:
            what = "is too small to be read" if faces else "was found"
            name = source if isinstance(source, str) and len(source) < 300 else "the picture"
            raise FaceNotDetected(
                f"Face could not be detected in {name}: none {what}; use another picture, or "
                "enforce_detection=False, which treats the whole picture as a face"
            )

        height, width = image.shape[:2]
        whole = Face(Box(0.0, 0.0, float(width), float(height)), (), 0.0)
        read = [face for face in read_given(image, [whole]) if face.probabilities is not None]
    return [_shape(face, image) for face in read]


def _shape(face: FaceResult, image: NDArray[np.uint8]) -> dict[str, Any]:
    """Convert a face to DeepFace's format."""
    height, width = image.shape[:2]
    left, top = max(0, round(face.box.x)), max(0, round(face.box.y))
    right = min(width, round(face.box.right))
    bottom = min(height, round(face.box.bottom))

    eyes = [(round(x), round(y)) for x, y in face.landmarks[:2]]
    probabilities = face.probabilities or {}
    percent = {name: 100.0 * probabilities[name] for name in ORDER}

    return {
        "emotion": percent,
        "dominant_emotion": max(percent, key=lambda name: percent[name]),
        "region": {
            "x": left,
            "y": top,
            "w": right - left,
            "h": bottom - top,
            "left_eye": eyes[1] if eyes else None,
            "right_eye": eyes[0] if eyes else None,
        },
        "face_confidence": round(face.detection_score, 2),
    }
