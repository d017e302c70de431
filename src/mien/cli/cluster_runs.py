"""Run an analysis on a Ray cluster, and write its results as Parquet parts."""

import os
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from mien.analyzer import Analyzer
from mien.batch.journal import describe_reader
from mien.batch.remote import is_remote
from mien.cli import exit_codes
from mien.cli.progress import RunProgress
from mien.cli.runs import Job
from mien.cli.summary import print_summary
from mien.cluster.parts import Parts
from mien.cluster.ray_data import Workers, load_ray
from mien.cluster.ray_run import Reading, read_shares
from mien.errors import ConfigError, SourceError
from mien.tables import check_emotions, load_pyarrow
from mien.video.reading import VideoSettings


def plan_cluster(workers: str | None, output: str | None, given: Mapping[str, object]) -> Workers:
    """Check the options of a run on a cluster before anything is read.

    Args:
        workers: A number, or a range such as `2-16`; None is from one to all processors.
        output: The folder or URL for the parts.
        given: Options that only a local run has, by name; what is None or False was not given.

    Raises:
        ConfigError: An option makes no sense on a cluster, or there is no output.
        MissingExtraError: Ray or pyarrow is not installed.
    """
    for option, value in given.items():
        if value is not None and value is not False:
            raise ConfigError(f"{option} needs --engine local: a cluster writes Parquet parts only")
    if output is None or (
        not is_remote(output) and (Path(output).suffix or Path(output).is_file())
    ):
        raise ConfigError(
            "--engine ray needs --output with a folder or a URL, as in --output s3://bucket/faces"
        )
    load_pyarrow()
    load_ray()

    if workers is None:
        return 1, None
    ends = re.fullmatch(r"(\d+)(?:-(\d+))?", workers.strip())
    if ends is None or int(ends[1]) < 1 or int(ends[2] or ends[1]) < int(ends[1]):
        raise ConfigError(f"--workers is a number or a range such as 2-16, got {workers!r}")
    return int(ends[1]), int(ends[2] or ends[1])


def write_parts(
    job: Job,
    analyzer: Analyzer,
    *,
    video: VideoSettings,
    decided: dict[str, Any],
    output: str,
    workers: Workers,
) -> int:
    """Read what no part has yet, and print a summary of all parts."""
    spec = analyzer.recognizer.spec
    check_emotions(spec.class_names)
    errors = Console(stderr=True, highlight=False)
    parts = Parts(
        output if is_remote(output) else str(Path(output).resolve()),
        describe_reader(spec) | decided,
    )
    reading = Reading(analyzer, video, job.columns, job.fps, parts, os.getcwd())  # noqa: PTH109
    began, done = time.monotonic(), parts.find_done()
    tally, done_before = done.tally, done.tally.sources
    job = replace(job, whole_archives=True)
    sources = job.list_sources()

    try:
        with RunProgress(errors, job.list_again()) as progress:
            progress.skip(done_before)
            for counted in read_shares(sources, done, reading, workers):
                tally.merge(counted)
                progress.count(counted.sources, counted.failed)
    except SourceError as error:
        raise SourceError(f"{error} (what was read is kept in {output})") from error
    except KeyboardInterrupt as stop:
        raise KeyboardInterrupt(
            f"stopped; results so far are in {output}: run the same command again to resume"
        ) from stop

    seconds, left_out = time.monotonic() - began, sources.left_out
    print_summary(errors, tally, seconds, done_before=done_before, left_out=left_out)
    errors.print(Text(f"results: {output}"), soft_wrap=True)
    return exit_codes.OK if tally.is_complete else exit_codes.INCOMPLETE
