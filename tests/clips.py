"""Video files of every kind for tests, valid and hostile, made of a few pictures."""

import io
import tempfile
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image, ImageEnhance

from pictures import pattern

TICKS = 90_000  # stamps a second


def write_clip(
    images: Iterable[np.ndarray],
    times_s: Sequence[float],
    *,
    container: str = "mp4",
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    rotation: int = 0,
    sound_s: float = 0.0,
    sound: str = "aac",
    sound_rate: int = 44_100,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    start: int = 0,
) -> bytes:
    """Encode (H, W, 3) uint8 RGB pictures, each shown from its time on.

    Args:
        images: The pictures.
        times_s: When each is shown; need not be even.
        container: The muxer's name.
        codec: The encoder's name.
        pix_fmt: How the encoder stores pixels.
        rotation: Degrees, counter-clockwise, by which the file says it is to be turned.
        sound_s: Seconds of a tone.
        sound: The tone's encoder.
        sound_rate: The tone's samples a second.
        options: The encoder's options.
        container_options: The muxer's options.
        start: The first stamp.
    """
    if codec == "libx264":
        # As many threads everywhere: on another number the same frames give other bytes.
        options = {"preset": "ultrafast", "crf": "12", "threads": "3", **(options or {})}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip"  # moving an index to the front takes a file
        with av.open(str(path), "w", format=container, options=container_options or {}) as output:
            video: Any = output.add_stream(codec, rate=25, options=options or {})
            video.pix_fmt = pix_fmt
            fine = codec in {"libx264", "libvpx-vp9", "ffv1"}
            base = video.codec_context.time_base = Fraction(1, TICKS if fine else 25)
            if rotation:
                video.set_display_rotation(rotation)
            tone = output.add_stream(sound, rate=sound_rate) if sound_s else None
            for image, time_s in zip(images, times_s, strict=True):
                if not video.width or not video.codec_context.is_open:
                    video.width, video.height = image.shape[1], image.shape[0]
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
                frame.pts, frame.time_base = start + round(time_s / base), base
                output.mux(video.encode(frame))
            output.mux(video.encode(None))
            if tone is not None:
                _add_tone(output, tone, sound_s)
        return path.read_bytes()


def _add_tone(output: Any, stream: Any, seconds: float) -> None:
    rate = stream.rate
    count = int(seconds * rate)
    samples = (8_000 * np.sin(np.arange(count) * 0.06)).astype(np.int16)
    for start in range(0, count, 1024):
        part = samples[np.newaxis, start : start + 1024]
        frame = av.AudioFrame.from_ndarray(part, format="s16", layout="mono")
        frame.sample_rate, frame.pts = rate, start
        frame.time_base = Fraction(1, rate)
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


def remux(
    clip: bytes,
    *,
    container: str,
    start_s: float = 0.0,
    subtitle_s: tuple[float, float] | None = None,
) -> bytes:
    """Put a clip's picture into another file as it is, as trimmers do.

    Args:
        clip: The clip.
        container: The muxer's name.
        start_s: Where the picture begins; the frames before it are kept, back to one that can
            be decoded alone, with stamps below 0, and mp4 and mov say that they are not shown.
        subtitle_s: From when to when a subtitle is shown.
    """
    stream = io.BytesIO()
    with av.open(io.BytesIO(clip)) as source, av.open(stream, "w", format=container) as output:
        given: Any = source.streams.video[0]
        kept: Any = output.add_stream_from_template(given)
        if subtitle_s:
            from_ms, to_ms = (round(1000 * time_s) for time_s in subtitle_s)
            text = (
                f"1\n00:00:00,{from_ms:03} --> 00:00:{to_ms // 1000:02},{to_ms % 1000:03}\nHi\n\n"
            )
            titles = av.open(io.BytesIO(text.encode()), format="srt")
            title = next(titles.demux())
            title.stream = output.add_stream_from_template(titles.streams[0])
            output.mux(title)
        start = round(start_s / given.time_base)
        source.seek(start, stream=given)
        for packet in source.demux(given):
            if packet.dts is not None:
                packet.pts, packet.dts = packet.pts - start, packet.dts - start
                packet.stream = kept
                output.mux(packet)
    return stream.getvalue()


def dense(count: int) -> bytes:
    """A video of many large frames within a fraction of a second: one frame, again and again."""
    still = write_clip([np.full((1080, 1920, 3), 90, np.uint8)], [0.0])
    stream = io.BytesIO()
    with (
        av.open(io.BytesIO(still)) as source,
        av.open(stream, "w", format="matroska") as output,
    ):
        kept = output.add_stream_from_template(source.streams.video[0])
        data = bytes(next(source.demux(video=0)))
        for number in range(count):
            packet = av.Packet(data)
            packet.stream, packet.time_base = kept, Fraction(1, 1000)
            packet.pts = packet.dts = number * 190 // count
            packet.is_keyframe = True
            output.mux(packet)
    return stream.getvalue()


def sound_only() -> bytes:
    """A recording of a tone."""
    stream = io.BytesIO()
    with av.open(stream, "w", format="mp4") as output:
        _add_tone(output, output.add_stream("aac", rate=44_100), 0.5)
    return stream.getvalue()


def even(count: int, rate: float = 25.0) -> list[float]:
    """Times at an even frame rate."""
    return [number / rate for number in range(count)]


def numbered(count: int, size: tuple[int, int] = (64, 96)) -> list[np.ndarray]:
    """Pictures that get brighter one by one, so that each tells its number."""
    return [
        np.full((*size, 3), 20 + 200 * number // max(1, count - 1), np.uint8)
        for number in range(count)
    ]


def quarters() -> np.ndarray:
    """Four quarters of one colour each, even sides."""
    return np.asarray(Image.fromarray(pattern()).resize((96, 64), Image.Resampling.NEAREST))


def on_canvas(
    picture: np.ndarray, place: tuple[int, int], size: tuple[int, int] = (360, 640)
) -> np.ndarray:
    """Put a picture on a dim canvas of (height, width), its corner at (x, y); parts may be out."""
    canvas = Image.new("RGB", (size[1], size[0]), (70, 74, 80))
    canvas.paste(Image.fromarray(picture), place)
    return np.asarray(canvas)


def shrunk(picture: np.ndarray, side: int) -> np.ndarray:
    """A square picture made smaller."""
    return np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC))


def lit(picture: np.ndarray, factor: float) -> np.ndarray:
    """A picture made darker or brighter."""
    return np.asarray(ImageEnhance.Brightness(Image.fromarray(picture)).enhance(factor))


def uneven(seconds: float, seed: int = 0) -> list[float]:
    """Times at a frame rate that varies from 10 to 50 a second."""
    rng = np.random.default_rng(seed)
    times, now = [], 0.0
    while now < seconds:
        times.append(round(now, 3))
        now += float(rng.uniform(0.02, 0.1))
    return times
