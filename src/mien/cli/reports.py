"""Print an evaluation or a comparison on a terminal."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from rich.console import Console
from rich.style import Style
from rich.table import Table
from rich.text import Text

from mien.cli.tables import print_table
from mien.evaluation.compare import Comparison, Contender, Difference, format_p
from mien.evaluation.corruptions import SEVERITIES
from mien.evaluation.metrics import Figures
from mien.evaluation.result import FLIP, Evaluation, coverage_points
from mien.evaluation.robustness import Robustness
from mien.evaluation.slices import Slices
from mien.evaluation.vote_figures import VoteFigures

_BAR: Final = 10
_VIEWS: Final = {
    "single": "single view",
    "flip": "with flip",
    "single_without_train_copies": "without train copies",
    "flip_without_train_copies": "the same, with flip",
}
_SHADES: Final = ((240, 246, 252), (31, 111, 181))
_SHOWN_COVERAGES: Final = (0.9, 0.8, 0.5)


def print_report(
    evaluation: Evaluation,
    name: str,
    page: Path,
    *,
    robustness: Robustness | None = None,
    slices: Slices | None = None,
) -> None:
    """Print the report, and the path of its page."""
    console = Console(highlight=False)
    print_evaluation(evaluation, name, console)
    if robustness is not None:
        print_robustness(robustness, console)
    if slices is not None:
        print_slices(slices, console)
    console.print(Text("page         ", style="dim") + Text(str(page)), soft_wrap=True)


def print_evaluation(evaluation: Evaluation, name: str, console: Console) -> None:
    """Print the figures, class by class, the confusion matrix, calibration and abstention."""
    predictions = evaluation.predictions
    heading = Text(f"{name} on {evaluation.title}", style="bold")
    about = f"  {len(predictions.labels):,} faces"
    if predictions.copies is not None:
        about += f", {int(predictions.copies.sum()):,} of them with an exact duplicate in train"
    console.print(heading.append(about, "not bold dim"), soft_wrap=True)
    console.print(Text(f"It predicts {evaluation.whose_label}.", style="dim"))

    single = evaluation.views["single"]
    for table in (
        _tabulate_views(evaluation),
        _tabulate_classes(single.figures, console),
        _tabulate_confusion(single.figures, console),
    ):
        console.print()
        print_table(console, table)

    console.print()
    print_table(console, _calibration_lines(evaluation))
    if evaluation.votes is not None:
        _print_votes(evaluation.votes, console)


def _print_votes(votes: VoteFigures, console: Console) -> None:
    """Print how the model agrees with people's votes."""
    table = _table("by people's votes", "faces", "accuracy", "95 %", "macro-F1", "95 %", "ECE")
    rows = (
        ("plurality, all faces", votes.plurality, votes.plurality_macro_f1_interval),
        ("where a majority agrees", votes.majority, votes.majority_macro_f1_interval),
    )
    for title, figures, interval in rows:
        if figures is None or interval is None:
            continue
        table.add_row(
            title,
            f"{figures.faces:,}",
            Text(f"{figures.accuracy:.1%}", style="bold"),
            _interval(figures.accuracy_interval),
            f"{figures.macro_f1:.3f}",
            f"{interval[0]:.3f} to {interval[1]:.3f}",
            f"{figures.ece:.3f}",
        )
    if votes.eight_classes is not None:
        eight = votes.eight_classes
        accuracy = Text(f"{eight.accuracy:.1%}", style="bold")
        ends = _interval(eight.accuracy_interval)
        table.add_row("majority of eight (FER+)", f"{eight.faces:,}", accuracy, ends)
    console.print()
    print_table(console, table)

    recalls = _table("recall by plurality", *votes.plurality.per_class, space=1)
    found = votes.plurality.per_class.values()
    recalls.add_row("", *(f"{row.recall:.0%}" if row.faces else "-" for row in found))
    console.print()
    console.print(recalls)
    told = (
        f"cross-entropy to the votes {votes.cross_entropy:.3f} nats, their own entropy "
        f"{votes.entropy:.3f}; the labels agree with the plurality on {votes.label_agreement:.1%}"
    )
    lines = {"votes": told}
    if votes.certainty_ece is not None:
        lines["certainty"] = f"ECE {votes.certainty_ece:.3f} against the plurality"
    console.print()
    print_table(console, tabulate(lines))


