"""Read the labelled pictures for several benchmarks.

A zip of them contains `CLASS/*.jpg` and `labels.csv` (`file,label,person`).
"""

import csv
import io
import sys
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import mien
from machine import write_result


def read_people(
    path: Path, analyzer: mien.Analyzer
) -> tuple[list[tuple[dict[str, str], mien.ImageResult]], int]:
    """Read a zip's pictures.

    Returns:
        For each picture with a face, its row of `labels.csv` and its result, with the largest face
        first; and the number of pictures.
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


def measure_zips(
    script: str, models: Sequence[str], measure: Callable[[Path, mien.Analyzer], dict[str, Any]]
) -> None:
    """Measure every model on every zip named on the command line, and write the figures."""
    paths = [Path(name) for name in sys.argv[1:]]
    figures = {}
    for model in models:
        analyzer = mien.Analyzer(model)
        figures[model] = {path.stem: measure(path, analyzer) for path in paths}
    write_result(script, ("mien", "numpy", "onnxruntime"), figures, models=models)
