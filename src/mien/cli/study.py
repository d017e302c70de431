"""`mien study`: compare recordings of participants between conditions."""

import json
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mien.cli.progress import RunProgress
from mien.cli.tables import print_table
from mien.cli.times import parse_every
from mien.contents import VIDEO_ENDINGS
from mien.devices import DeviceName
from mien.errors import ConfigError
from mien.faces.options import DETECTOR_SIZE
from mien.files import write_whole
from mien.results.display import count
from mien.study.agreement import agree
from mien.study.coding import Codes, pair_codes, read_codes
from mien.study.correction import choose, correct_readings
from mien.study.exclusion import count_excluded, exclude_rows, read_rules
from mien.study.methods import Method
from mien.study.mixed_model import compare_by_mixed_model
from mien.study.outputs import write_events, write_faces, write_participants, write_wide
from mien.study.plan import Plan, read_plan
from mien.study.reading import READINGS, Readings, read_study
from mien.study.report import Study, render_study
from mien.study.statistics import (
    RESAMPLES,
    SEED,
    Test,
    compare_conditions,
    require_statistics,
)
from mien.study.summary import sum_up
from mien.words import open_language

MAX_SHOWN: Final = 40
"""Most participants in the table on the terminal."""


def study(
    source: Path,
    *,
    output: Path,
    pattern: str | None = None,
    baseline: str = "participant",
    expected: str | None = None,
    rest: str | None = None,
    min_coverage: float = 0.5,
    exclude: str | None = None,
    test: Test = "permutation",
    coded: Path | None = None,
    model: str = "accurate",
    device: DeviceName = "cpu",
    every: str = "0.2s",
    fps: str | None = None,
    detector_size: int = DETECTOR_SIZE,
    lang: str = "en",
) -> int:
    """Compare participants' apparent expressions between conditions.

    ```console
    $ mien study recordings/ --pattern "{condition}/{participant}_{trial}.mp4" --output results/
    $ mien study table.csv --output results/
    $ mien study table.csv --output results/ --baseline rest --rest calm
    ```

    Requires `mien[study]`. A table has the columns `source` and `participant`, and optionally
    `condition`, `trial`, `start_s` and `end_s`; other columns are kept. The output folder receives
    tables (faces.csv, participants.csv, wide.csv, events.csv), study.json, and the report
    study.html. Run the same command again to resume an interrupted run.

    Args:
        source: A CSV table, or a folder of photos and videos.
        output: The folder for the results.
        pattern: How the files of a folder are named, with {participant}, {condition} and {trial};
            other names in braces become columns, and * matches anything.
        baseline: The baseline to subtract: `participant`, a person's own mean; `rest`, that of the
            face at rest; `none`.
        expected: For `participant`: `even`, if each person shows several expressions about equally
            often (the default for photos); `group`, if people are calm most of the time and only
            their difference from the others is subtracted (the default if there are videos).
        rest: For `rest`: the condition at rest, or seconds of each recording, such as 0-10.
        min_coverage: Exclude a participant from a condition if their face was read in a smaller
            share of it, 0 to 1.
        exclude: Leave out photos and frames by rules, separated by commas: `blurred`, `dark`, or a
            comparison of a column of faces.csv, such as `size_px < 40`, `yaw_deg > 30` (without its
            sign) or `faces > 1`. Set them before you see results.
        test: `permutation`: paired differences of participants, bootstrapped intervals, and
            sign-flip tests; or `mixed`: linear mixed models, which include participants with only
            one of two conditions.
        coded: A CSV table of human coders' labels (source, label[, coder][, time_s | start_s,
            end_s]): agreement is reported, also between several coders. Tables of ELAN and Noldus,
            .eaf files and folders of these are read directly.
        model: `accurate`, `fast`, or the path of an .onnx file with its .json.
        device: Device of the networks, one of those in `mien devices`; `auto` uses the best.
        every: For videos: interval between analysed frames; `frame` for every frame.
        fps: Recordings are folders of frames, in natural order, and --pattern names folders: frames
            per second; or a CSV table with the columns file and time_s; or `names`, where names end
            in a time such as 12.48s.
        detector_size: Longer side of the picture for face detection, in pixels.
        lang: Language of study.html: en, de, fr, es, it, pt, nl, ru, ar, he, ja or zh. The tables
            are English in every language.
    """
    # What would stop the analysis is refused before the reading, which may take hours.
    require_statistics()
    open_language(lang)
    if not 0 <= min_coverage <= 1:
        raise ConfigError(f"--min-coverage must be 0 to 1, got {min_coverage:g}")
    if output.is_file():
        raise ConfigError(f"--output {output} is a file, expected a folder")
    plan = read_plan(source, pattern, frames=fps is not None)
    paths = map(Path, plan.paths())
    videos = any(one.suffix.lower() in VIDEO_ENDINGS or one.is_dir() for one in paths)
    choice = choose(baseline, expected, rest, plan, videos=videos)
    method = Method(
        choice, min_coverage, read_rules(exclude), test, parse_every(every), fps, detector_size
    )
    codes = None if coded is None else read_codes(coded, [one.source for one in plan.recordings])
    console = Console(stderr=True, highlight=False)
    _tell_plan(console, plan)

    try:
        with RunProgress(console, None) as progress:
            readings = read_study(
                plan,
                output,
                model=model,
                device=device,
                detector_size=detector_size,
                every_s=method.every_s,
                fps=fps,
                on_result=progress.add,
                on_resume=progress.skip,
            )
    except KeyboardInterrupt as stop:
        raise KeyboardInterrupt(
            f"stopped; results so far are in {output / READINGS}: run the same command again to "
            "resume"
        ) from stop
    told = _analyze(plan, readings, method, codes)
    _write(told, output, lang)
    _tell_codes(console, codes, readings)
    _tell_end(console, told, output)
    return 1 if readings.failed else 0


