"""Measure the hits, the false detections and the cost of searching photos at every quarter turn.

    python benchmarks/turned_photos.py PEOPLE.zip... --faceless FOLDER

Every photo is searched in its orientation and rotated by 90, 180 and 270 degrees, with each setting
of `rotated`. The photos are upright, have one or more faces, and are in zip files or folders;
`--faceless` names folders of pictures without faces, in addition to generated ones. Times are
processor times with one thread.
"""

import argparse
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import mien
from machine import write_result
from mien.faces.turns import Rotated

ENDINGS: Final = {".jpg", ".jpeg", ".png"}

Picture = NDArray[np.uint8]


def main() -> None:
    """Measure, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("people", nargs="+", type=Path, help="zip files or folders of photos")
    parser.add_argument("--faceless", nargs="*", type=Path, default=[], help="folders")
    parser.add_argument("--photos", type=int, default=60, help="photos of each collection")
    arguments = parser.parse_args()

    collections = {path.stem: read_photos(path, arguments.photos) for path in arguments.people}
    everybody = [photo for photos in collections.values() for photo in photos]
    collections["groups of six"] = make_groups(everybody, arguments.photos // 2)
    faceless = [*make_faceless(), *(p for path in arguments.faceless for p in read_photos(path))]
    figures: dict[str, Any] = {"people": {}, "faceless": {}}
    for rotated in get_args(Rotated):
        detector = mien.FaceDetector(rotated=rotated, threads=1)
        for name, photos in collections.items():
            figures["people"].setdefault(name, {})[rotated] = measure_people(detector, photos)
        figures["faceless"][rotated] = measure_faceless(detector, faceless)
    write_result(__file__, ("mien", "numpy", "onnxruntime", "pillow"), figures)


def measure_people(detector: mien.FaceDetector, photos: Sequence[Picture]) -> dict[str, Any]:
    """Count the photos whose rotation was found, upright and rotated, and time the upright ones."""
    found = [[detector.search(np.rot90(photo, k)) for k in range(4)] for photo in photos]
    right = [[d.turned == 90 * k and bool(d.faces) for k, d in enumerate(row)] for row in found]
    return {
        "photos": len(photos),
        "upright_right": sum(row[0] for row in right),
        "turned_right": sum(sum(row[1:]) for row in right),
        "upright_ms": time_search(detector, photos),
    }


def measure_faceless(detector: mien.FaceDetector, pictures: Sequence[Picture]) -> dict[str, Any]:
    """Count the pictures without faces in which a face is found."""
    return {
        "pictures": len(pictures),
        "with_false_face": sum(bool(detector.detect(picture)) for picture in pictures),
        "ms": time_search(detector, pictures),
    }


def time_search(detector: mien.FaceDetector, pictures: Sequence[Picture]) -> float:
    """Return the mean processor time of a search, in milliseconds."""
    began = time.process_time()
    for picture in pictures:
        detector.search(picture)
    return round(1000 * (time.process_time() - began) / len(pictures), 1)


def read_photos(path: Path, most: int | None = None) -> list[Picture]:
    """Read photos of a zip file or a folder, evenly spread over their names."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix.lower() in ENDINGS)
        return [mien.read_image(file) for file in _spread(files, most)]
    with zipfile.ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if Path(name).suffix in ENDINGS)
        return [mien.read_image(archive.read(name)) for name in _spread(names, most)]


def _spread(items: list[Any], most: int | None) -> list[Any]:
    step = 1 if most is None else max(1, len(items) // most)
    return items[::step][:most]


def make_groups(photos: Sequence[Picture], count: int) -> list[Picture]:
    """Arrange six photos each in two rows."""
    random = np.random.default_rng(0)
    size = (320, 400)
    groups = []
    for _ in range(count):
        chosen = random.choice(len(photos), 6)
        tiles = [np.asarray(Image.fromarray(photos[index]).resize(size)) for index in chosen]
        rows = [np.concatenate(tiles[start : start + 3], axis=1) for start in (0, 3)]
        groups.append(np.concatenate(rows))
    return groups


def make_faceless() -> Iterator[Picture]:
    """Generate pictures without faces: noise at several scales, gradients, and discs."""
    random = np.random.default_rng(0)
    for grain in (1, 2, 4, 8, 16, 32, 64):
        for _ in range(6):
            coarse = random.integers(0, 256, (480 // grain + 1, 640 // grain + 1, 3), np.uint8)
            yield np.asarray(Image.fromarray(coarse).resize((640, 480), Image.Resampling.BICUBIC))
    rows, columns = np.mgrid[:480, :640]
    for _ in range(30):
        picture = np.empty((480, 640, 3))
        picture[:] = random.integers(40, 200, 3) + (rows / 8 - columns / 16)[:, :, np.newaxis]
        for _ in range(random.integers(1, 12)):
            x, y, radius = random.integers(0, 640), random.integers(0, 480), random.integers(8, 150)
            squared = ((columns - x) / radius) ** 2 + ((rows - y) / radius / 1.3) ** 2
            shade = np.sqrt(np.clip(1 - squared, 0, 1))[:, :, np.newaxis]
            picture = np.where(shade > 0, shade * random.integers(60, 256, 3), picture)
        yield np.clip(picture, 0, 255).astype(np.uint8)


if __name__ == "__main__":
    main()
