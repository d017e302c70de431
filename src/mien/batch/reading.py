"""Read many files from Python, as `mien analyze` does."""

from collections.abc import Iterator

from mien.analyzer import Analyzer
from mien.batch.archives import Columns
from mien.batch.engine import Engine, Result
from mien.batch.sources import Sources
from mien.batch.videos import VideoReader
from mien.sessions import default_threads
from mien.video.reading import VideoSettings


def analyze_files(
    *places: str,
    analyzer: Analyzer | None = None,
    video: VideoSettings | None = None,
    image_column: str | None = None,
    key_column: str | None = None,
    threads: int | None = None,
) -> Iterator[Result]:
    """Read the faces of everything that some names stand for, in order.

    Results are yielded as they are read, by several threads; neither pictures nor names are kept.
    One file that cannot be read gives a `Failure` and never stops the others.

    Args:
        places: Files, folders, patterns such as "**/*.jpg", zip and tar files, WebDataset shards,
            Parquet tables, and URLs such as "s3://bucket/photos/" (extra `cloud`).
        analyzer: Detector and model, opened with `threads=1`; None opens the default ones.
        video: What to read of videos; None reads five frames a second.
        image_column: The column of Parquet tables that holds pictures, or their paths or URLs;
            None finds it by its type.
        key_column: The column of Parquet tables whose values name the results.
        threads: Photos that are read at a time; None uses all available cores.

    Yields:
        An `ImageResult` for each photo; for a video a `FrameResult` for each analysed frame and
        then its `VideoSummary`; a `Failure` for what cannot be read.

    Raises:
        SourceError: A store cannot be reached, or refuses the credentials.
        ConfigError: A table has no such column.
        MissingExtraError: What a URL or a table needs is not installed.
    """
    opened = Analyzer(threads=1) if analyzer is None else analyzer
    videos = VideoReader(lambda: opened, video or VideoSettings())
    engine = Engine(opened, videos.read, threads=threads or default_threads())
    sources = Sources(places, columns=Columns(image_column, key_column))
    yield from (result for _, result in engine.read(sources))
