"""`mien analyze`: read the faces in photos and videos."""

import difflib
import functools
import glob
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from mien.analyzer import Analyzer
from mien.batch.engine import Engine
from mien.batch.items import Columns, find_kind
from mien.batch.outputs import plan_output
from mien.batch.remote import is_remote
from mien.batch.sources import STDIN, is_folder
from mien.batch.videos import VideoReader
from mien.cli.runs import Job, print_results, write_results
from mien.cli.times import parse_every, parse_time
from mien.devices import DeviceName
from mien.errors import ConfigError
from mien.model.prior import NATURAL
from mien.model.spec import ModelSpec
from mien.options import ReadingOptions
from mien.sessions import default_threads
from mien.video.reading import VideoSettings
from mien.words import open_language

if TYPE_CHECKING:  # loaded where they are asked for
    from mien.batch.annotated import Copies
    from mien.report import RecordReport


@dataclass(frozen=True, kw_only=True)
class _Options(ReadingOptions):
    """How faces are found, and when an emotion is named, as words for the command line.

    Attributes:
        detector_size: Longer side of the picture for face detection, in pixels; 1280 finds smaller
            faces and takes about twice as long.
        min_score: Ignore faces with a lower detection score, 0 to 1.
        rotated: When to search a photo in all four orientations: `auto` (if no face is detected
            reliably in the photo as it is), `always` or `never`. For videos, `auto` is `never`.
        limit_faces: Read this many faces of each photo or frame at most, the largest.
        min_face_px: Leave out faces that are smaller, in pixels on the shorter side of the box.
        coverage: Name an emotion for this share of faces, the most confident ones, instead of using
            the model's own threshold; measured on the split that the contract names.
        accuracy: Choose the threshold so that this share of the named emotions is correct, 0 to 1.
        prior: Expected mix of expressions among these faces: natural, the mix the model was trained
            on; balanced, for posed sets and experiments that show each equally often; or shares,
            such as happy=0.5,neutral=0.5.
    """

    min_face_px: Annotated[float, Parameter(name="--min-face")] = 0
    prior: str = NATURAL


