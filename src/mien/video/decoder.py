"""Decode videos into frames with their presentation times.

This is the only video decoder in mien. Every frame is decoded, since later frames depend on it;
only selected frames are converted to RGB.
"""

import bisect
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from numpy.typing import NDArray

from mien.errors import ConfigError, VideoError, describe_error
from mien.video.container import VideoFile, VideoSource, import_av
from mien.video.scene_cuts import THUMBNAIL, is_cut, make_thumbnail
from mien.video.times import Clock, read_times

if TYPE_CHECKING:  # PyAV is an extra: it is imported when the first video is opened
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream

_LOOK = (5 * THUMBNAIL[0], 5 * THUMBNAIL[1])  # rows and columns sampled for a thumbnail
_SAME_TIME_S = 5e-4  # many containers round times to a millisecond
_JUMP_SHORT_S = 0.5  # seeking can overshoot, since files are indexed by decoding time
_STATES_LENGTH = ("mov", "matroska", "avi", "asf", "flv")  # FFmpeg estimates other durations


@dataclass(frozen=True, slots=True, eq=False)
class VideoFrame:
    """One frame of a video.

    Attributes:
        time_s: Presentation time, in seconds from the video's beginning.
        frame: Frame number in the video, from 0, in presentation order.
        image: (H, W, 3) uint8 RGB, upright, with square pixels.
        is_cut: Whether there was a scene cut since the previously selected frame.
    """

    time_s: float
    frame: int
    image: NDArray[np.uint8]
    is_cut: bool = False


@dataclass
class _Damage:
    """Errors found while reading a video."""

    spoilt: int = 0
    first_s: float = 0.0
    stopped_s: float | None = None
    reason: str = ""

    def note_spoilt(self, time_s: float) -> None:
        """Record a frame that could not be decoded or is corrupt."""
        if not self.spoilt:
            self.first_s = time_s
        self.spoilt += 1


