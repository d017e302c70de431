"""Print a summary at the end of a run over many files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from mien.batch.tally import Tally
from mien.cli.times import say_duration
from mien.results.display import count

MAX_REASONS: Final = 8
"""Maximum number of reasons in a summary; the list next to the output has all of them."""


def print_summary(
    console: Console, tally: Tally, seconds: float, *, done_before: int = 0, left_out: int
) -> None:
    """Print how many files were read, how many failed and why, and the duration.

    Args:
        console: The output console.
        tally: Counts of the whole run, including earlier parts.
        seconds: Duration of this part of the run.
        done_before: Number of sources finished by an earlier part of the run.
        left_out: Number of files in folders and archives that were neither pictures nor videos.
    """
    told = [f"{tally.read:,} read", f"{tally.without_face:,} without a face"]
    if tally.damaged:
        told.append(f"{tally.damaged:,} damaged")
    told.append(f"{tally.failed:,} failed")

    line = Text(", ".join(told), style="bold")
    now = tally.sources - done_before
    rate = f"  {count(now, 'file')} in {say_duration(seconds)}"
    line.append(f"{rate}, {now / max(seconds, 1e-3):.1f} per second", style="not bold dim")
    console.print(line, soft_wrap=True)

    if done_before:
        console.print(
            Text(f"{done_before:,} of them were read by an earlier run", style="dim"),
            soft_wrap=True,
        )

    for reason, times in tally.reasons.most_common(MAX_REASONS):
        console.print(Text(f"  {times:>6,}  {reason}"), soft_wrap=True)
    if len(tally.reasons) > MAX_REASONS:
        rest = sum(times for _, times in tally.reasons.most_common()[MAX_REASONS:])
        console.print(Text(f"  {rest:>6,}  other reasons"), soft_wrap=True)

    if left_out:
        told_out = f"other files in folders and archives, no pictures or videos: {left_out:,}"
        console.print(Text(told_out, style="dim"), soft_wrap=True)


def print_files(
    console: Console,
    *,
    results: Sequence[Path] = (),
    failed: Sequence[Path] = (),
    report: Sequence[Path] = (),
) -> None:
    """Print where the results are; files that do not exist are skipped."""
    for what, paths in (("results", results), ("what failed", failed), ("report", report)):
        for path in paths:
            if path.exists():
                console.print(Text(f"{what}: {path}"), soft_wrap=True)
