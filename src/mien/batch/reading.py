"""Read many files from Python, like `mien analyze`."""

from collections.abc import Callable, Iterator

from mien.analyzer import Analyzer
from mien.batch.engine import Engine, Result
from mien.batch.items import Columns
from mien.batch.sources import Sources
from mien.batch.videos import VideoReader
from mien.progress import track
from mien.results import FrameResult
from mien.sessions import default_threads
from mien.video.reading import VideoSettings


def analyze_files(
    *places: str,
    analyzer: Analyzer | None = None,
    video: VideoSettings | None = None,
    image_column: str | None = None,
    key_column: str | None = None,
    threads: int | None = None,
    progress: bool = False,
) -> Iterator[Result]:
    """Read the faces in files, folders, archives and tables, in order.

    Results are yielded as they become available, read by several threads; neither pictures nor
    names are kept. An unreadable file yields a `Failure` without affecting the others.

    Args:
        places: Files, folders, patterns such as "**/*.jpg", zip and tar files, WebDataset shards,
            Parquet tables, and URLs such as "s3://bucket/photos/" (extra `cloud`).
        analyzer: Detector and model, opened with `threads=1`; None opens the default ones.
        video: Which frames of videos to analyse, and how; None analyses five frames per second.
        image_column: Column of Parquet tables with pictures, paths or URLs; None finds it by its
            type.
        key_column: Column of Parquet tables that names the results.
        threads: Number of photos read in parallel; None uses all available cores.
        progress: Show how many files are done, on a terminal or in a notebook.

    Yields:
        An `ImageResult` for each photo; for a video a `FrameResult` per analysed frame and then its
        `VideoSummary`; a `Failure` for each unreadable source.

    Raises:
        SourceError: A store cannot be reached, or rejects the credentials.
        ConfigError: A table has no such column.
        MissingExtraError: A package required for a URL or a table is not installed.
    """
    opened = Analyzer(threads=1) if analyzer is None else analyzer
    videos = VideoReader(lambda: opened, video or VideoSettings())
    engine = Engine(opened, videos.read, threads=threads or default_threads())
    sources = Sources(places, columns=Columns(image_column, key_column))
    results: Iterator[Result] = (result for _, result in engine.read(sources))
    if progress:
        results = track(results, unit="files", reached=_count_files())
    yield from results


def _count_files() -> Callable[[Result], float]:
    """Return a function that counts the files that are done; a video's frames are not."""
    done = 0

    def count(result: Result) -> float:
        nonlocal done
        done += not isinstance(result, FrameResult)
        return done

    return count
