"""`mien data`: check a dataset before training, and join people's votes with it."""

import json as json_format
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import cyclopts
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mien.cli import exit_codes
from mien.cli.tables import print_table
from mien.data.appearance import MEASURES
from mien.data.audit import DatasetAudit, audit_dataset
from mien.data.datasets import Dataset, load_dataset
from mien.data.finding import Finding
from mien.data.inventory import Inventory
from mien.data.raters import find_votes
from mien.data.vote_table import Join, join_votes, write_votes
from mien.data.votes import NO_WORD, Votes
from mien.errors import OutputError, describe_error
from mien.files import write_whole
from mien.results.display import count

app = cyclopts.App(name="data", help="Check a dataset before training; needs no PyTorch.")

SHOWN_CLASSES: Final = 30
SHOWN_FILES: Final = 5


_MARKS: Final = {"fault": ("✗", "x"), "warning": ("!", "!"), "note": ("·", "-")}
_STYLES: Final = {"fault": "bold red", "warning": "yellow", "note": "dim"}


@app.command
def audit(path: Path, /, *, votes: Path | None = None, json: bool = False) -> int:
    """Check a dataset before training.

    Counts images per class and split; exact and near duplicates within and across splits;
    duplicates with conflicting labels; blank images; corrupt files; class imbalance; and splits
    that look different, such as a blurred train split. If several people labelled the faces,
    reports how far they agree (Fleiss' kappa) and where they contradict the labels.

    ```console
    $ mien data audit fer2013.zip
    $ mien data audit faces/ --json > audit.json
    ```

    Exit codes: 0 no fault; 1 a fault, do not train on this dataset; 2 it cannot be read.

    Args:
        path: A folder or zip of `train/<class>/...`, `test/<class>/...`, or of `<class>/...`; or a
            table such as `fer2013.csv`.
        votes: A table of people's votes by path (a column `path`, and how many people chose each
            class); by default votes.csv in the folder or next to it, if there is one.
        json: Print everything as one JSON object.
    """
    with Console(stderr=True).status("reading the images") as status:
        dataset = load_dataset(path)
        status.update("comparing the images with each other")
        result = audit_dataset(dataset, votes or find_votes(path))
    if json:
        print(json_format.dumps(result.to_dict()))
    else:
        print_audit(result, Console(highlight=False))
    return exit_codes.INCOMPLETE if result.faults else exit_codes.OK


@app.command
def votes(
    path: Path, /, *, votes: Path, output: Path | None = None, pixels: Path | None = None
) -> None:
    """Join people's votes with a dataset, and report how they agree with its labels.

    FER+ (Barsoum et al. 2016) asked ten people about each face of FER2013, and publishes
    fer2013new.csv: one row per row of fer2013.csv. Kaggle's zip has the same pictures under other
    names; with fer2013.csv as --pixels, they are matched by their pixels.

    ```console
    $ mien data votes fer2013.csv --votes fer2013new.csv --output votes.csv
    $ mien data votes fer2013.zip --votes fer2013new.csv --pixels fer2013.csv --output votes.csv
    $ mien data votes fer2013.zip --votes votes.csv
    ```

    The output table has one row per face (path, a count for each word, contempt, unknown, NF).
    `mien evaluate --votes` and `mien export --votes` read it.

    Args:
        path: The dataset, as for `mien data audit`.
        votes: FER+'s fer2013new.csv, or a table of votes by path.
        output: Write the joined table to this CSV file.
        pixels: fer2013.csv, if the votes are by row and the dataset is not that table.
    """
    with Console(stderr=True).status("reading the images"):
        dataset = load_dataset(path)
        joined = join_votes(votes, dataset, None if pixels is None else load_dataset(pixels))
    if output is not None:
        try:
            write_whole(output, write_votes(joined.votes))
        except OSError as error:
            raise OutputError(f"{output} cannot be written: {describe_error(error)}") from error
    _print_join(joined, dataset, Console(highlight=False))


def _print_join(joined: Join, dataset: Dataset, console: Console) -> None:
    """Print how votes and labels agree, class by class, and which faces have no votes."""
    names, labels = dataset.class_names, _labels_of(dataset)
    asked: Votes = joined.votes
    own = [labels[path] for path in asked.paths]

    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for title in ("label", "faces", "plurality agrees", "majority agrees"):
        table.add_column(title, justify="left" if title == "label" else "right", no_wrap=True)

    for number, name in enumerate((*names, "all")):
        rows = [row for row, label in enumerate(own) if number in {label, len(names)}]
        truths = [own[row] for row in rows]
        agree = [
            _share([(chosen[row], truth) for row, truth in zip(rows, truths, strict=True)])
            for chosen in (asked.plurality().tolist(), asked.majority().tolist())
        ]
        style = "bold" if name == "all" else ""
        table.add_row(Text(name), f"{len(rows):,}", *agree, style=style)

    print_table(console, table)
    console.print()
    console.print(f"{int(asked.mostly_no_face().sum()):,} pictures that most people called no face")
    console.print(f"{len(asked.paths):,} faces joined, {len(joined.unjoined):,} without votes")
    for name in joined.unjoined[:SHOWN_FILES]:
        console.print(Text(f"  {name}", style="dim"), soft_wrap=True)


