"""This module turns FER2013's zip into checked, split arrays."""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.emotions import EMOTIONS
from mien.errors import DataError

_SPLIT_OF_PREFIX = {"Training": "train", "PublicTest": "validation", "PrivateTest": "test"}


@dataclass(frozen=True)
class BrokenFile:
    """A file of a dataset that could not be used, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Split:
    """The images of one split, sorted by path.

    Attributes:
        name: "train", "validation" or "test".
        images: (N, size, size) uint8, grey levels.
        labels: (N,) int64, indices into the dataset's `class_names`.
        paths: N names, unique within the dataset.
    """

    name: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Dataset:
    """A whole dataset in memory."""

    source: str
    class_names: tuple[str, ...]
    splits: Mapping[str, Split]
    broken: tuple[BrokenFile, ...]


def load_dataset(path: str | Path, *, size: int = 48) -> Dataset:
    """Read a dataset."""
    rows: dict[str, list[tuple[str, int, NDArray[np.uint8]]]] = {}
    broken: list[BrokenFile] = []
    try:
        with zipfile.ZipFile(path) as archive:
            for name in sorted(archive.namelist()):
                parts = name.split("/")
                split = _SPLIT_OF_PREFIX.get(parts[-1].split("_")[0])
                if split is None or parts[-2] not in EMOTIONS:
                    continue
                try:
                    with Image.open(io.BytesIO(archive.read(name))) as image:
                        image = image.convert("L")
                        if image.size != (size, size):
                            image = image.resize((size, size), Image.Resampling.LANCZOS)
                        pixels = np.array(image, dtype=np.uint8)
                except (OSError, ValueError) as error:
                    broken.append(BrokenFile(name, str(error)))
                    continue
                rows.setdefault(split, []).append((name, EMOTIONS.index(parts[-2]), pixels))
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} cannot be read as a zip: {error}") from error
    splits = {
        name: Split(
            name,
            np.stack([row[2] for row in rows[name]]),
            np.array([row[1] for row in rows[name]], dtype=np.int64),
            tuple(row[0] for row in rows[name]),
        )
        for name in ("train", "validation", "test")
        if name in rows
    }
    return Dataset(str(path), EMOTIONS, splits, tuple(broken))