class Video:
    """An open video; a context manager.

    Attributes:
        file: The video's bytes.
        name: The path, or a display name of another source.
        width: Display width in pixels: upright, with square pixels.
        height: Display height in pixels.
        duration_s: Duration stated in the file, in seconds; None if unknown. Where timestamps
            restart, it grows with the frames read.
        frame_rate: Mean frame rate stated in the file, in frames per second; None if unknown.
        has_audio: Whether the video has sound.
        origin_s: Timestamp, in seconds, at which the video begins.
    """

    duration_s: float | None

    def __init__(
        self, source: VideoSource, *, on_packet: Callable[[int], None] | None = None
    ) -> None:
        """Open a video and decode its first frame.

        Args:
            source: A path, a whole file as bytes, or a binary stream.
            on_packet: Called before each packet is decoded, from the decoding thread, with the
                number of pictures sent to the decoder so far. An exception from it stops the
                reading.

        Raises:
            VideoError: The source cannot be read as a video.
            MissingExtraError: PyAV is not installed.
        """
        self._on_packet = on_packet
        self.file: Final = VideoFile(source)
        self.name: Final = self.file.name

        try:
            with self.file.open() as (container, stream):
                rate = stream.average_rate or stream.guessed_rate
                self.frame_rate: Final = float(rate) if rate and rate > 0 else None
                self.has_audio: Final = bool(container.streams.audio)
                self._stated: Final = read_times(container, stream, self.frame_rate)
                self._pixel_aspect: Final = _pixel_aspect(stream)
            self.origin_s: Final = self._stated.origin_s
            self.duration_s = self._stated.duration_s
            self._damage = _Damage()
            height, width = self._look_at_first_frame()
            self.height: Final = height
            self.width: Final = width
        except BaseException:
            self.file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; a stream passed by the caller stays open."""
        self.file.close()

    @property
    def damage(self) -> str | None:
        """Damage found in the last pass over the frames, in one sentence, or None."""
        damage, parts = self._damage, []
        if damage.spoilt:
            frames = "1 frame is" if damage.spoilt == 1 else f"{damage.spoilt} frames are"
            parts.append(f"{frames} corrupt or missing, starting at {damage.first_s:.2f} s")
        if damage.stopped_s is not None:
            whole = "" if self.duration_s is None else f" of {self.duration_s:.2f} s"
            parts.append(f"reading stopped at {damage.stopped_s:.2f} s{whole}: {damage.reason}")
        return f"{self.name} is damaged: {'; '.join(parts)}" if parts else None

    def frames(
        self, *, every_s: float | None = None, start_s: float = 0.0, end_s: float | None = None
    ) -> Generator[VideoFrame, None, None]:
        """Yield the frames in order; of a damaged video, the readable ones.

        Args:
            every_s: Take the first frame in each interval of this many seconds; None takes all.
            start_s: Take frames from this time on, in seconds.
            end_s: Take frames before this time, in seconds; None continues to the end.

        Raises:
            ConfigError: A time is out of range.
        """
        if not (every_s is None or every_s > 0):
            raise ConfigError(f"every_s must be above 0, got {every_s}")
        if not (start_s >= 0 and (end_s is None or end_s > start_s)):
            raise ConfigError(f"end_s must be after start_s, got {start_s} to {end_s}")
        self._damage = _Damage()
        return self._take(every_s, start_s, end_s)

    def _take(
        self, every_s: float | None, start_s: float, end_s: float | None
    ) -> Generator[VideoFrame, None, None]:
        """Select frames from the decoder, and convert only those."""
        next_s = start_s
        before: NDArray[np.float32] | None = None
        cut = False

        with closing(self._number(start_s)) as numbered:
            for number, time_s, raw in numbered:
                if end_s is not None and time_s >= end_s - _SAME_TIME_S:
                    return
                thumbnail = make_thumbnail(_read_luma(raw))
                cut = cut or (before is not None and is_cut(before, thumbnail))
                before = thumbnail

                if every_s is not None:
                    if time_s < next_s - _SAME_TIME_S:
                        continue
                    steps = int((time_s - start_s + _SAME_TIME_S) / every_s) + 1
                    next_s = start_s + steps * every_s

                yield VideoFrame(time_s, number, self._to_rgb(raw), cut)
                cut = False

    def _number(self, start_s: float) -> Generator[tuple[int, float, "av.VideoFrame"], None, None]:
        """Decode and number the frames from a time on, seeking where possible."""
        earlier = self._list_stamps(start_s) if start_s > 0 else []
        number: int | None = None
        if earlier:
            with closing(self._decode(seek_s=max(0.0, start_s - _JUMP_SHORT_S))) as decoded:
                for place, (time_s, raw) in enumerate(decoded):
                    if place == 0 and time_s > start_s + _SAME_TIME_S:
                        break  # seeking overshot: the file's index is wrong
                    if time_s >= start_s - _SAME_TIME_S:
                        if number is None:
                            number = bisect.bisect_left(earlier, raw.pts or 0)
                        yield number, time_s, raw
                        number += 1
        if number is None:
            self._damage = _Damage()
            with closing(self._decode()) as decoded:
                for number, (time_s, raw) in enumerate(decoded):
                    if time_s >= start_s - _SAME_TIME_S:
                        yield number, time_s, raw

    def _list_stamps(self, until_s: float) -> list[int]:
        """Return the timestamps of the frames before a time, in order; none if one is missing."""
        stamps = []
        with self.file.open() as (container, stream), suppress(import_av().FFmpegError):
            for packet in container.demux(stream):
                if packet.pts is None:
                    if packet.size:
                        return []
                    continue
                if packet.pts >= self._first_stamp and not packet.is_discard:
                    stamps.append(packet.pts)  # packets without pts are never shown
                if packet.dts is None:
                    continue
                if packet.dts * self._stated.time_base - self.origin_s > until_s:
                    break
        return sorted(stamps)

    def _decode(
        self, *, seek_s: float | None = None
    ) -> Generator[tuple[float, "av.VideoFrame"], None, None]:
        """Decode the frames with their times, and record damage.

        Args:
            seek_s: Start at the last key frame before this time, in seconds.
        """
        clock = Clock(self._stated.time_base, self.origin_s, self._stated.step_s)
        with self.file.open() as (container, stream):
            if seek_s is not None:
                stamp = int((seek_s + self.origin_s) / self._stated.time_base)
                with suppress(import_av().FFmpegError):
                    container.seek(stamp, stream=stream)
            for raw in self._decode_packets(container, stream):
                time_s = clock.read(raw.pts)
                if clock.restarted and self.duration_s is not None:
                    self.duration_s = max(self.duration_s, time_s + self._stated.step_s)
                if raw.is_corrupt:
                    self._damage.note_spoilt(time_s)
                yield time_s, raw

    def _decode_packets(
        self, container: "InputContainer", stream: "VideoStream"
    ) -> Iterator["av.VideoFrame"]:
        """Decode all readable packets; also track where the file ends."""
        error_type = import_av().FFmpegError
        pictures = 0
        reached_s = last_s = 0.0  # of video and sound; of the streams that determine the duration
        try:
            for packet in container.demux():
                is_own = packet.stream.index == stream.index
                pictures += is_own
                if self._on_packet is not None:
                    self._on_packet(pictures)
                if packet.pts is not None and packet.time_base and not packet.is_corrupt:
                    end = (packet.pts + (packet.duration or 0)) * float(packet.time_base)
                    if packet.stream.type in ("video", "audio"):
                        reached_s = max(reached_s, end - self.origin_s)
                    if is_own or not self._stated.is_own_length:
                        last_s = max(last_s, end - self.origin_s)
                if not is_own:
                    continue
                try:
                    yield from stream.decode(packet)
                except error_type:
                    self._damage.note_spoilt(reached_s)
        except error_type as error:
            self._damage.stopped_s = reached_s
            self._damage.reason = f"the rest of the file cannot be read ({describe_error(error)})"
            with suppress(error_type):
                yield from stream.decode(None)
            return

        required_s = self._stated.required_s
        allowed_s = max(0.1, 3 * self._stated.step_s, min(1.0, 0.02 * required_s))
        is_stated = container.format.name.startswith(_STATES_LENGTH)
        if is_stated and required_s - last_s > allowed_s:
            self._damage.stopped_s = reached_s
            self._damage.reason = "the file ends early; it was not saved or uploaded completely"

    def _look_at_first_frame(self) -> tuple[int, int]:
        """Return the display height and width of the video, and record where it begins."""
        with closing(self._decode()) as decoded:
            for _, raw in decoded:
                self._first_stamp = raw.pts or 0
                height, width = raw.height, max(1, round(raw.width * self._pixel_aspect))
                self._damage = _Damage()
                return (width, height) if _quarter_turns(raw) % 2 else (height, width)
        why = "none of its frames can be decoded" if self._damage.spoilt else "it has no frames"
        raise VideoError(f"{self.name} cannot be read as a video: {why}")

    def _to_rgb(self, raw: "av.VideoFrame") -> NDArray[np.uint8]:
        """Convert a frame to RGB, upright, at the video's size."""
        turns = _quarter_turns(raw)
        width, height = (self.height, self.width) if turns % 2 else (self.width, self.height)
        image = raw.reformat(width=width, height=height, format="rgb24").to_ndarray()
        upright: NDArray[np.uint8] = np.ascontiguousarray(np.rot90(image, turns))
        return upright