def analyze(
    *paths: Annotated[str, Parameter(allow_leading_hyphen=True)],
    from_list: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    output: str | None = None,
    json: bool = False,
    annotate: Path | None = None,
    font: Path | None = None,
    report: Path | None = None,
    lang: str = "en",
    every: str | None = None,
    start: str | None = None,
    end: str | None = None,
    fps: str | None = None,
    model: str = "accurate",
    options: Annotated[_Options, Parameter(name="*")] = _Options(),
    image_column: str | None = None,
    key_column: str | None = None,
    device: DeviceName = "cpu",
    engine: Literal["local", "ray"] = "local",
    workers: str | None = None,
    features: bool = False,
) -> int:
    """Read the faces in photos and videos.

    ```console
    $ mien analyze photo.jpg
    $ mien analyze holiday/ --output faces.csv
    $ mien analyze clip.mp4 --every 0.5s --output clip.parquet --report clip.html
    $ mien analyze *.jpg --json > faces.jsonl
    $ mien analyze photo.jpg --annotate annotated/
    $ find . -name "*.jpg" -print0 | mien analyze --from-list - --output faces.parquet
    $ mien analyze photos.zip "shards/*.tar" --output faces.parquet
    $ mien analyze s3://bucket/photos/ --output faces.csv
    $ mien analyze s3://bucket/photos/ --engine ray --output s3://bucket/faces
    $ curl -s https://example.org/photo.jpg | mien analyze -
    ```

    For every face, prints its box, its apparent expression, and the probability that people would
    label it so. A photo without faces has an empty result. A file that cannot be read gets an error
    message and makes the exit code 1; the other files are still read.

    With --output, results are written as they arrive. Run the same command again to resume an
    interrupted run.

    Args:
        paths: Pictures (JPEG, PNG, WebP, AVIF, TIFF, GIF, BMP) and videos; folders (searched
            recursively); patterns such as "**/*.jpg"; zip and tar files, WebDataset shards and
            Parquet tables; URLs (s3://, gs://, az://, hf://, https://), with the extra `cloud`; `-`
            is one picture on standard input. After `--`, a name may begin with a hyphen.
        from_list: A file or URL with more paths, one per line or separated by NUL; `-` is standard
            input.
        output: Write results to a .jsonl, .csv or .parquet file, or to a folder, which receives
            annotated copies and results.jsonl; with --engine ray, to a folder or URL of Parquet
            parts.
        json: Print JSON Lines, in order: one object per photo; for a video, one per analysed frame,
            then one for the whole video.
        annotate: Draw the faces into copies of the photos: a folder, or a file for one photo.
        font: A font file for the text in these copies, if no font found on the system has the
            letters of the class names.
        report: Write an HTML report: a timeline for a video, a gallery for photos; of several
            sources, each video gets a page of its own.
        lang: Language of reports and annotated copies: en, de, fr, es, it, pt, nl, ru, ar, he, ja
            or zh. Results, such as JSON and CSV, are English in every language.
        every: For videos: interval between analysed frames, 0.2s by default; `frame` analyses every
            frame.
        start: For videos: start at this time, such as 90, 90s or 1:30.
        end: For videos: stop before this time.
        fps: Each folder holds the frames of one video, in natural order: frames per second; or a
            CSV table with the columns file and time_s; or `names`, where names end in a time such
            as 12.48s.
        model: `accurate`, `fast`, `fer2013`, or the path of an .onnx file with its .json.
        options: How faces are found, and when an emotion is named.
        image_column: The column of Parquet tables that holds pictures, or their paths or URLs;
            found by its type if not named.
        key_column: The column of Parquet tables whose values name the results; by default, paths or
            the numbers of rows.
        device: Device of the networks, one of those in `mien devices`; `auto` uses the best.
        engine: `local` reads with all cores of this machine, `ray` with the machines of the Ray
            cluster at RAY_ADDRESS (docs/cluster.md).
        workers: With --engine ray: the number of processes, or a range such as 2-16; by default
            from one to all processors of the cluster.
        features: Return the features of each face, the input of the model's last layer (256 numbers
            for `accurate`), in JSON or a .parquet file. They do not identify a person.
    """
    _check_paths(paths, from_list)
    on_ray = None
    if engine == "ray":
        from mien.cli.cluster_runs import plan_cluster

        local = {"--annotate": annotate, "--report": report, "--json": json, "-": _stdin(paths)}
        on_ray = plan_cluster(workers, output, local | {"--features": features})
    table, folder = _plan_table(None if on_ray else output, features=features)
    language = open_language(lang)
    copies = _plan_copies(paths, folder, annotate, font, lang)
    settings = _plan_video(every, start, end)
    open_analyzer = functools.partial(
        Analyzer.open, model, options, device=device, features=features
    )

    # One photo gets all cores; of many photos, each gets one.
    is_one = from_list is None and on_ray is None and _is_one_file(paths)
    analyzer = open_analyzer(threads=None if is_one else 1)
    if copies is not None:  # a font that lacks their letters is refused now, not at the first copy
        _check_letters(lang, "".join(map(language.word, analyzer.recognizer.emotions)), font)
    open_for_video = functools.cache(lambda: analyzer if is_one else open_analyzer(threads=None))
    copy_to = None if copies is None else functools.partial(copies.path, ending=".mp4")
    videos = VideoReader(open_for_video, settings, copy_to, font, lang)
    threads = 1 if is_one else default_threads()
    finish = None if copies is None else copies.write
    reading = Engine(analyzer, videos.read, threads=threads, finish=finish)
    spec, columns = analyzer.recognizer.spec, Columns(image_column, key_column)
    optional = {**asdict(columns), "fps": fps, "features": features or None}
    decided = _describe_run(options, spec, settings, optional)
    pages = None if report is None else _begin_report(report, spec, decided, paths, lang)
    job = Job(paths, from_list, copies, reading, pages, columns, fps)
    if on_ray is not None and output is not None:
        from mien.cli.cluster_runs import write_parts

        return write_parts(
            job, analyzer, video=settings, decided=decided, output=output, workers=on_ray
        )
    if table is None:
        return print_results(job, json=json)
    return write_results(job, spec, decided, table, json=json)


