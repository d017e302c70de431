"""This module turns photos named on the command line into a table, JSON Lines and pictures."""

import difflib
import inspect
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import numpy as np
from cyclopts import Parameter
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mien.analyzer import Analyzer
from mien.draw import annotate as draw
from mien.errors import ConfigError, ImageError, MienError, OutputError
from mien.faces import DETECTOR_SIZE, MIN_SCORE, FaceDetector
from mien.files import replacing
from mien.images import name_source, read_image
from mien.results import FaceResult, Failure, ImageResult

STDIN: Final = "-"
PICTURES: Final = (".jpg", ".jpeg", ".png", ".webp")
"""Suffixes by which `--annotate` is a file and no folder."""

_BAR: Final = 14  # columns of a bar at probability 1
_COLORS: Final = {
    "angry": "red",
    "disgust": "green",
    "fear": "magenta",
    "happy": "yellow",
    "sad": "blue",
    "surprise": "cyan",
}


def analyze(
    *photos: Annotated[str, Parameter(allow_leading_hyphen=True)],
    model: str = "accurate",
    json: bool = False,
    annotate: Path | None = None,
    detector_size: int = DETECTOR_SIZE,
    min_score: float = MIN_SCORE,
    coverage: float | None = None,
    accuracy: float | None = None,
) -> int:
    """Read the faces in photos.

    ```console
    $ mien analyze photo.jpg
    $ mien analyze *.jpg --json > faces.jsonl
    $ mien analyze photo.jpg --annotate annotated/
    $ curl -s https://example.org/photo.jpg | mien analyze -
    ```

    For every face: where it is, its apparent expression, and how probable that is as the label
    people would give. A photo without faces is an empty result. A file that cannot be read gets
    one sentence, never stops the others, and makes the exit code 1.

    Args:
        photos: Pictures to read: JPEG, PNG, WebP, AVIF, TIFF, GIF, BMP; `-` is standard input.
        model: `accurate`, `fast`, or the path of an .onnx file with its .json beside it.
        json: Print JSON Lines: one object for each photo, in order.
        annotate: Draw the faces into copies of the photos: a folder, or a file for one photo.
        detector_size: Longer side, in pixels, at which faces are looked for; 1280 finds smaller
            faces and takes about twice as long.
        min_score: Leave out faces the detector is less sure of, from 0 to 1.
        coverage: Name an emotion for this share of faces, the surest ones, in place of the
            model's own threshold; as measured on the split that its contract names.
        accuracy: Name an emotion where this share of such answers was as labelled, 0 to 1.
    """
    _check_photos(photos)
    targets = [] if annotate is None else plan_pictures(annotate, photos)
    detector = FaceDetector(detector_size=detector_size, min_score=min_score)
    analyzer = Analyzer(model, detector=detector, coverage=coverage, accuracy=accuracy)
    table = FaceTable(Console(highlight=False))
    failures = 0
    for index, (image, result) in enumerate(_read(analyzer, photos)):
        if json:
            print(result.to_json(), flush=True)
        elif isinstance(result, ImageResult):
            table.print(result)
        if isinstance(result, Failure):
            failures += 1
            print(f"mien: {result.message}", file=sys.stderr)
        elif targets:
            write_picture(image, result, targets[index])
            told = Text(f"annotated: {targets[index]}", style="dim")
            Console(highlight=False, stderr=json).print(told, soft_wrap=True)
    return 1 if failures else 0


def _check_photos(photos: Sequence[str]) -> None:
    """Ask for photos, and tell a misspelt option from the photo it would be taken for."""
    if not photos:
        raise ConfigError("analyze needs a photo, as in: mien analyze photo.jpg")
    parameters = inspect.signature(analyze).parameters.values()
    options = [f"--{p.name.replace('_', '-')}" for p in parameters if p.kind is p.KEYWORD_ONLY]
    for photo in photos:
        if photo.startswith("-") and photo != STDIN:
            near = difflib.get_close_matches(photo, options, n=1)
            hint = f"did you mean {near[0]}?" if near else "see mien analyze --help"
            raise ConfigError(f"unknown option {photo}: {hint} (A file is written ./{photo})")


def _read(
    analyzer: Analyzer, photos: Sequence[str]
) -> Iterator[tuple[NDArray[np.uint8], ImageResult | Failure]]:
    """Read photos one by one; each is decoded once, also where it is drawn into later."""
    nothing = np.empty((0, 0, 3), dtype=np.uint8)
    for photo in photos:
        source = sys.stdin.buffer if photo == STDIN else photo
        name = name_source(source)
        try:
            if photo == STDIN and sys.stdin.isatty():
                raise ImageError("- reads a picture from standard input: pipe one into it")
            image = read_image(source)
            yield image, replace(analyzer.analyze(image), source=name)
        except MienError as error:
            yield nothing, Failure(name, error.kind, str(error))


