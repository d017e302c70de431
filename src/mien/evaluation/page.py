"""Write an `Evaluation` as one self-contained HTML page."""

import base64
import io
from collections.abc import Callable
from importlib import resources
from typing import Any, Final

import jinja2
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from mien.evaluation.corruptions import SEVERITIES
from mien.evaluation.plots import (
    PAGE_DARK,
    PAGE_LIGHT,
    Theme,
    draw_corruptions,
    draw_reliability,
    draw_risk_coverage,
    draw_slices,
    to_svg,
)
from mien.evaluation.result import FLIP, Evaluation, Provenance, coverage_points
from mien.evaluation.robustness import Robustness
from mien.evaluation.slices import Slices

MISTAKES: Final = 24


def render_page(
    evaluation: Evaluation,
    faces: NDArray[np.uint8],
    *,
    robustness: Robustness | None = None,
    slices: Slices | None = None,
    provenance: Provenance | None = None,
) -> str:
    """Render figures, plots, and the most confident mistakes as thumbnails.

    The page loads nothing from the network, runs no script, and follows the reader's light or dark
    theme.

    Args:
        evaluation: The evaluation to show.
        faces: The split's faces, (N, 48, 48) uint8, in the order of the predictions.
        robustness: Results on corrupted faces, if measured.
        slices: Results per slice of the faces, if a column was given.
        provenance: Origin of model and data, if they are files.
    """
    copies = evaluation.predictions.copies

    return _template().render(
        evaluation=evaluation,
        name="A model" if provenance is None else provenance.model["name"],
        provenance=provenance,
        views=evaluation.views,
        flip=FLIP,
        single=evaluation.views["single"].figures,
        calibration=evaluation.calibration,
        bins=len(evaluation.reliability.counts),
        copies=None if copies is None else int(copies.sum()),
        points=coverage_points(evaluation.risk_coverage),
        mistakes=_find_mistakes(evaluation, faces),
        robustness=robustness,
        severities=SEVERITIES,
        slices=slices,
        plots=_draw_plots(evaluation, robustness, slices),
    )


def _draw_plots(
    evaluation: Evaluation, robustness: Robustness | None, slices: Slices | None
) -> dict[str, dict[str, str]]:
    """Render the page's plots in light and dark."""
    curve, threshold = evaluation.risk_coverage, evaluation.abstention_threshold
    plots = {
        "reliability": _both(
            lambda theme: draw_reliability(evaluation.reliability, "", theme=theme)
        ),
        "risk_coverage": _both(
            lambda theme: draw_risk_coverage(curve, "", threshold=threshold, theme=theme)
        ),
    }
    if robustness is not None:
        plots["corruptions"] = _both(lambda theme: draw_corruptions(robustness, "", theme=theme))
    if slices is not None:
        plots["slices"] = _both(lambda theme: draw_slices(slices, "", theme=theme))
    return plots


def _template() -> jinja2.Template:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters["count"] = lambda number: f"{number:,}"
    environment.filters["percent"] = lambda share, digits=1: f"{share:.{digits}%}".replace(
        "%", "\N{NO-BREAK SPACE}%"
    )
    environment.filters["interval"] = lambda ends: (
        f"{100 * ends[0]:.1f}\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}{100 * ends[1]:.1f}"
    )
    source = resources.files("mien.evaluation").joinpath("page.html")
    return environment.from_string(source.read_text(encoding="utf-8"))


def _find_mistakes(evaluation: Evaluation, faces: NDArray[np.uint8]) -> list[dict[str, Any]]:
    predictions = evaluation.predictions
    names = predictions.class_names
    confidence, predicted = predictions.confidence, predictions.predicted

    wrong = np.flatnonzero(predicted != predictions.labels)
    surest = wrong[np.argsort(-confidence[wrong], kind="stable")][:MISTAKES]

    return [
        {
            "path": predictions.paths[i],
            "label": names[predictions.labels[i]],
            "predicted": names[predicted[i]],
            "confidence": float(confidence[i]),
            "face": _data_uri(_to_png(faces[i]), "image/png"),
        }
        for i in surest
    ]


def _both(draw: Callable[[Theme], Figure]) -> dict[str, str]:
    themes = {"light": PAGE_LIGHT, "dark": PAGE_DARK}
    return {key: _data_uri(to_svg(draw(theme)), "image/svg+xml") for key, theme in themes.items()}


def _to_png(face: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(face).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def _data_uri(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
