"""Plot an evaluation: PNG for files, SVG for pages."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import PercentFormatter

from mien.drawing.fonts import fitting_letters
from mien.evaluation.corruptions import CORRUPTIONS, SEVERITIES
from mien.evaluation.metrics import Figures, Reliability, RiskCoverage
from mien.evaluation.robustness import Robustness
from mien.evaluation.slices import Slices

_CURVE_POINTS: Final = 400  # more are invisible and make the page larger


@dataclass(frozen=True)
class Theme:
    """Colours of a plot, as #rrggbb; a background of None is transparent."""

    background: str | None
    ink: str
    faint: str
    accent: str
    warning: str


LIGHT: Final = Theme("#ffffff", "#1c2530", "#d5dbe2", "#1f6fb5", "#c8552b")
PAGE_LIGHT: Final = Theme(None, "#1c2530", "#d5dbe2", "#1f6fb5", "#c8552b")
PAGE_DARK: Final = Theme(None, "#e6ebf1", "#3a4552", "#6cb3f0", "#f0946c")


def draw_confusion(figures: Figures, title: str, *, theme: Theme = LIGHT) -> Figure:
    """Draw the confusion matrix: rows sum to 100 %, and each cell shows its count."""
    names = list(figures.per_class)
    counts = np.array(figures.confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = max(6.4, 0.95 * len(names) + 1.4)
    figure, axes = _blank(theme, side, side * 0.96)
    colours = LinearSegmentedColormap.from_list(
        "shares", ["#f4f8fc", "#8dbde6", "#1f6fb5", "#0b3a66"]
    )
    axes.grid(visible=False)
    axes.imshow(shares, cmap=colours, vmin=0, vmax=1)
    for row in range(len(names)):
        for column in range(len(names)):
            _write_cell(axes, row, column, shares[row, column], counts[row, column])

    faces = [figures.per_class[name].faces for name in names]
    axes.set_xticks(range(len(names)), names, rotation=35, ha="right", rotation_mode="anchor")
    axes.set_yticks(
        range(len(names)), [f"{n}\n{c} faces" for n, c in zip(names, faces, strict=True)]
    )
    axes.set_xlabel("predicted", labelpad=8)
    axes.set_ylabel("labelled", labelpad=8)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)

    # The white lines between cells are the grid of invisible minor ticks.
    axes.set_xticks(np.arange(len(names) - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(len(names) - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="#ffffff", linewidth=2)
    axes.tick_params(which="minor", length=0)
    _title(axes, title, theme)
    return figure


def _write_cell(axes: Axes, row: int, column: int, share: float, count: int) -> None:
    """Write a cell's share and count, in white on dark cells."""
    middle: dict[str, Any] = {"ha": "center", "va": "center"}
    middle["color"] = "#ffffff" if share > 0.45 else "#1c2530"
    weight = "bold" if row == column else "normal"
    axes.text(column, row - 0.1, f"{share:.0%}", fontsize=13, weight=weight, **middle)
    axes.text(column, row + 0.22, f"{count}", fontsize=9, alpha=0.85, **middle)


def draw_reliability(bins: Reliability, title: str, *, theme: Theme = LIGHT) -> Figure:
    """Draw accuracy by confidence, with the number of faces in each bin below."""
    figure = _figure(theme, 6.4, 6.0)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    _dress(above, theme)
    _dress(below, theme)
    width = bins.edges[1] - bins.edges[0]
    centres = bins.edges[:-1] + width / 2

    wanted = "perfect calibration"
    above.plot([0, 1], [0, 1], "--", color=theme.ink, alpha=0.6, linewidth=1.2, label=wanted)
    full = bins.counts > 0
    x, right, bar = centres[full], bins.accuracy[full], width * 0.9
    above.bar(x, right, bar, color=theme.accent, alpha=0.85, label="accuracy")
    above.bar(
        x,
        bins.confidence[full] - right,
        bar,
        bottom=right,
        fill=False,
        edgecolor=theme.warning,
        hatch="////",
        linewidth=1,
        label="gap to perfect calibration",
    )

    above.set_ylim(0, 1)
    above.set_ylabel("accuracy")
    above.yaxis.set_major_formatter(PercentFormatter(1))
    above.legend(loc="upper left", frameon=False, fontsize=10, labelcolor=theme.ink)

    below.bar(centres, bins.counts, bar, color=theme.ink, alpha=0.45)
    below.set_ylabel("faces")
    below.set_xlabel("probability of the predicted class")
    below.xaxis.set_major_formatter(PercentFormatter(1))
    below.set_xlim(0, 1)

    _title(above, f"{title}\nECE {bins.ece:.3f}, {len(bins.counts)} bins".strip(), theme)
    return figure


def draw_risk_coverage(
    curve: RiskCoverage, title: str, *, threshold: float | None = None, theme: Theme = LIGHT
) -> Figure:
    """Draw the error rate as a function of coverage.

    Args:
        curve: The risk at each coverage.
        title: Display name of the faces.
        threshold: The model's abstention threshold, marked on the curve.
        theme: Colours.
    """
    figure, axes = _blank(theme, 6.4, 4.4)
    shown = np.unique(np.linspace(0, len(curve.risk) - 1, _CURVE_POINTS).astype(np.int64))
    coverage, risk = curve.coverage[shown], curve.risk[shown]
    axes.step(coverage, risk, where="pre", color=theme.accent, linewidth=2)
    axes.fill_between(coverage, risk, step="pre", color=theme.accent, alpha=0.15, linewidth=0)

    kept = np.flatnonzero(curve.threshold >= (np.inf if threshold is None else threshold))
    if len(kept):
        x, y = curve.coverage[kept[-1]], curve.risk[kept[-1]]
        label = (
            f"answers at {threshold:.2f} or above:\n{x:.0%} of the faces, {1 - y:.1%} of them "
            "correct"
        )
        axes.plot([x], [y], "o", markersize=8, color=theme.warning, label=label)
        axes.legend(loc="lower right", frameon=False, fontsize=11, labelcolor=theme.ink)

    axes.set_xlim(0, 1)
    axes.set_ylim(0, min(1.0, max(0.05, float(curve.risk.max()) * 1.25)))
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set_xlabel("coverage: fraction of faces answered")
    axes.set_ylabel("risk: error rate of the answers")
    _title(axes, f"{title}\narea under the curve (AURC) {curve.aurc:.3f}".strip(), theme)
    return figure


def draw_corruptions(robustness: Robustness, title: str, *, theme: Theme = LIGHT) -> Figure:
    """Draw accuracy by severity, one small plot per corruption, with 95 % intervals."""
    columns = 4
    names = list(robustness.corrupted)
    figure = _figure(theme, 10.0, 2.3 * -(-len(names) // columns) + 0.5)
    grid = figure.subplots(-(-len(names) // columns), columns, sharey=True)

    for axes, name in zip(grid.flat, names, strict=False):
        _dress(axes, theme)
        rows = robustness.corrupted[name]
        means = [row.accuracy for row in rows]
        lows, highs = zip(*(row.accuracy_interval for row in rows), strict=True)
        axes.axhline(
            robustness.clean.accuracy, color=theme.ink, alpha=0.6, linestyle="--", linewidth=1.2
        )
        axes.fill_between(SEVERITIES, lows, highs, color=theme.accent, alpha=0.2, linewidth=0)
        axes.plot(SEVERITIES, means, "o-", color=theme.accent, linewidth=2, markersize=5)
        axes.set_title(name, color=theme.ink, fontsize=12, loc="left", weight="bold")
        axes.set_xticks(
            SEVERITIES, [f"{value:g}" for value in CORRUPTIONS[name].parameters], fontsize=9
        )
        axes.set_xlabel(CORRUPTIONS[name].what, fontsize=9)
        axes.set_ylim(0, 1)
        axes.yaxis.set_major_formatter(PercentFormatter(1))

    if title:
        is_by_votes = robustness.truth == "plurality"
        what = "share read as most people chose," if is_by_votes else "accuracy"
        figure.suptitle(
            f"{title}: {what} by severity\nmean over all corruptions "
            f"{robustness.mean_accuracy:.1%}, uncorrupted {robustness.clean.accuracy:.1%} (dashed)",
            color=theme.ink,
            fontsize=12,
            x=0.01,
            ha="left",
        )
    return figure


def draw_slices(slices: Slices, title: str, *, theme: Theme = LIGHT) -> Figure:
    """Draw each slice's accuracy with its 95 % interval, the largest slice at the top."""
    parts = slices.slices[::-1]
    figure, axes = _blank(theme, 6.4, 0.42 * len(parts) + 1.5)
    overall = sum(part.correct for part in parts) / slices.faces
    axes.axvline(overall, color=theme.ink, alpha=0.6, linestyle="--", linewidth=1.2)
    for row, part in enumerate(parts):
        axes.plot(part.accuracy_interval, [row, row], color=theme.accent, linewidth=3, alpha=0.45)
        axes.plot([part.accuracy], [row], "o", color=theme.accent, markersize=8)
    axes.set_yticks(range(len(parts)), [f"{part.value}  ({part.faces:,})" for part in parts])
    axes.set_ylim(-0.6, len(parts) - 0.4)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlabel("accuracy with its 95 % interval; dashed: all these faces")
    axes.grid(visible=False, axis="y")
    _title(axes, title, theme)
    return figure


def to_png(figure: Figure) -> bytes:
    """Render a figure at 160 dots per inch."""
    return _save(figure, "png", {"Software": None})


def to_svg(figure: Figure) -> bytes:
    """Render a figure as SVG with letters as outlines, so that it looks the same everywhere."""
    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "mien"}):
        return _save(figure, "svg", {"Date": None, "Creator": None})


def _save(figure: Figure, kind: str, metadata: Mapping[str, None]) -> bytes:
    """Render a figure; a dollar sign in a name is literal, not the start of a formula."""
    buffer = io.BytesIO()
    for text in figure.findobj(Text):
        text.set_parse_math(False)
    with (
        fitting_letters(figure),
        mpl.rc_context({"text.parse_math": False}),
    ):  # also applies to ticks created while drawing
        dpi = 160 if kind == "png" else "figure"
        figure.savefig(buffer, format=kind, dpi=dpi, metadata=metadata)
    return buffer.getvalue()


def _figure(theme: Theme, width: float, height: float) -> Figure:
    return Figure(
        figsize=(width, height), layout="constrained", facecolor=theme.background or "none"
    )


def _blank(theme: Theme, width: float, height: float) -> tuple[Figure, Axes]:
    figure = _figure(theme, width, height)
    axes = figure.subplots()
    _dress(axes, theme)
    return figure, axes


def _dress(axes: Axes, theme: Theme) -> None:
    axes.set_facecolor("none")
    axes.tick_params(colors=theme.ink, labelsize=11)
    axes.xaxis.label.set(color=theme.ink, fontsize=12)
    axes.yaxis.label.set(color=theme.ink, fontsize=12)
    axes.grid(color=theme.faint, linewidth=0.8)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_color(theme.faint)
        spine.set_visible(side in {"left", "bottom"})


def _title(axes: Axes, title: str, theme: Theme) -> None:
    axes.set_title(title, color=theme.ink, fontsize=12, loc="left", pad=12)
