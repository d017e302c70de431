"""Read a video as one of many sources: its frames, then its summary.

If an annotated copy is requested, a separate thread writes it at the same time: frames go to the
journal and to the copy as they are read, and none are kept.
"""

import queue
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

from mien.analyzer import Analyzer
from mien.batch.sources import Source
from mien.errors import ConfigError, MienError, OutputError, SourceError
from mien.results import Failure, FrameResult, VideoSummary
from mien.video.reading import VideoSettings, read_video

VideoRecord: TypeAlias = FrameResult | VideoSummary | Failure
Watch: TypeAlias = Callable[[Source], Iterator[VideoRecord]]
"""Function that reads a video: yields its frames and its summary, or a failure."""

WAITING: Final = 64
"""Maximum number of frames queued for the copy; beyond it, reading waits."""


class _Stopped(Exception):  # noqa: N818 - not an error: stops the copy when reading has stopped
    pass


@dataclass(frozen=True)
class VideoReader:
    """Settings for reading the videos of a run.

    Attributes:
        open_analyzer: Opens detector and model at the first video.
        settings: Which frames to analyse, and how.
        copy_to: Returns the path of a video's annotated copy; None writes none.
        font: A font file for the labels in copies; None searches for one.
        lang: Language of these labels.
    """

    open_analyzer: Callable[[], Analyzer]
    settings: VideoSettings
    copy_to: Callable[[Source], Path] | None = None
    font: Path | None = None
    lang: str = "en"

    def read(self, source: Source) -> Generator[VideoRecord, None, None]:
        """Yield a video's frames and its summary, or a failure after the readable part.

        Raises:
            ConfigError: The copy's path is not allowed.
            OutputError: The copy cannot be written.
            SourceError: The video's store cannot be reached.
        """
        try:
            target = None if self.copy_to is None else self.copy_to(source)
            if target is not None:
                from mien.video.annotate import check_target  # it loads what draws

                check_target(target, source.path)
            with read_video(self.open_analyzer(), source.given(), self.settings) as reading:
                frames: Iterable[FrameResult] = reading
                if target is not None:
                    frames = self._copy(reading, source, target)
                with closing(iter(frames)) as given:  # type: ignore[type-var]
                    for frame in given:
                        yield replace(frame, source=source.name)
                yield replace(reading.summary, source=source.name)
        except (ConfigError, SourceError):
            raise
        except OutputError as error:
            from mien.batch.annotated import fail_copy

            yield fail_copy(source, error)
        except MienError as error:
            yield Failure.of(source.name, error)

    def _copy(
        self, frames: Iterable[FrameResult], source: Source, target: Path
    ) -> Generator[FrameResult, None, None]:
        """Pass frames on while another thread writes the annotated copy."""
        from mien.video.annotate import annotate_video

        passed: queue.Queue[FrameResult | _Stopped | None] = queue.Queue(WAITING)

        def take() -> Iterator[FrameResult]:
            while (item := passed.get()) is not None:
                if isinstance(item, _Stopped):
                    raise item
                yield item

        with ThreadPoolExecutor(1) as pool:
            draw = partial(annotate_video, lang=self.lang, font=self.font)
            copy = pool.submit(draw, source.given(), take(), target)
            try:
                for frame in frames:
                    _pass_on(passed, frame, copy)
                    yield frame
            except BaseException:
                _pass_on(passed, _Stopped(), copy)
                with suppress(Exception):
                    copy.result()
                raise
            _pass_on(passed, None, copy)
            copy.result()


def _pass_on(
    passed: "queue.Queue[FrameResult | _Stopped | None]",
    item: FrameResult | _Stopped | None,
    copy: "Future[Path]",
) -> None:
    """Pass an item to the thread that writes the copy, unless it has ended."""
    while not copy.done():
        with suppress(queue.Full):
            passed.put(item, timeout=0.2)
            return
