"""This module turns photos and videos named on the command line into tables, lines and pictures."""

import difflib
import glob
import inspect
import sys
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.text import Text

from mien.analyzer import Analyzer
from mien.batch.copies import Copies
from mien.batch.engine import Engine
from mien.batch.journal import Journal
from mien.batch.outputs import (
    name_failures,
    name_journal,
    plan_output,
    skip_done,
    write_output,
)
from mien.batch.tally import Tally
from mien.batch.videos import refuse_videos
from mien.cli.face_table import FaceTable
from mien.cli.progress import RunProgress, Stopwatch, print_files, print_summary
from mien.errors import ConfigError
from mien.faces import DETECTOR_SIZE, MIN_SCORE, FaceDetector
from mien.results import Failure, ImageResult
from mien.sessions import default_threads
from mien.sources import STDIN, Source, Sources, is_folder
from mien.spec import ModelSpec


def analyze(
    *paths: Annotated[str, Parameter(allow_leading_hyphen=True)],
    from_list: str | None = None,
    output: Path | None = None,
    json: bool = False,
    annotate: Path | None = None,
    model: str = "accurate",
    detector_size: int = DETECTOR_SIZE,
    min_score: float = MIN_SCORE,
) -> int:
    """Read the faces in photos.

    ```console
    $ mien analyze photo.jpg
    $ mien analyze holiday/ --output faces.csv
    $ mien analyze *.jpg --json > faces.jsonl
    $ mien analyze photo.jpg --annotate annotated/
    $ find . -name "*.jpg" -print0 | mien analyze --from-list - --output faces.parquet
    $ curl -s https://example.org/photo.jpg | mien analyze -
    ```

    For every face: where it is, its apparent expression, and how probable that is as the label
    people would give. A photo without faces is an empty result. A file that cannot be read gets
    one sentence, never stops the others, and makes the exit code 1.

    With --output, results are written as they come. A run that was stopped goes on where it
    stopped when the same command is given again.

    Args:
        paths: Pictures (JPEG, PNG, WebP, AVIF, TIFF, GIF, BMP); folders, with all that is below
            them; patterns such as "**/*.jpg"; `-` is one picture on standard input.
        from_list: A file with more paths, one a line or separated by NUL; `-` is standard input.
        output: Write results into a file, by its ending: .jsonl, .csv or .parquet; or into a
            folder, which gets annotated copies and results.jsonl.
        json: Print JSON Lines: one object for each photo, in order.
        annotate: Draw the faces into copies of the photos: a folder, or a file for one photo.
        model: `accurate`, `fast`, or the path of an .onnx file with its .json beside it.
        detector_size: Longer side, in pixels, at which faces are looked for; 1280 finds smaller
            faces and takes about twice as long.
        min_score: Leave out faces the detector is less sure of, from 0 to 1.
    """
    _check_paths(paths, from_list)
    table, folder = (None, None) if output is None else plan_output(output)
    if annotate is not None and folder is not None:
        raise ConfigError(f"--output {folder} is a folder for annotated copies already")
    target = folder if annotate is None else annotate
    copies = None if target is None else Copies(target, [p for p in paths if p != STDIN])
    # One photo gets all cores; of many photos, each gets one.
    is_one = from_list is None and _is_one_file(paths)
    detector = FaceDetector(
        detector_size=detector_size, min_score=min_score, threads=None if is_one else 1
    )
    analyzer = Analyzer(model, detector=detector, threads=None if is_one else 1)
    engine = Engine(
        analyzer,
        refuse_videos,
        threads=1 if is_one else default_threads(),
        finish=None if copies is None else copies.write,
    )
    job = _Job(paths, from_list, copies, engine)
    if table is None:
        return _print_results(job, json=json)
    decided = {"detector_size": detector_size, "min_score": min_score}
    return _write_results(job, analyzer.recognizer.spec, decided, table, json=json)


