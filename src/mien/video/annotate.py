"""Write annotated copies of videos, with their sound."""

import io
import math
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
from PIL import Image

from mien.draw import annotate_frame
from mien.errors import ConfigError, OutputError, VideoError, describe_error
from mien.faces.face import Box
from mien.files import replacing
from mien.results import FaceResult, FrameResult
from mien.video.container import VideoSource, import_av
from mien.video.decoder import Video

if TYPE_CHECKING:  # PyAV is an extra: it is imported when the first video is opened
    import av
    from av.audio.stream import AudioStream
    from av.codec import CodecContext
    from av.container import OutputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

VIDEOS: Final = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska"}
"""File extensions of annotated videos, and their containers."""

_TIME_BASE: Final = Fraction(1, 90_000)  # fine enough for the times of any video
_COPIED: Final = frozenset({"aac", "mp3", "mp3float", "ac3", "eac3", "alac", "opus", "flac"})
"""Audio codecs that players support in .mp4 and .mov."""

_ENCODERS: Final = (  # the first one that PyAV includes
    ("libx264", {"preset": "veryfast", "crf": "20"}),
    ("mpeg4", {"qscale": "3"}),
)


def annotate_video(
    source: VideoSource,
    frames: Iterable[FrameResult],
    path: str | os.PathLike[str],
    *,
    lang: str = "en",
    font: str | os.PathLike[str] | None = None,
) -> Path:
    """Write a copy of a video with its faces' boxes and emotions drawn in.

    Every frame keeps its true time, and so does the sound. Boxes are interpolated between analysed
    frames. The copy spans the whole video, even if only a part was analysed.

    Args:
        source: The analysed video.
        frames: Its results in order; a `VideoReading` works and is consumed as needed.
        path: Output path: .mp4, .mov or .mkv. The file is written atomically.
        lang: Language of the labels, one of `mien.words.LANGUAGES`.
        font: A font file for the labels; None searches for one.

    Returns:
        The path.

    Raises:
        ConfigError: The path has another extension, or is the video itself.
        VideoError: The source is not a readable video, or it cannot be copied.
        OutputError: The file cannot be written.
    """
    target = Path(path)
    check_target(target, source)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with Video(source) as video, replacing(target) as partial:
            kind = VIDEOS[target.suffix.lower()]
            options = {"movflags": "+faststart"} if kind != "matroska" else {}
            with import_av().open(str(partial), "w", format=kind, options=options) as output:
                _Copy(video, output, font, lang).write(frames)
    except OSError as error:
        raise OutputError(
            f"{target} cannot be written ({describe_error(error)}); "
            "free some space or choose another path"
        ) from error
    except import_av().FFmpegError as error:  # FFmpeg reports a full disk as an OSError, too
        raise VideoError(
            f"{target} cannot be written: {target.suffix} does not support this video "
            f"({describe_error(error)}); try one of {', '.join(VIDEOS)}"
        ) from error
    return target


def check_target(target: Path, source: VideoSource) -> None:
    """Check that an annotated video can be written to a path, before any work starts.

    Raises:
        ConfigError: It has another extension, or is the video itself.
    """
    if target.suffix.lower() not in VIDEOS:
        raise ConfigError(
            f"an annotated video must end in {', '.join(VIDEOS)}, got {target.name!r}"
        )
    is_path = isinstance(source, str | os.PathLike)
    if is_path and os.path.realpath(source) == os.path.realpath(target):  # type: ignore[arg-type]
        raise ConfigError(f"{target} is the video itself; choose another path")


class _Copy:
    """One annotated copy while it is being written."""

    def __init__(
        self,
        video: Video,
        output: "OutputContainer",
        font: str | os.PathLike[str] | None,
        lang: str,
    ) -> None:
        self._lang = lang
        self._video = video
        self._output = output
        self._font = font
        self._picture = self._add_picture()

    def write(self, frames: Iterable[FrameResult]) -> None:
        """Draw and encode every frame; interleave the sound."""
        course = _Course(frames)
        with (
            closing(_Sound(self._video, self._output)) as sound,
            closing(self._video.frames()) as decoded,
        ):
            for frame in decoded:
                sound.copy_until(frame.time_s)
                faces = course.at(frame.frame, frame.time_s)
                drawn = annotate_frame(frame.image, faces, lang=self._lang, font=self._font)
                self._output.mux(self._picture.encode(_to_picture(drawn, frame.time_s)))
            self._output.mux(self._picture.encode(None))
            sound.copy_until(math.inf)

    def _add_picture(self) -> "VideoStream":
        """Add the video stream."""
        available = import_av().codecs_available
        name, options = next((pair for pair in _ENCODERS if pair[0] in available), _ENCODERS[-1])
        rate = Fraction(self._video.frame_rate or 25).limit_denominator(1001)
        added = self._output.add_stream(name, rate=rate, options=dict(options))
        stream = cast("VideoStream", added)
        stream.width = self._video.width + self._video.width % 2
        stream.height = self._video.height + self._video.height % 2
        stream.pix_fmt = "yuv420p"
        # MPEG-4 allows no time base finer than 1/65535 s; H.264 does.
        stream.codec_context.time_base = _TIME_BASE if name == "libx264" else Fraction(1, 60_000)
        return stream