def _labels_of(dataset: Dataset) -> dict[str, int]:
    """Return the label of each face of a dataset, by its path."""
    return {
        path: int(label)
        for split in dataset.splits.values()
        for path, label in zip(split.paths, split.labels, strict=True)
    }


def _share(pairs: list[tuple[int, int]]) -> str:
    """Return how often a chosen word is the label, in percent, where a word was chosen."""
    chosen = [word == label for word, label in pairs if word != NO_WORD]
    return f"{sum(chosen) / len(chosen):.1%} of {len(chosen):,}" if chosen else ""


def print_audit(result: DatasetAudit, console: Console) -> None:
    """Print an audit: the counts, then the findings, most severe first."""
    inventory = result.inventory
    total = sum(inventory.size(split) for split in inventory.counts)
    heading = Text(inventory.source, style="bold")
    heading.append(f"  {total:,} images, {len(inventory.class_names)} classes", "not bold dim")
    console.print(heading, soft_wrap=True)
    console.print()
    print_table(console, _tabulate(inventory))
    console.print()
    for finding in result.findings:
        _print_finding(finding, console)
    _print_broken(inventory, console)
    console.print()
    console.print(_sum_up(result))


def _tabulate(inventory: Inventory) -> Table:
    """Build the table of counts, with a column for each split."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    table.add_column("images", overflow="fold")
    for split in inventory.counts:
        table.add_column(split, justify="right", no_wrap=True)
    for title, cells, style in _rows(inventory):
        table.add_row(Text(title), *cells, style=style)
    return table


def _rows(inventory: Inventory) -> Iterator[tuple[str, list[str], str]]:
    """Yield the title, the cells and the style of each line of the table."""
    counts = inventory.counts
    shown = inventory.class_names[:SHOWN_CLASSES]

    for name in shown:
        yield name, [f"{counts[split][name]:,}" for split in counts], ""
    if len(inventory.class_names) > len(shown):
        yield f"... {len(inventory.class_names) - len(shown)} more classes", [], "dim"
    yield "all", [f"{inventory.size(split):,}" for split in counts], "bold"
    yield "", [], ""

    if "train" in counts:
        copies = [(split, inventory.copies[split]["train"]) for split in counts]
        yield "duplicate in train", [_with_share(inventory, *copy) for copy in copies], ""
    if "train" in counts and inventory.near_copies is not None:
        copies = [(split, inventory.near_copies[split]["train"]) for split in counts]
        yield "near duplicate in train", [_with_share(inventory, *copy) for copy in copies], ""
    yield "one grey level", [f"{len(inventory.constant[split]):,}" for split in counts], ""
    yield "", [], ""

    for measure in MEASURES:
        medians = [f"{inventory.looks[split][measure]:,.0f}" for split in counts]
        yield f"{measure} (median)", medians, ""


def _with_share(inventory: Inventory, split: str, number: int) -> str:
    return f"{number:,}  {number / inventory.size(split):5.1%}"


def _print_finding(finding: Finding, console: Console) -> None:
    """Print a finding with its mark."""
    style = _STYLES[finding.gravity]
    title = f"FAULT: {finding.title}" if finding.gravity == "fault" else finding.title
    words = Text(title, style="" if finding.gravity == "warning" else style)
    if finding.detail:
        words.append(f"\n{finding.detail}", style="not bold default dim")
    mark = Text(_MARKS[finding.gravity][console.options.ascii_only], style=style)
    for line in words.wrap(console, max(console.width - 2, 20)):
        line.rstrip()
        console.print(mark, line, soft_wrap=True)
        mark = Text(" ")


def _print_broken(inventory: Inventory, console: Console) -> None:
    """List the first corrupt files."""
    if not inventory.broken:
        return
    console.print("\ncorrupt files", style="dim")
    for file in inventory.broken[:SHOWN_FILES]:
        line = Text(f"  {file.place} ")
        line.append(file.reason, style="dim")
        console.print(line, soft_wrap=True)
    if len(inventory.broken) > SHOWN_FILES:
        left = len(inventory.broken) - SHOWN_FILES
        console.print(f"  and {left:,} more; --json lists them all", style="dim")


def _sum_up(result: DatasetAudit) -> Text:
    """Return the conclusion in one line: whether the data is fit for training."""
    faults = len(result.faults)
    warnings = sum(finding.gravity == "warning" for finding in result.findings)
    told = count(warnings, "warning")
    if faults:
        stop = f"{count(faults, 'fault')}, {told}: do not train on this data."
        return Text(stop, style="bold red")
    return Text(f"No fault, {told}: fit for training.", style="bold green")
