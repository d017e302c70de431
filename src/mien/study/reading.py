"""Read a study's recordings: one row per photo or frame, with the participant's face."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from mien.analyzer import Analyzer
from mien.batch.engine import Engine
from mien.batch.journal import Journal, describe_reader
from mien.batch.outputs import skip_done
from mien.batch.sources import Source, name_frames
from mien.batch.videos import VideoReader
from mien.devices import DEFAULT
from mien.faces.face import Box
from mien.model.spec import ModelSpec
from mien.results import FrameResult, ImageResult, Record
from mien.sessions import default_threads
from mien.study.plan import Plan, Recording
from mien.study.quality import MeasuringDetector, find_reason
from mien.video.frames import NAMES
from mien.video.reading import VideoSettings

READINGS: Final = "readings.jsonl"
"""Name of the journal in a study's folder, from which an interrupted run resumes."""


@dataclass(frozen=True, slots=True)
class Row:
    """One photo or frame of a recording, with its largest face.

    Attributes:
        recording: Its recording.
        time_s: Time in the video, in seconds; None for a photo.
        frame: Frame number in the video; None for a photo.
        faces: Number of faces found.
        face: The largest face in JSON form, with `quality`; None if there is none.
        error: Why the recording could not be read, or not to its end.
        corrected: Probabilities after subtracting the participant's baseline.
        excluded: The rule that leaves this face out; None if none does.
    """

    recording: Recording
    time_s: float | None = None
    frame: int | None = None
    faces: int = 0
    face: Mapping[str, Any] | None = None
    error: str | None = None
    corrected: Mapping[str, float] | None = None
    excluded: str | None = None

    @property
    def counts(self) -> bool:
        """Whether a face was read and no rule leaves it out."""
        return self.probabilities is not None and self.excluded is None

    @property
    def reason(self) -> str | None:
        """Why the reading is in doubt: the model's own reason, or the picture's quality."""
        face = self.face or {}
        if face.get("probabilities") is None:
            return face.get("reason")
        return find_reason(face.get("quality") or {}) or face.get("reason")

    @property
    def probabilities(self) -> Mapping[str, float] | None:
        """Probabilities of the face as read; None if no face was read."""
        return None if self.face is None else self.face["probabilities"]

    @property
    def smoothed_emotion(self) -> str | None:
        """Most probable expression by the track's smoothed probabilities; None for photos."""
        smoothed = (self.face or {}).get("smoothed")
        return None if smoothed is None else max(smoothed, key=lambda name: smoothed[name])

    @property
    def shown(self) -> str | None:
        """The most probable corrected expression where no rule leaves the face out."""
        return self.emotion_baseline if self.excluded is None else None

    @property
    def emotion_baseline(self) -> str | None:
        """Most probable expression after correction."""
        corrected = self.corrected
        return None if corrected is None else max(corrected, key=lambda name: corrected[name])


@dataclass(frozen=True, slots=True)
class Readings:
    """All readings of a study.

    Attributes:
        spec: Contract of the model.
        rows: In the order of the recordings and their times.
        events: Events of the participants' tracks with their recordings, in times of the video.
        videos: Number of recordings that are videos.
        failed: Error message by source, for those that could not be read.
    """

    spec: ModelSpec
    rows: tuple[Row, ...]
    events: tuple[tuple[Recording, Mapping[str, Any]], ...]
    videos: int
    failed: Mapping[str, str]


class _Measured(Record):
    """A result whose faces include their image quality."""

    def __init__(self, record: dict[str, Any]) -> None:
        self._record = record

    def to_dict(self) -> dict[str, Any]:
        return self._record