def print_robustness(robustness: Robustness, console: Console) -> None:
    """Print accuracy by corruption and severity, and each class's mean recall."""
    console.print()

    clean = f"{100 * robustness.clean.accuracy:.1f}"
    table = _table("accuracy under", "as is", *map(str, SEVERITIES), "mean")
    for name, rows in robustness.corrupted.items():
        cells = (f"{100 * figures.accuracy:.1f}" for figures in rows)
        mean = Text(f"{100 * robustness.accuracy_under(name):.1f}", style="bold")
        table.add_row(name, clean, *cells, mean)

    overall = Text(f"{100 * robustness.mean_accuracy:.1f}", style="bold")
    table.add_row(Text("all", style="bold"), clean, *[""] * len(SEVERITIES), overall)
    print_table(console, table)
    if robustness.truth == "plurality":
        console.print("right: the word that most people chose", style="dim")

    console.print()
    classes = _table("mean recall under", *robustness.classes, space=1)
    for name in robustness.corrupted:
        recalls = (f"{100 * robustness.recall_under(name, c):.0f}" for c in robustness.classes)
        classes.add_row(name, *recalls)
    console.print(classes)
    console.print()


def print_slices(slices: Slices, console: Console) -> None:
    """Print each slice's figures, and the caveats."""
    console.print()
    heading = ("faces", "accuracy", "95 %", "macro-F1", "95 %", "equal mix")

    table = _table(slices.column, *heading)
    for part in slices.slices:
        equal = part.standardized_accuracy
        low, high = part.macro_f1_interval
        table.add_row(
            Text(part.value),
            f"{part.faces:,}",
            Text(f"{part.accuracy:.1%}", style="bold"),
            _interval(part.accuracy_interval),
            f"{part.macro_f1:.3f}",
            f"{low:.2f} to {high:.2f}",
            "" if equal is None else f"{equal:.1%}",
        )

    print_table(console, table)
    console.print()
    for remark in slices.remarks:
        console.print(Text(remark))
    console.print()


def print_comparison(comparison: Comparison, console: Console) -> None:
    """Print both models side by side, the faces they disagree on, and the verdict."""
    a, b = comparison.a, comparison.b
    heading = Text(f"{a.name} and {b.name} on {comparison.title}", style="bold")
    heading.append(f"  {comparison.faces:,} faces, single view", "not bold dim")
    console.print(heading, soft_wrap=True)

    console.print()
    table = _table("", "accuracy", "95 %", "macro-F1")
    for contender in (a, b):
        table.add_row(*_contender_cells(contender))
    table.add_row(
        Text("difference", style="bold"),
        f"{100 * comparison.accuracy.value:+.1f} points",
        _points(comparison.accuracy),
        f"{comparison.macro_f1.value:+.3f} ({comparison.macro_f1.interval[0]:+.3f} to "
        f"{comparison.macro_f1.interval[1]:+.3f})",
    )

    print_table(console, table)
    console.print()
    faces = _table("", f"{b.name} right", f"{b.name} wrong")
    faces.add_row(
        Text(f"{a.name} right"), f"{comparison.both_right:,}", f"{comparison.only_a_right:,}"
    )

    faces.add_row(
        Text(f"{a.name} wrong"), f"{comparison.only_b_right:,}", f"{comparison.both_wrong:,}"
    )
    console.print(faces)

    console.print(f"\nMcNemar's exact test: p {format_p(comparison.p_value)}", style="dim")
    console.print(Text(comparison.conclusion, style="bold"))


