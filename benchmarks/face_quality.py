"""Which qualities of a face's picture predict that it is read wrongly?

Command: python benchmarks/face_quality.py lfw.zip london.zip yale.zip --fer2013 fer2013.zip \
    --votes votes.csv

Each zip holds `CLASS/*.jpg` and `labels.csv` (`file,label`). Pictures are read as they are, and a
sixth of a large set's also blurred (Gaussian, in shares of the face's side) and darkened (with the
noise of few photons). FER2013's PublicTest is read against the plurality of people's votes, for its
faces are turned more often: every third face is the set fer2013-a, the others fer2013-b. Mistakes
are counted by bins of yaw, sharpness and brightness, and on both sides of limits: those of
mien.study.quality, and one of yaw that is no reason there. They were chosen on lfw and fer2013-a.

Detection is part of it: a picture without a face found is counted apart, not as a mistake.
`--rows FILE` keeps what was measured; a file that is there is not measured again.
"""

import argparse
import csv
import io
import itertools
import json
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage
from scipy.stats import binomtest

import mien
from machine import write_result
from mien.data.votes import NO_WORD, read_votes
from mien.study.quality import (
    MIN_BRIGHTNESS,
    MIN_SHARPNESS,
    find_reason,
    measure_quality,
)

MODELS = ("accurate", "fast")
BLURS = (0.02, 0.035, 0.05, 0.07, 0.1)  # sigma in shares of the face's shorter side
LIGHTS = (0.25, 0.12, 0.06, 0.03, 0.015)  # shares of the light
PHOTONS = 4.0  # a grey level, in full light
LARGE = 500
TURNED_DEG = 40.0
BINS = {
    "yaw_deg": (0, 10, 20, 30, 40, 50, 180),
    "sharpness": (0, 15, 30, 60, 120, 250, 500, 100_000),
    "brightness": (0, 5, 10, 20, 40, 80, 256),
}
CHANGED = {"yaw_deg": "", "sharpness": "blur", "brightness": "dark"}

Row = dict[str, Any]


class Reader:
    """Reads the largest face of a picture with every model, and its quality."""

    def __init__(self) -> None:
        """Open the detector and the models."""
        self._detector = mien.FaceDetector(rotated="never", detector_size=320, threads=1)
        self._models = {name: mien.Recognizer(name, threads=1) for name in MODELS}

    def find(self, image: np.ndarray) -> mien.Face | None:
        """Find the largest face."""
        return next(iter(self._detector.search(image).faces), None)

    def read(self, image: np.ndarray, label: str, **about: object) -> Row:
        """Read a picture; without a face, nothing is measured."""
        face = self.find(image)
        if face is None:
            return {**about, "found": False}
        correct = {}
        for name, model in self._models.items():
            (row,) = model.predict_probabilities(model.crop(image, face)[np.newaxis])
            correct[name] = model.emotions[int(row.argmax())] == label
        return {**about, "found": True, **measure_quality(image, face).to_dict(), **correct}


def blur(image: np.ndarray, share: float, side_px: float) -> np.ndarray:
    """Blur a picture, (H, W, 3) uint8."""
    sigma = share * side_px
    return np.asarray(
        np.rint(ndimage.gaussian_filter(image.astype(float), (sigma, sigma, 0)))
    ).astype(np.uint8)


def darken(image: np.ndarray, share: float) -> np.ndarray:
    """Darken a grey or coloured picture, with the noise of the photons that are left."""
    rng = np.random.default_rng(0)
    levels = rng.poisson(PHOTONS * share * image) / PHOTONS
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


def read_people(path: Path, reader: Reader) -> Iterator[Row]:
    """Read a zip's pictures as they are, blurred and darkened."""
    with zipfile.ZipFile(path) as archive:
        labelled = list(csv.DictReader(io.StringIO(archive.read("labels.csv").decode())))
        every = 6 if len(labelled) > LARGE else 1
        for number, one in enumerate(labelled):
            image, label = mien.read_image(archive.read(one["file"])), one["label"]
            face = reader.find(image)
            yield reader.read(image, label, set=path.stem, change="", strength=1.0)
            if face is None or number % every:
                continue
            for share in BLURS:
                changed = blur(image, share, face.box.shorter_side)
                yield reader.read(changed, label, set=path.stem, change="blur", strength=share)
            for share in LIGHTS:
                changed = darken(image, share)
                yield reader.read(changed, label, set=path.stem, change="dark", strength=share)