@dataclass(frozen=True)
class _Job:
    """What is to be read, and with what."""

    paths: tuple[str, ...]
    from_list: str | None
    copies: Copies | None
    engine: Engine

    def list_sources(self) -> Sources:
        """List what was named, from the beginning."""
        if self.from_list is None or self.from_list == STDIN:
            listed = None if self.from_list is None else sys.stdin.buffer
        else:
            listed = Path(self.from_list)
        without = [] if self.copies is None else [self.copies.target]
        return Sources(self.paths, listed=listed, without=without)

    def plan(self, sources: Iterable[Source]) -> Iterable[Source]:
        """Give sources the names of their copies, if any are wanted."""
        return sources if self.copies is None else self.copies.plan(sources)


def _print_results(job: _Job, *, json: bool) -> int:
    """Print results as they come."""
    table = FaceTable(Console(highlight=False))
    tally, watch, sources = Tally(), Stopwatch(), job.list_sources()
    with closing(job.engine.read(job.plan(sources))) as results:
        for source, result in results:
            tally.add(result.to_dict())
            if json:
                print(result.to_json(), flush=True)
            else:
                table.print(result)
            if isinstance(result, Failure):
                print(f"mien: {result.message}", file=sys.stderr)
            elif job.copies is not None and isinstance(result, ImageResult):
                told = Text(f"annotated: {job.copies.path(source, '.jpg')}", style="dim")
                Console(highlight=False, stderr=json).print(told, soft_wrap=True)
    errors = Console(stderr=True, highlight=False)
    if errors.is_terminal and tally.sources > 1:
        print_summary(errors, tally, watch.seconds(), left_out=sources.left_out)
    return 1 if tally.failed else 0


def _write_results(
    job: _Job, spec: ModelSpec, decided: dict[str, Any], output: Path, *, json: bool
) -> int:
    """Write results into a journal as they come, and into the output at the end."""
    errors = Console(stderr=True, highlight=False)
    run = {"mien": version("mien"), "model": spec.onnx_sha256, **decided}
    watch, sources = Stopwatch(), job.list_sources()
    counted = None if job.from_list == STDIN else job.list_sources()
    with Journal(name_journal(output), run) as journal:
        try:
            results = job.engine.read(skip_done(job.plan(sources), journal))
            with RunProgress(errors, counted) as progress, closing(results):
                progress.skip(journal.resumed)
                for _, result in results:
                    journal.append(result)
                    progress.add(result)
                    if json:
                        print(result.to_json(), flush=True)
        except KeyboardInterrupt as stop:
            raise KeyboardInterrupt(
                f"stopped; what was read is kept in {journal.path}: the same command goes on there"
            ) from stop
        done_before = journal.resumed
        tally = write_output(journal, output, spec.class_names)
    print_summary(
        errors, tally, watch.seconds(), done_before=done_before, left_out=sources.left_out
    )
    print_files(errors, output, name_failures(output))
    return 1 if tally.failed else 0


def _is_one_file(paths: Sequence[str]) -> bool:
    """Say whether what was named is a single photo."""
    return len(paths) == 1 and not is_folder(paths[0]) and not glob.has_magic(paths[0])


def _check_paths(paths: Sequence[str], from_list: str | None) -> None:
    """Ask for photos, and tell a misspelt option from the photo it would be taken for."""
    if not paths and from_list is None:
        raise ConfigError("analyze needs a photo or a folder, as in: mien analyze photo.jpg")
    if STDIN in paths and (from_list == STDIN or paths.count(STDIN) > 1):
        raise ConfigError("standard input can be read only once: name - in one place")
    parameters = inspect.signature(analyze).parameters.values()
    options = [f"--{p.name.replace('_', '-')}" for p in parameters if p.kind is p.KEYWORD_ONLY]
    for path in paths:
        if path.startswith("-") and path != STDIN:
            near = difflib.get_close_matches(path, options, n=1)
            hint = f"did you mean {near[0]}?" if near else "see mien analyze --help"
            raise ConfigError(f"unknown option {path}: {hint} (A file is written ./{path})")