def _plan_table(output: str | None, *, features: bool) -> tuple[Path | None, Path | None]:
    """Return the table and the folder that --output names; either may be None.

    Raises:
        ConfigError: The table cannot hold features, or the output cannot be used.
    """
    table, folder = (None, None) if output is None else plan_output(Path(output))
    if features and table is not None and table.suffix.lower() == ".csv":
        raise ConfigError(
            f"a CSV table cannot hold --features; choose {table.stem}.parquet or "
            f"{table.stem}.jsonl as --output"
        )
    return table, folder


def _check_letters(lang: str, words: str, font: Path | None) -> None:
    """Require that the words of copies can be drawn: a font, and a Pillow for their direction."""
    from mien.drawing.fonts import load_font, open_drawable

    open_drawable(lang)
    load_font(12, words, font=font)


def _describe_run(
    options: ReadingOptions, spec: ModelSpec, settings: VideoSettings, other: Mapping[str, object]
) -> dict[str, object]:
    """Return what determines the results of a run, apart from the model and the files."""
    decided = asdict(options) | {"abstention_threshold": spec.abstention_threshold}
    del decided["coverage"], decided["accuracy"]  # the threshold is what they lead to
    given = {name: value for name, value in other.items() if value is not None}
    return decided | asdict(settings) | given


def _plan_copies(
    paths: Sequence[str], folder: Path | None, annotate: Path | None, font: Path | None, lang: str
) -> "Copies | None":
    """Plan where annotated copies go: into --output, where that is a folder, or --annotate."""
    if annotate is not None and folder is not None:
        raise ConfigError(f"--output {folder} is a folder for annotated copies already")
    target = folder if annotate is None else annotate
    if target is None:
        return None

    from mien.batch.annotated import Copies

    return Copies(target, [p for p in paths if p != STDIN], font=font, lang=lang)


def _begin_report(
    path: Path, spec: ModelSpec, decided: dict[str, object], paths: Sequence[str], lang: str
) -> "RecordReport":
    """Start a report, unless it would overwrite an input."""
    from mien.report import RecordReport

    if path.suffix.lower() not in {".html", ".htm"} or is_folder(str(path)):
        raise ConfigError(f"--report {path} is an HTML page: name a file that ends in .html")
    title = Path(paths[0]).resolve().name if len(paths) == 1 and is_folder(paths[0]) else None
    return RecordReport(path, spec, decided, title=title or None, lang=lang)


def _plan_video(every: str | None, start: str | None, end: str | None) -> VideoSettings:
    """Parse the options about videos into settings."""
    settings = VideoSettings()
    if every is not None:
        settings = replace(settings, every_s=parse_every(every))
    start_s = settings.start_s if start is None else parse_time(start, option="--start")
    end_s = settings.end_s if end is None else parse_time(end, option="--end")
    if end_s is not None and end_s <= start_s:
        raise ConfigError(f"--end must be after --start, got {start or 0} to {end}")
    return replace(settings, start_s=start_s, end_s=end_s)


def _is_one_file(paths: Sequence[str]) -> bool:
    """Return whether the input is a single photo."""
    if len(paths) != 1 or is_remote(paths[0]) or find_kind(paths[0]) is not None:
        return False
    return not is_folder(paths[0]) and not glob.has_magic(paths[0])


def _stdin(paths: Sequence[str]) -> str | None:
    return STDIN if STDIN in paths else None


def _check_paths(paths: Sequence[str], from_list: str | None) -> None:
    """Require photos, and detect misspelt options that would be read as a path."""
    if not paths and from_list is None:
        raise ConfigError("analyze needs a photo or a folder, as in: mien analyze photo.jpg")
    if STDIN in paths and (from_list == STDIN or paths.count(STDIN) > 1):
        raise ConfigError("standard input can be read only once: use - in one place")
    parameters = inspect.signature(analyze).parameters.values()
    names = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.name != "options"]
    names += [field.name for field in fields(ReadingOptions)]
    options = [name.replace("_", "-") for name in names]
    for path in paths:
        if path.startswith("-") and path != STDIN:
            # Without the hyphens, which every option shares.
            near = difflib.get_close_matches(path.lstrip("-"), options, n=1)
            hint = f"did you mean --{near[0]}?" if near else "see mien analyze --help"
            raise ConfigError(f"unknown option {path}: {hint} (for a file of that name: ./{path})")