class FaceTable:
    """Prints results as they come, as one table: a line for each photo and for each face."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._full, self._rest, self._by = "#.x" if console.options.ascii_only else "━┄×"
        self._is_first = True
        self._gap = False

    def print(self, result: ImageResult) -> None:
        """Print one photo's faces."""
        count = len(result.faces)
        faces = "no face found" if not count else f"{count} face{'s' if count > 1 else ''}"
        heading = Text(result.source, style="bold")
        heading.append(
            f"  {result.width} {self._by} {result.height}, {faces}", style="not bold dim"
        )
        if self._gap or (count and not self._is_first):
            self._console.print()
        self._console.print(heading, soft_wrap=True)
        self._gap = count > 0
        if count:
            self._console.print(self._tabulate(result.faces))
            self._is_first = False

    def _tabulate(self, faces: Sequence[FaceResult]) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        table.show_header = self._is_first
        table.add_column("face", width=4, justify="right")
        table.add_column("expression", width=10)
        table.add_column("probability", width=_BAR + 6, no_wrap=True)
        table.add_column("next best", width=19)
        table.add_column("box", overflow="fold")
        for number, face in enumerate(faces, start=1):
            box = face.box
            place = f"{box.x:.0f},{box.y:.0f} {box.width:.0f}{self._by}{box.height:.0f}"
            table.add_row(str(number), *self._describe(face), Text(place, style="dim"))
        return table

    def _describe(self, face: FaceResult) -> tuple[Text, Text, Text]:
        """Give the cells for the expression, its probability and the next best one."""
        if face.probabilities is None:
            return Text((face.reason or "").replace("_", " "), style="dim italic"), Text(), Text()
        ranked = sorted(face.probabilities.items(), key=lambda item: -item[1])
        (top, probability), (second, next_probability) = ranked[:2]
        style = "dim" if face.emotion is None else _COLORS.get(top, "default")
        bar = Text(self._full * round(probability * _BAR), style=style)
        bar.append(self._rest * (_BAR - len(bar)), style="dim")
        bar.append(f" {probability:4.0%}", style="bold" if face.emotion else "dim")
        if face.emotion is None:
            return Text(face.reason or "", style="dim italic"), bar, Text(f"{top} or {second}")
        return Text(top, style="bold"), bar, Text(f"{second} {next_probability:.0%}", style="dim")


def plan_pictures(target: Path, photos: Sequence[str]) -> list[Path]:
    """Name the annotated copies of photos, before any work is done.

    Args:
        target: A file, if it ends like a picture and is no folder; else a folder.
        photos: The photos' paths.

    Returns:
        A path for each photo.

    Raises:
        ConfigError: Several photos would go into one file, or a copy over a photo.
    """
    if target.suffix.lower() in PICTURES and not target.is_dir():
        if len(photos) > 1:
            raise ConfigError(
                f"--annotate {target} is one file, and there are {len(photos)} photos: name a "
                f"folder, as in --annotate {target.with_suffix('')}/"
            )
        planned = [target]
    else:
        planned = []
        for photo in photos:
            stem = "stdin" if photo == STDIN else Path(photo).stem
            path, number = target / f"{stem}-annotated.jpg", 1
            while path in planned:
                number += 1
                path = target / f"{stem}-{number}-annotated.jpg"
            planned.append(path)
    originals = {os.path.realpath(photo) for photo in photos if photo != STDIN}
    for path in planned:
        if os.path.realpath(path) in originals:
            raise ConfigError(f"--annotate would write over the photo {path}: name another place")
    return planned


def write_picture(image: NDArray[np.uint8], result: ImageResult, path: Path) -> None:
    """Draw a result into a copy of its photo; the file is whole or not there at all.

    Args:
        image: The photo, (H, W, 3) uint8 RGB.
        result: Its faces.
        path: Where to write; its suffix is one of `PICTURES`.

    Raises:
        OutputError: The file cannot be written.
    """
    kind = {".png": "PNG", ".webp": "WEBP"}.get(path.suffix.lower(), "JPEG")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            draw(image, result).save(partial, format=kind, quality=92)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"{path} cannot be written: {reason}; choose another --annotate"
        ) from error
