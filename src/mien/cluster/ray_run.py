"""Read many photos and videos on a Ray cluster, and write Parquet parts.

The sources are listed on this machine and sent to the actors as shares: some files, or one archive.
An actor reads its share with the same engine as a single machine, and writes it as one part. Ray
only transfers names and counts. If an actor or a node dies, Ray gives its share to another one,
whose part replaces the previous one.
"""

import hashlib
import io
import json
import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from mien.analyzer import Analyzer
from mien.batch.engine import Engine
from mien.batch.items import Columns, find_kind
from mien.batch.sources import Source, Sources
from mien.batch.tally import Tally
from mien.batch.videos import VideoReader
from mien.cluster.parts import Done, Parts
from mien.cluster.ray_data import Workers, load_ray, pool_actors
from mien.contents import VIDEO_ENDINGS
from mien.errors import MienError
from mien.video.reading import VideoSettings

SHARE: Final = 256
"""Photos per part: at most half a minute's work, and still few parts for many photos."""
VIDEO_WEIGHT: Final = 16
"""Number of photos that a video counts as."""
MAX_BLOCKS: Final = 4096
"""Number of blocks into which Ray divides the shares; an actor takes one at a time."""


@dataclass(frozen=True)
class Share:
    """The inputs that one actor reads into one part.

    Attributes:
        name: File name of the part: its number, and a digest of its inputs.
        places: Files, URLs and archives, as named on this machine.
        problems: Why a place cannot be read, if that was found on this machine: only here is a
            pattern a pattern.
    """

    name: str
    places: tuple[str, ...]
    problems: Mapping[str, str]

    def pack(self) -> dict[str, Any]:
        """Return a row for Ray; names may contain bytes that are not UTF-8."""
        problems = json.dumps(dict(self.problems))
        return {"name": self.name, "places": _join(self.places), "problems": problems}


def plan_shares(sources: Iterable[Source], done: Counter[str]) -> Iterator[Share]:
    """Divide sources into shares, without those read by an earlier run.

    An archive is a share of its own. The division does not depend on earlier runs, so that an
    interrupted run ends with the same parts as an uninterrupted one.

    Args:
        sources: The sources, with archives as wholes.
        done: How often each input was read; it is counted down while sources match.
    """
    for number, divided in enumerate(_divide(sources)):
        left = []
        for source in divided:
            if done[source.path] > 0:
                done[source.path] -= 1
            else:
                left.append(source)
        if left:
            places = tuple(source.path for source in left)
            digest = hashlib.blake2b(_join(places), digest_size=4).hexdigest()
            problems = {source.path: source.problem for source in left if source.problem}
            yield Share(f"part-{number:06d}-{digest}.parquet", places, problems)


def _divide(sources: Iterable[Source]) -> Iterator[list[Source]]:
    """Divide sources, in order, into lists of about `SHARE` photos' work."""
    share: list[Source] = []
    weight = 0
    for source in sources:
        own = _weigh(source.path)
        if share and weight + own > SHARE:
            yield share
            share, weight = [], 0
        share.append(source)
        weight += own
    if share:
        yield share


def _weigh(place: str) -> int:
    if find_kind(place) is not None:
        return SHARE
    return VIDEO_WEIGHT if place.lower().endswith(tuple(VIDEO_ENDINGS)) else 1


def _join(places: Iterable[str]) -> bytes:
    return b"\0".join(os.fsencode(place) for place in places)


@dataclass(frozen=True)
class Reading:
    """Settings for the actors of a run.

    Attributes:
        analyzer: Detector and model, for one thread; each actor opens its own.
        video: Which frames of videos to analyse, and how.
        columns: The columns to read from Parquet tables.
        fps: Treat folders as frames of one video each (see `mien.open_frames`); None does not.
        parts: The output.
        folder: The working directory, to resolve relative names.
    """

    analyzer: Analyzer
    video: VideoSettings
    columns: Columns
    fps: str | None
    parts: Parts
    folder: str


class ShareReader:
    """Reads shares in an actor."""

    def __init__(self, reading: Reading) -> None:
        with suppress(OSError):  # another machine need not have it, where all names are URLs
            os.chdir(reading.folder)
        videos = VideoReader(lambda: reading.analyzer, reading.video)
        self._engine = Engine(reading.analyzer, videos.read, threads=1)
        self._reading = reading

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Read a share into its part, unless a crashed actor has already written it.

        Returns:
            The counts, or the error that ends the run, as JSON.
        """
        try:
            problems = json.loads(row["problems"])
            tally = self._read(str(row["name"]), bytes(row["places"]), problems)
            told: dict[str, Any] = {"tally": tally}
        except MienError as error:  # raised here, it would come with Ray's traceback around it
            told = {"kind": error.kind, "message": str(error)}
        return {"told": json.dumps(told)}

    def _read(self, name: str, listed: bytes, problems: Mapping[str, str]) -> dict[str, Any]:
        reading = self._reading
        told = reading.parts.read(name)
        if told is not None:
            return dict(told["tally"])
        found = Sources(
            (), listed=io.BytesIO(listed + b"\0"), columns=reading.columns, fps=reading.fps
        )
        sources = (
            replace(source, problem=problems.get(source.path, source.problem)) for source in found
        )
        records = (result.to_dict() for _, result in self._engine.read(sources))
        places = [os.fsdecode(place) for place in listed.split(b"\0")]
        emotions = reading.analyzer.recognizer.emotions
        return reading.parts.write(name, places, records, emotions).to_dict()


def read_shares(
    sources: Iterable[Source], done: Done, reading: Reading, workers: Workers
) -> Iterator[Tally]:
    """Read sources on a cluster: that of `RAY_ADDRESS`, or a local one.

    Args:
        sources: The sources, with archives as wholes.
        done: Inputs read by an earlier run.
        reading: Settings for the actors.
        workers: Number of actors; see `mien.cluster.read_faces`.

    Yields:
        The counts of each part, as it is written.

    Raises:
        MissingExtraError: Ray is not installed.
        MienError: A part cannot be written, or a store cannot be reached.
    """
    ray, pool = load_ray(), pool_actors(workers)
    shares = [share.pack() for share in plan_shares(sources, done.places)]
    if not shares:
        return

    with _connected(ray):
        blocks = min(len(shares), MAX_BLOCKS)
        dataset = ray.data.from_items(shares, override_num_blocks=blocks).map(
            ShareReader, fn_constructor_args=(reading,), compute=pool, num_cpus=1
        )
        for row in dataset.iter_rows():
            told = json.loads(row["told"])
            if "tally" not in told:
                kinds = {error.kind: error for error in MienError.__subclasses__()}
                raise kinds.get(told["kind"], MienError)(told["message"])
            yield Tally.from_dict(told["tally"])


@contextmanager
def _connected(ray: Any) -> Iterator[None]:  # noqa: ANN401
    """Connect to a cluster, and disconnect if this process was not connected before."""
    context = ray.data.DataContext.get_current()
    before = context.enable_progress_bars
    is_own = not ray.is_initialized()
    if is_own:
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        logging.getLogger("ray.data").setLevel(logging.ERROR)
    context.enable_progress_bars = False  # the command has its own
    try:
        yield
    finally:
        context.enable_progress_bars = before
        if is_own:
            ray.shutdown()