def _analyze(plan: Plan, readings: Readings, method: Method, codes: Codes | None) -> Study:
    """Apply the rules, subtract the baselines, summarize, compare conditions and coders."""
    readings = replace(readings, rows=exclude_rows(readings.rows, method.rules))
    rows, baseline = correct_readings(readings, method.choice)
    summaries = sum_up(plan, readings, rows, min_coverage=method.min_coverage)
    suffix = "" if baseline is None else "_baseline"

    cells = {
        (one.participant, one.condition): one.measures for one in summaries if not one.excluded
    }
    comparisons = compare_conditions(
        cells,
        [f"mean_{name}{suffix}" for name in readings.spec.class_names],
        plan.conditions,
    )
    if method.test == "mixed":
        comparisons = compare_by_mixed_model(comparisons, cells)

    agreement = None if codes is None else agree(pair_codes(codes, rows))
    return Study(plan, readings, rows, summaries, comparisons, method, baseline, agreement)


def _write(told: Study, output: Path, lang: str) -> None:
    """Write the tables, the figures and the report."""
    write_faces(output / "faces.csv", told.plan, told.rows, told.readings.spec.class_names)
    write_participants(output / "participants.csv", told.summaries)
    write_wide(output / "wide.csv", told.plan, told.summaries)
    write_events(output / "events.csv", told.readings)
    _write_json(output / "study.json", told)
    write_whole(output / "study.html", render_study(told, lang))


def _tell_plan(console: Console, plan: Plan) -> None:
    """Print the design: participants by conditions, missing recordings, unmatched files."""
    counts = plan.count()
    table = Table(box=None, pad_edge=False)
    table.add_column("participant")
    for condition in plan.conditions:
        table.add_column(Text(condition), justify="right")
    for participant in plan.participants[:MAX_SHOWN]:
        cells = [str(counts[participant, one] or "–") for one in plan.conditions]
        table.add_row(Text(participant), *cells)

    print_table(console, table)
    left = len(plan.participants) - MAX_SHOWN
    if left > 0:
        console.print(f"and {count(left, 'more participant')}", style="dim")

    told = (
        f"{count(len(plan.recordings), 'recording')} of "
        f"{count(len(plan.participants), 'participant')} under "
        f"{count(len(plan.conditions), 'condition')}"
    )
    console.print(Text(told, style="bold"), soft_wrap=True)

    missing = plan.missing()
    if missing:
        some = ", ".join(f"{who} × {condition}" for who, condition in missing[:5])
        console.print(Text(f"missing: {len(missing)} ({some})"), soft_wrap=True)
    if plan.unmatched:
        some = ", ".join(plan.unmatched[:3])
        console.print(
            Text(f"the pattern does not match {count(len(plan.unmatched), 'file')} ({some})"),
            soft_wrap=True,
        )

    for names in plan.similar():
        told = f"possibly one name in several spellings: {', '.join(names)}"
        console.print(Text(told, style="yellow"), soft_wrap=True)
    if len(plan.participants) == 1:
        console.print("one participant: no intervals and no tests", style="dim")
    if len(plan.conditions) == 1:
        console.print("one condition: nothing to compare", style="dim")


def _tell_codes(console: Console, codes: Codes | None, readings: Readings) -> None:
    """Print which of the coders' sources and words were not used."""
    if codes is None:
        return
    if codes.unknown:
        some = ", ".join(codes.unknown[:3])
        told = f"not in the study, but coded: {count(len(codes.unknown), 'source')} ({some})"
        console.print(Text(told), soft_wrap=True)
    words = codes.list_unknown_words(readings.spec.class_names)
    if words:
        told = (
            f"the model does not know these words of coders, which never agree: {', '.join(words)}"
        )
        console.print(Text(told), soft_wrap=True)


def _tell_end(console: Console, told: Study, output: Path) -> None:
    """Print what was excluded and where the results are."""
    for reason in told.readings.failed.values():
        console.print(Text(f"could not be read: {reason}"), soft_wrap=True)
    for one in told.summaries:
        if one.excluded:
            words = f"excluded: {one.participant} × {one.condition} ({one.excluded})"
            console.print(Text(words), soft_wrap=True)
    for rule, number in count_excluded(told.rows, told.method.rules).items():
        console.print(Text(f"left out: {number:,} photos or frames ({rule})"), soft_wrap=True)
    if told.refused:
        words = ", ".join(f"{who} ({why})" for who, why in told.refused.items())
        console.print(Text(f"no baseline was subtracted: {words}"), soft_wrap=True)
    console.print(Text(f"report: {output / 'study.html'}"), soft_wrap=True)


def _write_json(path: Path, told: Study) -> None:
    """Write all figures of the study as JSON."""
    plan = told.plan
    content: dict[str, Any] = {
        "schema": 1,
        "mien": version("mien"),
        "model_sha256": told.readings.spec.onnx_sha256,
        "settings": {"model": told.readings.spec.name, **told.method.to_dict()},
        "resamples": RESAMPLES,
        "seed": SEED,
        "versions": {name: version(name) for name in ("numpy", "scipy", "statsmodels")},
        "left_out": count_excluded(told.rows, told.method.rules),
        "participants": plan.participants,
        "conditions": plan.conditions,
        "missing": plan.missing(),
        "unmatched": plan.unmatched,
        "failed": told.readings.failed,
        "baselines": {
            who: asdict(offset)
            for who, offset in (told.baseline.offsets if told.baseline else {}).items()
        },
        "cells": [asdict(one) for one in told.summaries],
        "comparisons": [asdict(one) for one in told.comparisons],
        "agreement": None if told.agreement is None else asdict(told.agreement),
    }

    write_whole(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
