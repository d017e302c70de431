"""Print tables without breaking words, so that file names can be read and copied."""

from typing import Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table

_ANY_WIDTH: Final = 100_000


class _Whole:
    """A table that exceeds the terminal's width rather than break a word."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        unbound = options.update(max_width=_ANY_WIDTH)
        least = Measurement.get(console, unbound, self._table).minimum
        width = max(options.max_width, least)
        yield from console.render(self._table, options.update(width=width))


def print_table(console: Console, table: Table) -> None:
    """Print a table; cells wrap only between words, and nothing is truncated.

    Args:
        console: The output console.
        table: The table; it exceeds the terminal's width where a word is too long.
    """
    console.print(_Whole(table), crop=False)