class _Course:
    """Faces at any time, interpolated from results at some times."""

    def __init__(self, frames: Iterable[FrameResult]) -> None:
        self._frames: Iterator[FrameResult] = iter(frames)
        self._current: FrameResult | None = None
        self._next = next(self._frames, None)

    def at(self, frame: int, time_s: float) -> tuple[FaceResult, ...]:
        """Return the faces of a frame; must be called for frames in order."""
        while self._next is not None and self._next.frame <= frame:
            self._current, self._next = self._next, next(self._frames, None)
        if self._current is None:
            return ()
        if self._next is None:
            return self._current.faces if self._current.frame == frame else ()
        later = {face.track_id: face for face in self._next.faces if face.track_id is not None}
        share = (time_s - self._current.time_s) / (self._next.time_s - self._current.time_s)
        return tuple(
            _between(face, later.get(face.track_id or 0), share) for face in self._current.faces
        )


def _between(face: FaceResult, later: FaceResult | None, share: float) -> FaceResult:
    """Interpolate a face's box between two frames."""
    if later is None or share <= 0:
        return face
    box = Box(
        *(
            (1 - share) * getattr(face.box, side) + share * getattr(later.box, side)
            for side in ("x", "y", "width", "height")
        )
    )
    return replace(face, box=box)


class _Sound:
    """Copy a video's sound packet by packet; codecs unknown to the container become AAC."""

    def __init__(self, video: Video, output: "OutputContainer") -> None:
        self._output = output
        self._is_matroska = output.format.name == "matroska"
        self._origin_s = video.origin_s
        self._stack = ExitStack()
        self._streams: dict[int, AudioStream] = {}
        self._resamplers: dict[int, Any] = {}
        self._packets: Iterator[Packet[Any]] = iter(())
        if video.has_audio:
            self._open(video)
        self._next = self._read()

    def _open(self, video: Video) -> None:
        """Open the video a second time, for its sound, and add the streams."""
        container, _ = self._stack.enter_context(video.file.open())
        output = self._output
        copied = output.supported_codecs if self._is_matroska else _COPIED
        for stream in container.streams.audio:
            codec = cast("CodecContext | None", stream.codec_context)  # None: no decoder for it
            if codec is None:
                continue
            if codec.name in copied and _takes(output.format.name, stream):
                self._streams[stream.index] = output.add_stream_from_template(stream)
            else:
                rates = import_av().Codec("aac", "w").audio_rates
                rate = min(rates, key=lambda one: abs(one - stream.rate))
                self._streams[stream.index] = output.add_stream("aac", rate=rate)
                self._resamplers[stream.index] = import_av().AudioResampler(
                    format="fltp", layout=stream.layout, rate=rate
                )
        if self._streams:
            kept = [one for one in container.streams.audio if one.index in self._streams]
            self._packets = container.demux(*kept)

    def close(self) -> None:
        """Close the video's file."""
        self._stack.close()

    def copy_until(self, time_s: float) -> None:
        """Copy the sound before a time."""
        while self._next is not None and self._time_of(self._next) <= time_s:
            self._write(self._next)
            self._next = self._read()

    def _read(self) -> "Packet[Any] | None":
        """Read the next packet; damaged sound ends at the damage."""
        try:
            return next(self._packets, None)
        except import_av().FFmpegError:
            return None

    def _time_of(self, packet: "Packet[Any]") -> float:
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is None:
            return -math.inf
        return stamp * float(packet.time_base) - self._origin_s

    def _write(self, packet: "Packet[Any]") -> None:
        index = packet.stream.index
        stream = self._streams[index]
        shift = round(self._origin_s / packet.time_base)
        resampler = self._resamplers.get(index)
        if resampler is not None:
            for frame in _decode_sound(packet):
                frame.pts = None if frame.pts is None else frame.pts - shift
                for part in resampler.resample(frame):
                    self._output.mux(stream.encode(part))
            if packet.dts is None:  # end of the stream
                self._output.mux(stream.encode(None))
        elif packet.dts is not None and packet.pts is not None:
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            if self._is_matroska and packet.pts + (packet.duration or 0) <= 0:
                return  # decoder pre-roll would delay all pictures
            packet.stream = stream
            self._output.mux(packet)


def _takes(container: str, stream: "AudioStream") -> bool:
    """Return whether a container supports a stream without conversion (.mov lacks Opus)."""
    av = import_av()
    try:
        with av.open(io.BytesIO(), "w", format=container) as output:
            output.add_stream_from_template(stream)
            output.start_encoding()
    except av.FFmpegError:
        return False
    return True


def _decode_sound(packet: "Packet[Any]") -> list[Any]:
    """Decode a packet of sound; a damaged one becomes silence."""
    try:
        return list(packet.decode())
    except import_av().FFmpegError:
        return []


def _to_picture(drawn: Image.Image, time_s: float) -> "av.VideoFrame":
    """Create a frame for the encoder, at its time; encoders require even sides."""
    image = np.asarray(drawn)
    odd = image.shape[0] % 2, image.shape[1] % 2
    if any(odd):
        image = np.pad(image, ((0, odd[0]), (0, odd[1]), (0, 0)), mode="edge")
    picture = import_av().VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
    picture.pts, picture.time_base = round(time_s / _TIME_BASE), _TIME_BASE
    return cast("av.VideoFrame", picture)