def _tabulate_views(evaluation: Evaluation) -> Table:
    table = _table("view", "faces", "accuracy", "95 %", "macro-F1", "ECE", "NLL")
    for key, view in evaluation.views.items():
        figures = view.figures
        table.add_row(
            _VIEWS[key],
            f"{figures.faces:,}",
            Text(f"{figures.accuracy:.1%}", style="bold"),
            _interval(figures.accuracy_interval),
            f"{figures.macro_f1:.3f}",
            f"{figures.ece:.3f}",
            f"{figures.nll:.3f}",
        )
    return table


def _tabulate_classes(figures: Figures, console: Console) -> Table:
    table = _table("class", "faces", "recall", "", "95 %", "precision", "F1", "predicted")

    for name, row in figures.per_class.items():
        table.add_row(
            Text(name),
            f"{row.faces:,}",
            *(
                (f"{row.recall:.1%}", _bar(row.recall, console), _interval(row.recall_interval))
                if row.faces
                else ("n/a", "", "n/a")
            ),
            f"{row.precision:.1%}" if row.predicted else "n/a",
            f"{row.f1:.3f}" if row.faces else "n/a",
            f"{row.predicted:,}",
        )

    table.columns[3].justify = "left"
    return table


def _tabulate_confusion(figures: Figures, console: Console) -> Table:
    """Shade each cell by its share of the row; without colours, print only the counts."""
    names = list(figures.per_class)
    table = _table("labelled \\ predicted", *names, space=1)
    for i, (name, row) in enumerate(zip(names, figures.confusion, strict=True)):
        cells = []
        for j, count in enumerate(row):
            share = count / max(sum(row), 1)
            style = _shade(share, is_right=i == j) if console.color_system else ""
            cells.append(Text(f"{count:>{max(len(names[j]), 5)}}", style=style))
        table.add_row(Text(name), *cells)
    return table


def _calibration_lines(evaluation: Evaluation) -> Table:
    calibration = evaluation.calibration
    points = {round(p["coverage"], 2): p for p in coverage_points(evaluation.risk_coverage)}

    surest = [
        f"{points[share]['accuracy']:.1%} of the most confident {share:.0%}"
        for share in _SHOWN_COVERAGES
        if share in points
    ]

    lines = {
        "temperature": f"{calibration.temperature:.3f} ({calibration.origin}): "
        f"ECE {calibration.ece_before:.3f} -> {calibration.ece_after:.3f}, "
        f"NLL {calibration.nll_before:.3f} -> {calibration.nll_after:.3f}",
        "abstaining": f"correct on {', '.join(surest)} (AURC {evaluation.risk_coverage.aurc:.3f})",
        "with flip": f"the {FLIP}",
    }
    return tabulate(lines)


def tabulate(rows: Mapping[str, str]) -> Table:
    """Return a table of terms and values."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for key, value in rows.items():
        table.add_row(key, Text(value))
    return table


def _contender_cells(contender: Contender) -> Sequence[Text | str]:
    return (
        Text(contender.name),
        f"{contender.accuracy:.1%}",
        _interval(contender.accuracy_interval),
        f"{contender.macro_f1:.3f}",
    )


def _table(first: str, *others: str, space: int = 2) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, space, 0, 0), header_style="dim")
    table.add_column(Text(first), overflow="fold")
    for title in others:
        table.add_column(Text(title), justify="right", no_wrap=True)
    return table


def _interval(ends: tuple[float, float]) -> str:
    return f"{100 * ends[0]:.1f} to {100 * ends[1]:.1f}"


def _points(difference: Difference) -> str:
    return f"{100 * difference.interval[0]:+.1f} to {100 * difference.interval[1]:+.1f}"


def _bar(share: float, console: Console) -> Text:
    stroke = "=" if console.options.ascii_only else "━"
    return Text(stroke * round(share * _BAR), style="blue")


def _shade(share: float, *, is_right: bool) -> Style:
    low, high = np.array(_SHADES)
    red, green, blue = (low + (high - low) * min(share / 0.9, 1)).astype(int)
    ink = "#ffffff" if share > 0.45 else "#101820"
    return Style.parse(f"{'bold ' if is_right else ''}{ink} on rgb({red},{green},{blue})")
