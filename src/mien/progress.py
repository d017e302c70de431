"""Show a progress bar while results are read, on a terminal or in a notebook."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

_Item = TypeVar("_Item")


def track(
    items: Iterable[_Item],
    *,
    unit: str,
    total: float | None = None,
    reached: Callable[[_Item], float] | None = None,
) -> Iterator[_Item]:
    """Pass items on, and show how far they are.

    Shows nothing if the output is neither a terminal nor a notebook. A notebook outside Colab needs
    ipywidgets.

    Args:
        items: The items; they are taken as they are asked for.
        unit: What is counted, such as "photos" or "seconds".
        total: How many there are; None if unknown.
        reached: How far an item is, in units; None counts the items.

    Yields:
        The items.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    bar = Progress(
        TextColumn(f"{unit} {{task.completed:,.0f}}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not (console.is_terminal or console.is_jupyter),
    )
    if bar.disable:  # rich before 14 prints an empty line even then
        yield from items
        return

    with bar:
        task = bar.add_task("", total=total)
        for number, item in enumerate(items, start=1):
            bar.update(task, completed=number if reached is None else reached(item))
            yield item
        if total is not None:
            bar.update(task, completed=total)