def read_study(
    plan: Plan,
    folder: Path,
    *,
    model: str,
    device: str = DEFAULT,
    detector_size: int,
    every_s: float | None,
    fps: str | None,
    on_result: Callable[[object], None],
    on_resume: Callable[[int], None],
) -> Readings:
    """Read all recordings, each file once; an interrupted run resumes.

    Args:
        plan: The study.
        folder: Folder of the journal.
        model: "accurate" or "fast", or the path of an `.onnx` file.
        detector_size: Longer side of the image at detection, in pixels.
        every_s: Interval between analysed frames of videos, in seconds; None analyses every frame.
        fps: Frame times of folders of frames (see `mien.open_frames`); None means "names".
        on_result: Called with each result, for a progress display.
        on_resume: Called with the number of files read by an earlier run.
        device: Device of the networks: "cpu" or another `mien.devices.DeviceName`.

    Raises:
        ConfigError: The folder contains another study's readings.
        OutputError: The readings cannot be written.
    """
    detector = MeasuringDetector(detector_size=detector_size, threads=1, device=device)
    analyzer = Analyzer(model, detector=detector, threads=1, device=device)
    settings = VideoSettings(every_s=every_s)
    engine = Engine(
        analyzer, VideoReader(lambda: analyzer, settings).read, threads=default_threads()
    )

    spec = analyzer.recognizer.spec
    run = {
        **describe_reader(spec),
        "abstention_threshold": spec.abstention_threshold,
        "detector_size": detector_size,
        "every_s": every_s,
        **({} if fps is None else {"fps": fps}),
    }

    sources = [
        name_frames(path, fps or NAMES) if Path(path).is_dir() else Source(path, Path(path).name)
        for path in plan.paths()
    ]
    with Journal(folder / READINGS, run) as journal:
        on_resume(journal.resumed)
        for _, result in engine.read(skip_done(sources, journal)):
            record = result.to_dict()
            if isinstance(result, ImageResult | FrameResult):
                for face, told in zip(result.faces, record["faces"], strict=True):
                    told["quality"] = _describe(detector, face.box)
            journal.append(_Measured(record))
            on_result(result)
        journal.sync()
        return _gather(plan, spec, journal.records())


def _describe(detector: MeasuringDetector, box: Box) -> dict[str, float | None] | None:
    quality = detector.take(box)
    return None if quality is None else quality.to_dict()


def _gather(plan: Plan, spec: ModelSpec, records: Iterable[dict[str, Any]]) -> Readings:
    """Sort records into their recordings."""
    wanted: dict[str, list[Recording]] = {}
    for recording in plan.recordings:
        wanted.setdefault(recording.path, []).append(recording)

    rows: dict[Recording, list[Row]] = {}
    tracks: dict[str, set[int]] = {}
    events, failed, videos = [], {}, 0

    for record in records:
        source = record["source"]
        for recording in wanted.get(source, ()):
            found = rows.setdefault(_key(recording), [])
            if "error" in record:
                failed[source] = record["error"]["message"]
                found.append(Row(recording, error=failed[source]))
            elif "tracks" not in record and recording.holds(record.get("time_s")):
                found.append(_make_row(recording, record))
                if record["faces"]:
                    tracks.setdefault(source, set()).add(record["faces"][0].get("track_id"))
            elif "tracks" in record:
                videos += 1
                followed = tracks.get(source, set())
                events += list(_clip_events(recording, record["events"], followed))
                if record["damage"] is not None:
                    failed[source] = record["damage"]

    # Return the order of the plan, whatever order the recordings were read in.
    ordered = [row for recording in plan.recordings for row in rows.get(_key(recording), ())]
    return Readings(spec, tuple(ordered), tuple(events), videos, failed)


def _key(recording: Recording) -> Any:  # noqa: ANN401 - recordings contain a dict, so this is their hash key
    return recording.path, recording.start_s, recording.end_s, recording.participant


def _make_row(recording: Recording, record: Mapping[str, Any]) -> Row:
    faces = record["faces"]
    largest = faces[0] if faces else None
    return Row(recording, record.get("time_s"), record.get("frame"), len(faces), largest)


def _clip_events(
    recording: Recording, events: Iterable[Mapping[str, Any]], followed: set[int]
) -> Iterator[tuple[Recording, Mapping[str, Any]]]:
    """Yield the events of the participant's tracks, clipped to the recording's interval."""
    for event in events:
        end_s = event["end_s"] if recording.end_s is None else min(event["end_s"], recording.end_s)
        start_s = max(event["start_s"], recording.start_s)
        if event["track_id"] in followed and end_s > start_s:
            yield recording, {**event, "start_s": start_s, "end_s": end_s}


def with_corrected(row: Row, corrected: Mapping[str, float] | None) -> Row:
    """Return a row with its corrected probabilities."""
    return replace(row, corrected=corrected)
