"""Corrupt face crops: eight corruptions at five severities each.

They follow Hendrycks & Dietterich (2019, arXiv 1903.12261), with parameters for 48x48 faces.
Random draws depend only on the seed, the corruption and the face's own pixels, so a face is
corrupted in the same way in any subset, in any order and at all severities.
"""

import io
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from mien.errors import ConfigError, InputError

SEVERITIES: Final = (1, 2, 3, 4, 5)

Face = NDArray[np.uint8]
Change = Callable[[Face, float, np.random.Generator], NDArray[np.floating] | Face]


@dataclass(frozen=True)
class Corruption:
    """One corruption with its parameter at each severity.

    Attributes:
        name: Name in results and tables.
        what: Meaning of the parameter, with its unit.
        parameters: One value per severity, the mildest first.
        change: Maps a face (H, W) uint8, a parameter and a generator to grey levels (H, W).
    """

    name: str
    what: str
    parameters: tuple[float, ...]
    change: Change


def corrupt(faces: NDArray[np.uint8], name: str, severity: int, *, seed: int = 0) -> Face:
    """Corrupt faces at one severity.

    Args:
        faces: (N, H, W) uint8 grey levels.
        name: One of `CORRUPTIONS`.
        severity: 1 to 5.
        seed: Seed of the random draws.

    Returns:
        (N, H, W) uint8.

    Raises:
        ConfigError: The corruption or the severity does not exist.
        InputError: The array is not (N, H, W) uint8.
    """
    if faces.ndim != 3 or faces.dtype != np.uint8:
        raise InputError(f"faces must be (N, H, W) uint8, got {faces.shape} {faces.dtype}")
    if name not in CORRUPTIONS:
        raise ConfigError(f"unknown corruption {name!r}; choose one of {', '.join(CORRUPTIONS)}")
    if severity not in SEVERITIES:
        raise ConfigError(f"severity must be 1 to 5, got {severity}")
    corruption = CORRUPTIONS[name]
    parameter = corruption.parameters[severity - 1]
    out = np.empty_like(faces)
    for i, face in enumerate(faces):
        own = zlib.crc32(face.tobytes()), zlib.crc32(name.encode())
        levels = corruption.change(face, parameter, np.random.default_rng([seed, *own]))
        out[i] = np.clip(np.rint(levels), 0, 255)
    return out


def _blur(face: Face, sigma_px: float, _: np.random.Generator) -> NDArray[np.floating]:
    blurred: NDArray[np.floating] = ndimage.gaussian_filter(
        face.astype(np.float64), sigma_px, mode="nearest"
    )
    return blurred


def _noise(face: Face, deviation: float, rng: np.random.Generator) -> NDArray[np.floating]:
    return face + 255 * deviation * rng.standard_normal(face.shape)


def _jpeg(face: Face, quality: float, _: np.random.Generator) -> Face:
    stream = io.BytesIO()
    Image.fromarray(face).save(stream, "JPEG", quality=int(quality))
    with Image.open(stream) as picture:
        return np.asarray(picture)


def _low_light(face: Face, share: float, rng: np.random.Generator) -> NDArray[np.floating]:
    # Four photons per grey level: the fewer arrive, the larger their relative noise.
    return rng.poisson(4.0 * face * share) / 4.0


def _contrast(face: Face, share: float, _: np.random.Generator) -> NDArray[np.floating]:
    mean = face.mean()
    contrasted: NDArray[np.floating] = mean + share * (face - mean)
    return contrasted


def _low_resolution(face: Face, side_px: float, _: np.random.Generator) -> Face:
    height, width = face.shape
    small = (max(1, round(side_px * width / height)), int(side_px))
    picture = Image.fromarray(face).resize(small, Image.Resampling.BOX)
    return np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC))


def _occlusion(face: Face, side: float, rng: np.random.Generator) -> Face:
    height, width = face.shape
    tall, wide = round(side * height), round(side * width)
    at = rng.random(2)  # the same relative position at every severity
    top, left = round(at[0] * (height - tall)), round(at[1] * (width - wide))
    covered = face.copy()
    covered[top : top + tall, left : left + wide] = round(face.mean())
    return covered


def _rotation(face: Face, degrees: float, rng: np.random.Generator) -> NDArray[np.floating]:
    turn = degrees if rng.random() < 0.5 else -degrees
    turned: NDArray[np.floating] = ndimage.rotate(
        face.astype(np.float64), turn, reshape=False, order=1, mode="nearest"
    )
    return turned


def _by_name(corruptions: Sequence[Corruption]) -> dict[str, Corruption]:
    return {corruption.name: corruption for corruption in corruptions}


CORRUPTIONS: Final = _by_name(
    (
        Corruption("blur", "Gaussian, sigma in px", (0.5, 1.0, 1.5, 2.0, 3.0), _blur),
        Corruption(
            "noise", "Gaussian, SD of levels in [0, 1]", (0.02, 0.04, 0.06, 0.08, 0.10), _noise
        ),
        Corruption("jpeg", "quality", (60, 40, 25, 15, 8), _jpeg),
        Corruption(
            "low light",
            "fraction of the light, with shot noise",
            (0.5, 0.3, 0.2, 0.1, 0.05),
            _low_light,
        ),
        Corruption("contrast", "fraction of the contrast", (0.6, 0.4, 0.2, 0.1, 0.05), _contrast),
        Corruption(
            "low resolution", "side in px, then enlarged", (32, 24, 16, 12, 8), _low_resolution
        ),
        Corruption(
            "occlusion", "grey square, side as a fraction", (0.2, 0.3, 0.4, 0.5, 0.6), _occlusion
        ),
        Corruption("rotation", "degrees to either side", (10, 20, 30, 45, 60), _rotation),
    )
)
"""All corruptions, in the order of the tables."""
