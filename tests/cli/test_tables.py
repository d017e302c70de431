"""Tables on a terminal break no word: names of files are read and copied whole."""

import io

import pytest
from rich.console import Console
from rich.table import Table

from mien.cli.tables import print_table

NAME = "runs/2026-11-28-accurate-with-votes/best.safetensors"


@pytest.mark.parametrize("width", [20, 40, 80])
@pytest.mark.parametrize("overflow", ["fold", "ellipsis"])
def test_names_stay_whole_and_words_wrap(width, overflow):
    table = Table(box=None)
    table.add_column("model", overflow=overflow)
    table.add_column("accuracy", justify="right", no_wrap=True)
    table.add_row(NAME, "71.2%")
    table.add_row("one of several words that may be wrapped where a line ends", "70.1%")
    console = Console(file=io.StringIO(), width=width)
    print_table(console, table)
    lines = console.file.getvalue().splitlines()
    assert any(NAME in line and line.rstrip().endswith("71.2%") for line in lines)
    assert max(map(len, lines)) <= max(width, len(NAME) + 12)
    assert any(line.rstrip().endswith("70.1%") for line in lines)
