"""Write an `Evaluation` to a folder: figures, tables, plots and a page."""

import io
import json
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mien.errors import OutputError
from mien.evaluation.metrics import Figures
from mien.evaluation.page import render_page
from mien.evaluation.plots import (
    draw_confusion,
    draw_corruptions,
    draw_reliability,
    draw_risk_coverage,
    draw_slices,
    to_png,
)
from mien.evaluation.predictor import LoadedModel, file_sha256
from mien.evaluation.result import Evaluation, Provenance
from mien.evaluation.robustness import Robustness
from mien.evaluation.slices import Slices
from mien.files import write_whole
from mien.tables.spreadsheet import CsvWriter

_LAST: Final = "evaluation.json"
_BEFORE_LAST: Final = frozenset(
    {"confusion.csv", "confusion.png", "corruptions.json", "corruptions.png", "evaluation.html"}
    | {"predictions.csv", "reliability.png", "risk_coverage.png", "slices.json", "slices.png"}
)
_PACKAGES: Final = ("mien", "numpy", "scipy", "scikit-learn", "torch", "onnxruntime")


def describe_run(model: LoadedModel, source: Path, command: str) -> Provenance:
    """Record the origin of model and data, the command, the date and versions."""
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return Provenance(
        model=model.to_dict(),
        source=str(source),
        source_sha256=file_sha256(source) if source.is_file() else None,
        command=command,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=versions,
    )


def to_json(evaluation: Evaluation, provenance: Provenance | None = None) -> dict[str, Any]:
    """Return an evaluation and its provenance as one JSON object."""
    about = {} if provenance is None else provenance.to_dict()
    figures = evaluation.to_dict()
    data = figures.pop("data") | about.pop("data", {})
    return {"schema": 1, "model": about.pop("model", None), "data": data, **figures, **about}


def write_evaluation(
    evaluation: Evaluation,
    faces: NDArray[np.uint8],
    output: Path,
    *,
    robustness: Robustness | None = None,
    slices: Slices | None = None,
    provenance: Provenance | None = None,
) -> Path:
    """Write figures, tables, plots and the page.

    Args:
        evaluation: The evaluation to write.
        faces: The split's faces, (N, 48, 48) uint8, in the order of the predictions.
        output: The output folder; see `check_output`.
        robustness: Results on corrupted faces, if measured.
        slices: Results per slice of the faces, if a column was given.
        provenance: Origin of model and data, if they are files.

    Returns:
        Path of the page.

    Raises:
        OutputError: The folder cannot be written.
    """
    single = evaluation.views["single"]
    curve, threshold = evaluation.risk_coverage, evaluation.abstention_threshold
    pictures = {
        "confusion.png": draw_confusion(single.figures, single.what),
        "reliability.png": draw_reliability(evaluation.reliability, single.what),
        "risk_coverage.png": draw_risk_coverage(curve, single.what, threshold=threshold),
    }

    if robustness is not None:
        pictures["corruptions.png"] = draw_corruptions(robustness, single.what)
        write_whole(output / "corruptions.json", robustness.to_json(provenance))

    if slices is not None:
        title = f"{single.what}, by {slices.column}"
        pictures["slices.png"] = draw_slices(slices, title)
        text = json.dumps({"schema": 1, **slices.to_dict()}, indent=2, allow_nan=False)
        write_whole(output / "slices.json", text + "\n")

    for name, picture in pictures.items():
        write_whole(output / name, to_png(picture))
    write_whole(output / "confusion.csv", _confusion_csv(single.figures))
    write_whole(output / "predictions.csv", evaluation.predictions.to_csv())

    page = output / "evaluation.html"
    told = render_page(
        evaluation, faces, robustness=robustness, slices=slices, provenance=provenance
    )
    write_whole(page, told)

    # Written last: a folder without it holds an interrupted evaluation.
    text = json.dumps(to_json(evaluation, provenance), indent=2, allow_nan=False)
    write_whole(output / _LAST, text + "\n")
    return page


def check_output(
    output: Path, *, model_sha256: str, split: str, split_sha256: str | None = None
) -> None:
    """Check that a folder may receive this evaluation, before any work starts.

    Accepted are a new or empty folder, one with an earlier evaluation of the same model on the same
    faces, and one that an interrupted evaluation left without its evaluation.json.

    Args:
        output: The output folder.
        model_sha256: SHA-256 of the model.
        split: Name of the split.
        split_sha256: SHA-256 of its faces; None if they have not been read yet.

    Raises:
        OutputError: It holds other files, or the evaluation of another model, split or dataset.
    """
    if output.exists() and not output.is_dir():
        raise OutputError(f"{output} is a file; choose a folder as --output")

    held = {path.name for path in output.iterdir()} if output.exists() else set()
    if all(name in _BEFORE_LAST or name.endswith(".partial") for name in held):
        return

    try:
        found = json.loads((output / _LAST).read_text(encoding="utf-8"))
        model, data = found["model"], found["data"]
        what = f"{model['name']} on {data['title']}"
        is_other = (model["sha256"], data["split"]) != (model_sha256, split)
        is_other = is_other or split_sha256 not in {None, data["split_sha256"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OutputError(
            f"{output} contains other files; choose a new or empty folder as --output"
        ) from error

    if is_other:
        raise OutputError(
            f"{output} contains the evaluation of another model, split or data ({what}); choose "
            "another --output, or remove it first"
        )


def _confusion_csv(figures: Figures) -> str:
    text = io.StringIO()
    writer = CsvWriter(text)
    names = tuple(figures.per_class)
    writer.row(("label \\ predicted", *names))
    writer.rows((name, *row) for name, row in zip(names, figures.confusion, strict=True))
    return text.getvalue()
