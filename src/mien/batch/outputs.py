"""Write the output of a run, and resume from its journal.

During a run, its results are in a journal next to the output, `faces.csv.partial`. At the end, the
output and a list of failures, `faces.failed.csv`, are written from the journal in one pass; each
file is written atomically, then the journal is deleted. An interrupted and resumed run therefore
produces the same bytes as an uninterrupted one.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

from mien.batch.journal import Journal
from mien.batch.sources import Source
from mien.batch.tally import Tally
from mien.errors import ConfigError, OutputError, describe_error
from mien.files import replacing
from mien.tables import load_pyarrow, write_csv, write_jsonl, write_parquet
from mien.tables.spreadsheet import CsvWriter

if TYPE_CHECKING:  # a run without a report loads none
    from mien.report import RecordReport

TABLES: Final = (".jsonl", ".csv", ".parquet")
IN_FOLDER: Final = "results.jsonl"
HEADER: Final = "source,kind,message\n"
"""Columns of a list of failures."""


def plan_output(output: Path) -> tuple[Path, Path | None]:
    """Return the files for results and annotated copies, from an output's extension.

    Args:
        output: A file with one of the extensions `TABLES`, or a folder.

    Returns:
        The file for results, and the folder for copies if the output is a folder.

    Raises:
        ConfigError: The file has another extension.
        MissingExtraError: The output is Parquet, and pyarrow is not installed.
    """
    ending = output.suffix.lower()
    if output.is_dir() or (not ending and not output.is_file()):
        return output / IN_FOLDER, output
    if ending not in TABLES:
        raise ConfigError(
            f"--output {output} must end in {', '.join(TABLES)}, or be a folder for annotated "
            "copies"
        )
    if ending == ".parquet":
        load_pyarrow()
    return output, None


def name_journal(output: Path) -> Path:
    """Return the path of an output's journal."""
    return output.with_name(f"{output.name}.partial")


def name_failures(output: Path) -> Path:
    """Return the path of an output's list of failures."""
    return output.with_name(f"{output.stem}.failed.csv")


def skip_done(sources: Iterable[Source], journal: Journal) -> Iterator[Source]:
    """Skip the sources finished by an earlier run.

    While sources come in the order of the journal, they are compared one by one in constant memory.
    From the first difference on (files were added or removed), the journal's remaining names are
    held in memory, and each is skipped as often as it occurs there.
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
    report: "RecordReport | None" = None,
    *,
    features: bool = False,
) -> tuple[Tally, tuple[Path, ...]]:
    """Write an output, its list of failures and a report from a journal, and delete the journal.

    Args:
        journal: The complete results.
        output: A file with one of the extensions `TABLES`.
        emotions: The model's class names.
        report: The report to write, if requested, with its pages.
        features: Add a column with the features of faces to a Parquet table.

    Returns:
        The counts, and the paths of the report's pages.

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
                write_parquet(output, records, emotions, features=features)
            else:
                write_jsonl(output, records)

        if report is not None:
            pages = report.write()
    except OutputError as error:
        raise OutputError(f"{error} (the results are kept in {journal.path})") from error
    except OSError as error:
        reason = describe_error(error)
        raise OutputError(
            f"{failures} cannot be written ({reason}); the results are kept in {journal.path}. "
            "Free some space and run the same command again"
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
    """Write failures to a list while passing records on to a table."""
    writer = CsvWriter(listed)
    for record in records:
        if "error" in record:
            error = record["error"]
            writer.row((record["source"], error["kind"], error["message"]))
        elif record.get("damage") is not None:
            kind = "video" if "tracks" in record else "image"
            writer.row((record["source"], kind, record["damage"]))
        yield record
