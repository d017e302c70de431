"""Run an analysis: print its results, or write them to an output with a summary."""

import sys
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mien.batch.engine import Engine
from mien.batch.items import Columns
from mien.batch.journal import Journal, describe_reader
from mien.batch.outputs import name_failures, name_journal, skip_done, write_output
from mien.batch.remote import is_remote, open_list
from mien.batch.sources import STDIN, Source, Sources
from mien.batch.tally import Tally
from mien.cli import exit_codes
from mien.errors import SourceError
from mien.model.spec import ModelSpec
from mien.results import Failure, FrameResult, ImageResult
from mien.results.record import Record
from mien.tables import check_emotions

if TYPE_CHECKING:  # slow to import, and only copies and reports need them
    from mien.batch.annotated import Copies
    from mien.cli.face_table import FaceTable
    from mien.report import RecordReport


@dataclass(frozen=True)
class Job:
    """The inputs of a run, and how to read them."""

    paths: tuple[str, ...]
    from_list: str | None
    copies: "Copies | None"
    engine: Engine
    report: "RecordReport | None"
    columns: Columns
    fps: str | None = None
    whole_archives: bool = False

    def list_sources(self) -> Sources:
        """Return the sources from the beginning."""
        if self.from_list is None or self.from_list == STDIN:
            listed = None if self.from_list is None else sys.stdin.buffer
        elif is_remote(self.from_list):
            listed = open_list(self.from_list)
        else:
            listed = Path(self.from_list)

        without = [] if self.copies is None else [self.copies.target]
        return Sources(
            self.paths,
            listed=listed,
            without=without,
            columns=self.columns,
            fps=self.fps,
            whole_archives=self.whole_archives,
        )

    def list_again(self) -> Sources | None:
        """Return the sources again, to be counted; None if the list can be read only once."""
        path = self.from_list
        is_lasting = path is None or (path != STDIN and Path(path).is_file())
        return self.list_sources() if is_lasting else None

    def plan(self, sources: Iterable[Source]) -> Iterable[Source]:
        """Add the names of annotated copies to the sources, if copies are requested."""
        return sources if self.copies is None else self.copies.plan(sources)


def print_json(result: Record) -> None:
    """Print a result as one line of JSON in UTF-8, whatever the terminal's encoding and newline."""
    encoding = (getattr(sys.stdout, "encoding", None) or "").lower()
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if encoding != "utf-8" and reconfigure is not None:
        reconfigure(encoding="utf-8", newline="\n")
    print(result.to_json(), flush=True)


def print_results(job: Job, *, json: bool) -> int:
    """Print results as they arrive."""
    table = None if json else _open_table()
    tally, began, sources = Tally(), time.monotonic(), job.list_sources()
    with closing(job.engine.read(job.plan(sources))) as results:
        for source, result in results:
            record = result.to_dict()
            tally.add(record)
            if job.report is not None:
                job.report.add(record)
            if table is None:
                print_json(result)
            else:
                table.print(result)

            damage = record.get("damage")
            if damage is not None:
                print(f"mien: {damage}", file=sys.stderr)
            if isinstance(result, Failure):
                print(f"mien: {result.message}", file=sys.stderr)
            elif job.copies is not None and not isinstance(result, FrameResult):
                ending = ".jpg" if isinstance(result, ImageResult) else ".mp4"
                _print_copy(job.copies.path(source, ending), to_stderr=json)

    seconds = time.monotonic() - began
    if job.report is not None or tally.sources > 1:
        _conclude(job, tally, seconds, left_out=sources.left_out)
    return exit_codes.OK if tally.is_complete else exit_codes.INCOMPLETE


def _open_table() -> "FaceTable":
    """Open the table for people, which JSON does not need: rich is slow to import."""
    from rich.console import Console

    from mien.cli.face_table import FaceTable

    return FaceTable(Console(highlight=False))


def _print_copy(path: Path, *, to_stderr: bool) -> None:
    """Print where an annotated copy is."""
    from rich.console import Console
    from rich.text import Text

    told = Text(f"annotated: {path}", style="dim")
    Console(highlight=False, stderr=to_stderr).print(told, soft_wrap=True)


def _conclude(job: Job, tally: Tally, seconds: float, *, left_out: int) -> None:
    """Write the report, and print the summary of several sources on a terminal."""
    from rich.console import Console

    from mien.cli.summary import print_files, print_summary

    errors = Console(stderr=True, highlight=False)
    if job.report is not None:
        print_files(errors, report=job.report.write())
    if errors.is_terminal and tally.sources > 1:
        print_summary(errors, tally, seconds, left_out=left_out)


def write_results(
    job: Job, spec: ModelSpec, decided: dict[str, Any], output: Path, *, json: bool
) -> int:
    """Write results to a journal as they arrive, and to the output at the end."""
    from rich.console import Console

    from mien.cli.progress import RunProgress
    from mien.cli.summary import print_files, print_summary

    if output.suffix.lower() in {".csv", ".parquet"}:
        check_emotions(spec.class_names)  # now instead of after hours of reading
    errors = Console(stderr=True, highlight=False)
    run = describe_reader(spec) | decided
    began, sources, counted = time.monotonic(), job.list_sources(), job.list_again()
    planned = job.plan(sources)  # errors are raised before anything is written
    with Journal(name_journal(output), run) as journal:
        try:
            results = job.engine.read(skip_done(planned, journal))
            with RunProgress(errors, counted) as progress, closing(results):
                progress.skip(journal.resumed)
                for _, result in results:
                    journal.append(result)
                    progress.add(result)
                    if json:
                        print_json(result)
        except SourceError as error:
            raise SourceError(f"{error} (the results are kept in {journal.path})") from error
        except KeyboardInterrupt as stop:
            raise KeyboardInterrupt(
                f"stopped; results so far are in {journal.path}: run the same command again to "
                "resume"
            ) from stop
        done_before = journal.resumed
        tally, pages = write_output(
            journal, output, spec.class_names, job.report, features="features" in decided
        )
    seconds = time.monotonic() - began
    print_summary(errors, tally, seconds, done_before=done_before, left_out=sources.left_out)
    print_files(errors, results=(output,), failed=(name_failures(output),), report=pages)
    return exit_codes.OK if tally.is_complete else exit_codes.INCOMPLETE
