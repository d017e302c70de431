"""Small labelled datasets of random images, in every form that mien accepts."""

import io
import json
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

EMOTIONS = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
TABLE_ORDER = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
FER2013 = Path(__file__).resolve().parents[2] / "shared" / "data" / "fer2013.zip"

needs_fer2013 = pytest.mark.skipif(
    not FER2013.exists(), reason=f"FER2013 is not at {FER2013}; it cannot be shipped with mien"
)


def faces(count: int, seed: int = 0, size: int = 48) -> np.ndarray:
    """Images that differ much from each other, (count, size, size) uint8, and survive JPEG."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (count, 6, 6), dtype=np.uint8)
    return np.stack(
        [
            np.asarray(Image.fromarray(levels).resize((size, size), Image.Resampling.BICUBIC))
            for levels in coarse
        ]
    )


def encode(image: np.ndarray | Image.Image, kind: str = "PNG") -> bytes:
    """Save a picture to bytes."""
    stream = io.BytesIO()
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    picture.save(stream, kind)
    return stream.getvalue()


def kaggle_files(per_class: int = 2, kind: str = "JPEG") -> dict[str, bytes]:
    """Kaggle's layout of FER2013: three splits in two folders; file names that repeat."""
    suffix = {"JPEG": "jpg", "PNG": "png"}[kind]
    files = {}
    for part, (usage, folder) in enumerate(
        (("Training", "train"), ("PublicTest", "test"), ("PrivateTest", "test"))
    ):
        for label, emotion in enumerate(EMOTIONS):
            for number, image in enumerate(faces(per_class, seed=100 * part + label)):
                files[f"{folder}/{emotion}/{usage}_{number}.{suffix}"] = encode(image, kind)
    return files


def own_files(per_class: int, classes: tuple[str, ...] = ("cat", "dog")) -> dict[str, bytes]:
    """One level of class folders."""
    return {
        f"{name}/{number}.png": encode(image)
        for label, name in enumerate(classes)
        for number, image in enumerate(faces(per_class, seed=label))
    }


def write_zip(path: Path, files: Mapping[str, bytes]) -> Path:
    """Pack files in the order given."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a name that comes twice is meant
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
    return path


def write_folder(path: Path, files: Mapping[str, bytes]) -> Path:
    """Write files below a folder."""
    for name, data in files.items():
        place = path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return path


def table(
    rows: list[tuple[str, str, np.ndarray | str]], header: str = "emotion,pixels,Usage"
) -> bytes:
    """FER2013's table from (emotion, Usage, image or text of pixels)."""
    lines = [header]
    columns = [column.strip().lower() for column in header.split(",")]
    for emotion, usage, image in rows:
        pixels = image if isinstance(image, str) else " ".join(map(str, image.ravel()))
        cells = {"emotion": emotion, "usage": usage, "pixels": pixels}
        lines.append(",".join(cells[column] for column in columns if column in cells))
    return "\n".join(lines).encode()


def read_json(text: str) -> dict[str, object]:
    """Read one JSON object."""
    value = json.loads(text)
    assert isinstance(value, dict)
    return value