def read_fer2013(path: Path, table: Path, reader: Reader) -> Iterator[Row]:
    """Read the faces of PublicTest; each is enlarged, with a border, to be found."""
    votes = read_votes(table, mien.EMOTIONS)
    chosen = dict(zip(votes.paths, votes.plurality().tolist(), strict=True))
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if "PublicTest" in name]
        for number, name in enumerate(names):
            part = "fer2013-b" if number % 3 else "fer2013-a"
            word = chosen.get(name, NO_WORD)
            if word == NO_WORD:
                continue
            with Image.open(io.BytesIO(archive.read(name))) as picture:
                face = np.pad(np.asarray(picture.convert("L")), 16, mode="edge")
            large = Image.fromarray(face).resize((240, 240), Image.Resampling.BICUBIC)
            image = np.asarray(large.convert("RGB"))
            yield reader.read(image, mien.EMOTIONS[word], set=part, change="", strength=1.0)


def count(rows: Sequence[Row], model: str) -> dict[str, Any]:
    """Count the mistakes among rows, with a 95 % interval (Wilson)."""
    wrong = sum(not row[model] for row in rows)
    if not rows:
        return {"faces": 0}
    interval = binomtest(wrong, len(rows)).proportion_ci(method="wilson")
    return {
        "faces": len(rows),
        "wrong": wrong / len(rows),
        "low": float(interval.low),
        "high": float(interval.high),
    }


def is_beyond(row: Row, reason: str, column: str) -> bool:
    """Return whether a face lies beyond a limit."""
    if reason == "turned_away":
        return bool(abs(row[column]) > TURNED_DEG)
    return find_reason({column: row[column]}) == reason


def describe(rows: Sequence[Row], model: str) -> dict[str, Any]:
    """Count the mistakes of a set by bins, and on both sides of each threshold."""
    found: dict[str, Any] = {}
    for column, edges in BINS.items():
        own = [row for row in rows if row["change"] in ("", CHANGED[column])]
        own = [row for row in own if row.get(column) is not None]
        found[column] = {
            f"{low} to {high}": count([r for r in own if low <= abs(r[column]) < high], model)
            for low, high in itertools.pairwise(edges)
        }
    limits = {
        "turned_away": ("yaw_deg", TURNED_DEG),
        "blurred": ("sharpness", MIN_SHARPNESS),
        "dark": ("brightness", MIN_BRIGHTNESS),
    }
    for reason, (column, limit) in limits.items():
        own = [row for row in rows if row["change"] in ("", CHANGED[column]) and row["found"]]
        own = [row for row in own if row[column] is not None]
        beyond = [row for row in own if is_beyond(row, reason, column)]
        others = [row for row in own if find_reason(row) is None and row not in beyond]
        found[reason] = {
            "limit": limit,
            "with": count(beyond, model),
            "without": count(others, model),
        }
    return found


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("people", nargs="+", type=Path)
    parser.add_argument("--fer2013", type=Path)
    parser.add_argument("--votes", type=Path)
    parser.add_argument("--rows", type=Path)
    asked = parser.parse_args()

    if asked.rows is not None and asked.rows.is_file():
        rows = json.loads(asked.rows.read_text(encoding="utf-8"))
    else:
        reader = Reader()
        rows = [row for path in asked.people for row in read_people(path, reader)]
        if asked.fer2013 is not None:
            rows += read_fer2013(asked.fer2013, asked.votes, reader)
        if asked.rows is not None:
            asked.rows.write_text(json.dumps(rows), encoding="utf-8")

    figures: dict[str, Any] = {}
    for name in dict.fromkeys(row["set"] for row in rows):
        own = [row for row in rows if row["set"] == name]
        found = [row for row in own if row["found"]]
        figures[name] = {
            "pictures": len(own),
            "without_a_face_found": len(own) - len(found),
            **{model: describe(found, model) for model in MODELS},
        }
    write_result(__file__, ("mien", "numpy", "onnxruntime"), figures, models=MODELS)


if __name__ == "__main__":
    main()
