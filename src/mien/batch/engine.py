"""Read many sources in parallel and return their results in order.

One thread per core decodes photos and finds their faces, a bounded number of photos ahead. Faces of
many photos are batched for the model, on the same threads, so neither step waits for the other.
Videos are read one at a time.
"""

import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final, TypeAlias, TypeVar

from mien.analyzer import Analyzer, FoundFaces, count_crops
from mien.batch.sources import STDIN, Source
from mien.batch.videos import Watch
from mien.contents import MAX_STREAM_BYTES, is_video
from mien.errors import ImageError, MienError, SourceError
from mien.face_reader import gather
from mien.results import Failure, FrameResult, ImageResult, VideoSummary

Result: TypeAlias = ImageResult | FrameResult | VideoSummary | Failure
Finish: TypeAlias = Callable[[Source, ImageResult], Failure | None]
"""Post-processing of a photo and its result, on the engine's threads."""

AHEAD: Final = 16
"""Photos per thread whose faces are detected in advance."""

_Item = TypeVar("_Item")
_Given = TypeVar("_Given")


@dataclass(frozen=True, slots=True)
class _Video:
    """A source recognised as a video."""

    source: Source


_Found: TypeAlias = tuple[Source, FoundFaces | Failure]


class Engine:
    """Reads many sources with several threads."""

    def __init__(
        self, analyzer: Analyzer, watch: Watch, *, threads: int, finish: Finish | None = None
    ) -> None:
        """Store the settings.

        Args:
            analyzer: Detector and model; each call should use one thread.
            watch: Function that reads a video.
            threads: Number of photos processed in parallel.
            finish: Post-processing of each photo, such as drawing an annotated copy.
        """
        self._analyzer = analyzer
        self._watch = watch
        self._threads = threads
        self._finish = finish

    def read(self, sources: Iterable[Source]) -> Generator[tuple[Source, Result], None, None]:
        """Yield the results of sources in order; sources are consumed as results are requested.

        An unreadable source yields a `Failure` without affecting the others. Pictures are not kept:
        memory depends on the number of threads, not on the number of sources.
        """
        pool = ThreadPoolExecutor(self._threads)
        try:
            found = _run_ahead(pool, self._find, _read_stdin(sources), AHEAD * self._threads)
            results = self._read(pool, (found for _, found in found))
            if self._finish is None:
                yield from results
            else:
                finished = _run_ahead(pool, self._do_finish, results, 2 * self._threads)
                yield from (given for _, given in finished)
        finally:
            pool.shutdown(cancel_futures=True)

    def _find(self, source: Source) -> _Found | _Video:
        """Decode a photo and find its faces, or recognise it as a video."""
        try:
            if source.problem is not None:
                raise ImageError(source.problem)
            if source.frames is not None:
                return _Video(source)
            given = source.given()
            if is_video(given):
                return _Video(source)
            found = self._analyzer.find_faces(given, name=source.name)
        except SourceError:  # an unreachable store is retried by the next run
            raise
        except (MienError, MemoryError) as error:
            return source, Failure.of(source.name, error)
        return source, found

    def _read(
        self, pool: ThreadPoolExecutor, found: Iterable[_Found | _Video]
    ) -> Iterator[tuple[Source, Result]]:
        """Read faces of many photos in batches; one batch is read while the next is gathered."""
        waiting: deque[Future[list[tuple[Source, Result]]]] = deque()
        for lot in _gather(found):
            if isinstance(lot, _Video):
                while waiting:
                    yield from waiting.popleft().result()
                yield from ((lot.source, result) for result in self._watch(lot.source))
            else:
                waiting.append(pool.submit(self._read_lot, lot))
                if len(waiting) > 1:
                    yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()

    def _read_lot(self, lot: list[_Found]) -> list[tuple[Source, Result]]:
        """Read one batch of faces, and return the results in order."""
        results = self._analyzer.read_found([found for _, found in lot])
        return [(source, result) for (source, _), result in zip(lot, results, strict=True)]

    def _do_finish(self, item: tuple[Source, Result]) -> tuple[Source, Result]:
        """Post-process a photo."""
        source, result = item
        if self._finish is not None and isinstance(result, ImageResult):
            return source, self._finish(source, result) or result
        return item


def _read_stdin(sources: Iterable[Source]) -> Iterator[Source]:
    """Read standard input where it is named, on the main thread, which Ctrl-C can interrupt."""
    for source in sources:
        if source.path != STDIN:
            yield source
        elif sys.stdin.isatty():
            problem = "- reads a picture from standard input; pipe one into the command"
            yield replace(source, problem=problem)
        else:
            yield replace(source, data=sys.stdin.buffer.read(MAX_STREAM_BYTES + 1))


def _gather(found: Iterable[_Found | _Video]) -> Iterator[list[_Found] | _Video]:
    """Group photos into batches with enough faces for the model; a video ends a batch."""
    for are_videos, run in groupby(found, lambda item: isinstance(item, _Video)):
        if are_videos:
            yield from (item for item in run if isinstance(item, _Video))
        else:
            photos = (item for item in run if not isinstance(item, _Video))
            yield from gather(photos, lambda photo: count_crops(photo[1]))


def _run_ahead(
    pool: ThreadPoolExecutor,
    work: Callable[[_Item], _Given],
    items: Iterable[_Item],
    ahead: int,
) -> Iterator[tuple[_Item, _Given]]:
    """Process items on a pool's threads, a bounded number ahead, and yield results in order."""
    waiting: deque[tuple[_Item, Future[_Given]]] = deque()
    for item in items:
        waiting.append((item, pool.submit(work, item)))
        if len(waiting) > ahead:
            first, future = waiting.popleft()
            yield first, future.result()
    while waiting:
        first, future = waiting.popleft()
        yield first, future.result()
