"""Rewrite an animated WebP as a video that FFmpeg can read, frame by frame without loss.

FFmpeg's decoder takes still WebP only. Pillow decodes the frames, and PyAV writes them with their
times into Matroska.
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
"""Of all frames together: 1,747 frames of 640 x 480. Rewriting more would take too long."""
_MILLISECOND: Final = Fraction(1, 1000)


def rewrite_animation(webp: bytes, name: str, av: ModuleType) -> BinaryIO:
    """Rewrite an animated WebP.

    Args:
        webp: The whole file.
        name: What to call it in messages.
        av: PyAV.

    Returns:
        The same frames at the same times, as a Matroska file without a name.

    Raises:
        VideoError: It cannot be decoded, or is too large.
    """
    target = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the video
    try:
        with Image.open(io.BytesIO(webp), formats=["WEBP"]) as animation:
            _check_size(animation, name)
            with av.open(target, "w", format="matroska") as container:
                stream = container.add_stream("ffv1", rate=1000)
                stream.width, stream.height = animation.size
                stream.pix_fmt, stream.time_base = "bgr0", _MILLISECOND
                stream.codec_context.time_base = _MILLISECOND
                for frame in _make_frames(animation, av):
                    for packet in stream.encode(frame):  # one for each frame, at once
                        packet.duration = frame.duration
                        container.mux(packet)
                container.mux(stream.encode(None))
    except VideoError:
        target.close()
        raise
    except Exception as error:  # on hostile bytes a decoder raises anything
        target.close()
        if is_program_fault(error):
            raise
        raise VideoError(
            f"{name} is damaged or incomplete ({describe_error(error)}); save or send it again"
        ) from error
    return cast(BinaryIO, target)


def _check_size(animation: Image.Image, name: str) -> None:
    """Refuse an animation with too many pixels before one is decoded."""
    frames: int = getattr(animation, "n_frames", 1)
    width, height = animation.size
    if frames * width * height > MAX_ANIMATION_PIXELS:
        raise VideoError(
            f"{name} is too large: {frames:,} frames of {width} x {height}, and an animated WebP "
            f"may have {MAX_ANIMATION_PIXELS:,} pixels; convert it to MP4 first"
        )


def _make_frames(animation: Image.Image, av: ModuleType) -> Iterator[Any]:
    """Yield the frames of an animation with their times; transparency is laid on white."""
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
