"""Read the labelled pictures that some benchmarks are given.

A zip of them holds `CLASS/*.jpg` and `labels.csv` (`file,label,person`).
"""

import csv
import io
import zipfile
from pathlib import Path

import mien


def read_people(
    path: Path, analyzer: mien.Analyzer
) -> tuple[list[tuple[dict[str, str], mien.ImageResult]], int]:
    """Read a zip's pictures.

    Returns:
        A row of `labels.csv` and the picture's result for each picture with a face, the largest
        face first; and how many pictures there are.
    """
    with zipfile.ZipFile(path) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("labels.csv").decode())))
        photos = list(analyzer.analyze_many(archive.read(row["file"]) for row in rows))
    pairs = [
        (row, photo)
        for row, photo in zip(rows, photos, strict=True)
        if isinstance(photo, mien.ImageResult) and photo.faces
    ]
    return pairs, len(rows)
