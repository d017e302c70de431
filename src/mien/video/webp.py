"""Rewrite an animated WebP losslessly as a video that FFmpeg can read.

FFmpeg's decoder supports only still WebP. Pillow decodes the frames, and PyAV writes them with
their times into a Matroska file.
"""

import io
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from types import ModuleType
from typing import Any, BinaryIO, Final, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mien.errors import VideoError, describe_error, is_program_fault

MAX_ANIMATION_PIXELS: Final = 2**29
"""Maximum number of pixels of all frames together, for example 1,747 frames of 640 x 480."""
_MILLISECOND: Final = Fraction(1, 1000)


def rewrite_animation(webp: bytes, name: str, av: ModuleType) -> BinaryIO:
    """Rewrite an animated WebP.

    Args:
        webp: Content of the file.
        name: Display name for messages.
        av: The PyAV module.

    Returns:
        The same frames at the same times, as an unnamed Matroska file.

    Raises:
        VideoError: The animation cannot be decoded, or is too large.
    """
    target = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the video
    try:
        with Image.open(io.BytesIO(webp), formats=["WEBP"]) as animation:
            _check_size(animation, name)
            with av.open(target, "w", format="matroska") as container:
                stream = container.add_stream("ffv1", rate=1000)
                stream.width, stream.height = animation.size
                stream.pix_fmt, stream.time_base = "bgr0", _MILLISECOND
                stream.codec_context.time_base = _MILLISECOND
                for frame in _make_frames(animation, av):
                    for packet in stream.encode(frame):  # one per frame, without delay
                        packet.duration = frame.duration
                        container.mux(packet)
                container.mux(stream.encode(None))
    except VideoError:
        target.close()
        raise
    except Exception as error:  # decoders may raise anything on hostile bytes
        target.close()
        if is_program_fault(error):
            raise
        raise VideoError(
            f"{name} is damaged or incomplete ({describe_error(error)}); save or upload it again"
        ) from error
    return cast(BinaryIO, target)


def _check_size(animation: Image.Image, name: str) -> None:
    """Check the number of pixels of an animation before decoding it."""
    frames: int = getattr(animation, "n_frames", 1)
    width, height = animation.size
    if frames * width * height > MAX_ANIMATION_PIXELS:
        raise VideoError(
            f"{name} is too large: {frames:,} frames of {width} x {height}, but an animated WebP "
            f"may have at most {MAX_ANIMATION_PIXELS:,} pixels; convert it to MP4 first"
        )


def _make_frames(animation: Image.Image, av: ModuleType) -> Iterator[Any]:
    """Yield the frames of an animation with their times, on a white background."""
    start_ms = 0
    for number in range(getattr(animation, "n_frames", 1)):
        animation.seek(number)
        picture = Image.new("RGBA", animation.size, "white")
        picture.alpha_composite(animation.convert("RGBA"))
        pixels: NDArray[np.uint8] = np.asarray(picture.convert("RGB"))
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="bgr0")
        duration_ms = max(1, round(animation.info.get("duration", 0)))
        frame.pts, frame.time_base, frame.duration = start_ms, _MILLISECOND, duration_ms
        start_ms += duration_ms
        yield frame
