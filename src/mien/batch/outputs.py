"""Write the output of a run, and resume from its journal.

While a run goes on, its results are in a journal beside the output, `faces.csv.partial`. At its end
the output is written from the journal in one pass, together with a list of what failed,
`faces.failed.csv`; each file is whole or not there at all, and then the journal is deleted. So an
unbroken run and one that was stopped and started again give the same bytes.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TextIO

from mien.batch.journal import Journal
from mien.batch.sources import Source
from mien.batch.tally import Tally
from mien.errors import ConfigError, OutputError, describe_error
from mien.files import replacing
from mien.report import RecordReport
from mien.tables import load_pyarrow, write_csv, write_jsonl, write_parquet
from mien.tables.spreadsheet import CsvWriter

TABLES: Final = (".jsonl", ".csv", ".parquet")
IN_FOLDER: Final = "results.jsonl"
HEADER: Final = "source,kind,message\n"
"""The columns of a list of failures."""


def plan_output(output: Path) -> tuple[Path, Path | None]:
    """Return the files for results and annotated copies, from an output's extension.

    Args:
        output: A file that ends in one of `TABLES`, or a folder.

    Returns:
        The file for results; and the folder for copies, where the output is one.

    Raises:
        ConfigError: It is a file of another kind.
        MissingExtraError: It is Parquet, and pyarrow is not installed.
    """
    ending = output.suffix.lower()
    if output.is_dir() or (not ending and not output.is_file()):
        return output / IN_FOLDER, output
    if ending not in TABLES:
        raise ConfigError(
            f"--output {output} should end in {', '.join(TABLES)}, or be a folder for annotated "
            "copies"
        )
    if ending == ".parquet":
        load_pyarrow()
    return output, None


def name_journal(output: Path) -> Path:
    """Name the journal of an output."""
    return output.with_name(f"{output.name}.partial")


def name_failures(output: Path) -> Path:
    """Name the list of failures of an output."""
    return output.with_name(f"{output.stem}.failed.csv")


def skip_done(sources: Iterable[Source], journal: Journal) -> Iterator[Source]:
    """Leave out the sources that an earlier run finished.

    As long as sources come in the order of the journal, they are compared one by one, and memory
    stays flat. From the first that does not (files were added or taken away), what is left of the
    journal's names is held in memory, and each is left out as often as it is there.
    """
    done = journal.names()
    left: Counter[str] | None = None
    for source in sources:
        if left is None:
            expected = next(done, None)
            if expected == source.name:
                continue
            left = Counter(done)
            if expected is not None:
                left[expected] += 1
        if left[source.name] > 0:
            left[source.name] -= 1
        else:
            yield source


def write_output(
    journal: Journal,
    output: Path,
    emotions: Sequence[str],
    report: RecordReport | None = None,
) -> tuple[Tally, tuple[Path, ...]]:
    """Write an output, its list of failures and a report from a journal, and delete the journal.

    Args:
        journal: The results; nothing is added to it any more.
        output: A file that ends in one of `TABLES`.
        emotions: The model's class names.
        report: A report that was begun, if one is wanted; its pages are written too.

    Returns:
        What was counted on the way, and the report's pages.

    Raises:
        OutputError: A file cannot be written; the journal is kept.
    """
    tally = Tally()
    pages: tuple[Path, ...] = ()
    failures = name_failures(output)
    journal.sync()

    try:
        with replacing(failures) as partial, _open_list(partial) as listed:
            listed.write(HEADER)
            records = _list_failures(tally.watch(journal.records()), listed)
            if report is not None:
                records = report.watch(records)
            if output.suffix.lower() == ".csv":
                write_csv(output, records, emotions)
            elif output.suffix.lower() == ".parquet":
                write_parquet(output, records, emotions)
            else:
                write_jsonl(output, records)

        if report is not None:
            pages = report.write()
    except OutputError as error:
        raise OutputError(f"{error} (what was read is kept in {journal.path})") from error
    except OSError as error:
        reason = describe_error(error)
        raise OutputError(
            f"{failures} cannot be written ({reason}); what was read is kept in {journal.path}: "
            "make room and run the same command again"
        ) from error

    if tally.is_complete:
        with suppress(OSError):
            failures.unlink()
    journal.remove()
    return tally, pages


def _open_list(path: Path) -> TextIO:
    return path.open("w", newline="", encoding="utf-8")


def _list_failures(
    records: Iterable[Mapping[str, Any]], listed: TextIO
) -> Iterator[Mapping[str, Any]]:
    """Write failures to a list on their way to a table."""
    writer = CsvWriter(listed)
    for record in records:
        if "error" in record:
            error = record["error"]
            writer.row((record["source"], error["kind"], error["message"]))
        elif record.get("damage") is not None:
            kind = "video" if "tracks" in record else "image"
            writer.row((record["source"], kind, record["damage"]))
        yield record
