"""Show the progress of a run over many files."""

import threading
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
)
from rich.text import Text

from mien.batch.sources import Sources
from mien.cli.times import say_duration
from mien.errors import MienError
from mien.results import Failure, FrameResult


class _Pace(ProgressColumn):
    """Files per second since the start of the run, and the remaining time at that rate."""

    def render(self, task: Task) -> Text:
        """Return rate and remaining time; the average rate, because results arrive in batches."""
        done = task.completed - task.fields["resumed"]
        if not done or not task.elapsed:
            return Text()
        pace = done / task.elapsed
        told = f"{pace:.1f} files/s"
        if task.total is not None:
            told += f", {say_duration((task.total - task.completed) / pace)} left"
        return Text(told, style="dim")


class RunProgress:
    """A progress line on a terminal: done, total, rate, remaining time, failures.

    Prints nothing if the output is not a terminal.
    """

    def __init__(self, console: Console, counted: Sources | None) -> None:
        """Prepare the line.

        Args:
            console: The output console.
            counted: The same sources again, to be counted during the run; None if they can be read
                only once, in which case there is no total.
        """
        self._progress = Progress(
            TextColumn("reading"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            _Pace(),
            TextColumn("{task.fields[failed]}", style="red"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._counted = counted
        self._task: TaskID = self._progress.add_task("", total=None, failed="", resumed=0)
        self._failed = 0

    def __enter__(self) -> Self:
        """Show the line and start counting."""
        if self._progress.disable:  # rich before 14 prints an empty line even then
            return self

        self._progress.start()
        if self._counted is not None:
            threading.Thread(target=self._count, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the line."""
        if not self._progress.disable:
            self._progress.stop()

    def skip(self, sources: int) -> None:
        """Set how many sources an earlier run finished."""
        self._progress.update(self._task, completed=sources, resumed=sources)

    def add(self, result: object) -> None:
        """Count one result."""
        if not isinstance(result, FrameResult):
            self.count(1, int(isinstance(result, Failure)))

    def count(self, sources: int, failed: int) -> None:
        """Count several sources, and how many of them failed."""
        if failed:
            self._failed += failed
            self._progress.update(self._task, failed=f"{self._failed:,} failed")
        self._progress.advance(self._task, sources)

    def _count(self) -> None:
        """Count the sources for the total, unless this would require reading them."""
        total = 0
        try:
            for source in self._counted or ():
                if source.is_streamed:
                    return
                total += 1
        except MienError:  # reported by the run itself
            return
        self._progress.update(self._task, total=total)