def open_video(source: VideoSource) -> Video:
    """Open a video.

    Args:
        source: A path, a whole file as bytes, or a binary stream; an unseekable stream is copied to
            a temporary file first.

    Returns:
        The video, for use in a `with` statement.

    Raises:
        VideoError: The source cannot be read as a video.
        MissingExtraError: PyAV is not installed.
    """
    return Video(source)


def _pixel_aspect(stream: "VideoStream") -> float:
    """Return the pixel aspect ratio of a frame; 1 if the stated one is invalid."""
    aspect = stream.sample_aspect_ratio
    return float(aspect) if aspect is not None and Fraction(1, 4) <= aspect <= 4 else 1.0


def _quarter_turns(raw: "av.VideoFrame") -> int:
    """Return the number of counter-clockwise quarter turns that bring a frame upright."""
    return round(raw.rotation / 90) % 4


def _read_luma(raw: "av.VideoFrame") -> NDArray[np.generic]:
    """Return a frame's brightness, in [0, 255], if possible without conversion."""
    is_plain = raw.format.name.startswith(("yuv", "nv12", "nv21", "gray"))
    if is_plain and raw.format.components[0].bits == 8:
        plane = raw.planes[0]
        rows = np.frombuffer(memoryview(plane), dtype=np.uint8)
        return rows.reshape(-1, plane.line_size)[: raw.height, : raw.width]
    grey: NDArray[np.generic] = raw.reformat(
        width=_LOOK[1], height=_LOOK[0], format="gray8", interpolation="FAST_BILINEAR"
    ).to_ndarray()
    return grey
