"""Open a folder of frames as one video.

Cameras and other programs may save one picture per frame. The pictures are written with their
times into an unnamed temporary Matroska file, which is then read like any video: JPEG files
unchanged, all others losslessly. The file is as large as all frames together.
"""

import csv
import io
import itertools
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, Final, cast

from PIL import Image

from mien.contents import PICTURE_ENDINGS
from mien.errors import ConfigError, ImageError, VideoError, describe_error, is_program_fault
from mien.images import name_source, read_image
from mien.video.container import import_av

NAMES: Final = "names"
"""Value of `fps` for frame names that end in their times."""
_TIME: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s)$", re.IGNORECASE)
_MILLISECOND: Final = Fraction(1, 1000)
_ORIENTATION = 0x0112


class _Packed(io.FileIO):
    """A temporary file that is deleted with its last user."""

    def __init__(self, descriptor: int, name: str) -> None:
        super().__init__(descriptor, "r")
        self.name = name  # the source's name in results

    def __del__(self) -> None:
        self.close()


def open_frames(
    folder: str | os.PathLike[str], fps: float | str | os.PathLike[str] = NAMES
) -> BinaryIO:
    """Open a folder of frames as one video, in natural order: frame2 comes before frame10.

    Args:
        folder: A folder with one picture per frame, all of the same size.
        fps: Frame rate in frames per second; or the path of a CSV table with the columns `file` and
            `time_s`; or "names" for file names that end in a time, such as "clip_12.48s.png" or
            "clip_12480ms.png".

    Returns:
        A video for `mien.analyze_video` and similar functions; results have the folder's name.

    Raises:
        ConfigError: Times are missing or not increasing.
        ImageError: A frame cannot be read.
        VideoError: The folder has no pictures, or one differs in size.
        MissingExtraError: PyAV is not installed.
    """
    av = import_av()
    name = name_source(folder)
    files = list_frames(Path(folder))
    if not files:
        raise VideoError(f"{name} contains no pictures, expected the frames of a video")

    timed = _find_times(Path(folder), files, fps)
    with tempfile.TemporaryFile() as target:
        _write(target, timed, av)
        file = _Packed(os.dup(target.fileno()), name)
    file.seek(0)
    return cast(BinaryIO, file)


def list_frames(folder: Path) -> list[Path]:
    """List the pictures in a folder in natural order, without hidden files."""
    try:
        found = [
            path
            for path in folder.iterdir()
            if path.suffix.lower() in PICTURE_ENDINGS and not path.name.startswith(".")
        ]
    except OSError as error:
        raise VideoError(
            f"{name_source(folder)} cannot be read: {describe_error(error)}"
        ) from error
    return sorted(found, key=lambda path: natural_key(path.name))


def natural_key(text: str) -> tuple[tuple[bool, int, str], ...]:
    """Return a sort key that puts p2 before p10."""
    return tuple(
        (part.isdigit(), int(part) if part.isdigit() else 0, part)
        for part in re.split(r"([0-9]+)", text)
    )


def _find_times(
    folder: Path, files: Sequence[Path], fps: float | str | os.PathLike[str]
) -> list[tuple[Path, int]]:
    """Return each frame's time, in milliseconds."""
    try:
        rate = float(cast(float, fps))
    except (TypeError, ValueError):
        rate = None
    if rate is not None:
        if not 0 < rate <= 1000:
            raise ConfigError(
                f"fps must be above 0 and at most 1000 frames per second, got {rate:g}"
            )
        return [(path, round(1000 * number / rate)) for number, path in enumerate(files)]

    if os.fspath(cast(str, fps)) == NAMES:
        times = {path.name: _read_name(path) for path in files}
    else:
        times = _read_table(Path(cast(str, fps)))
    missing = [path.name for path in files if path.name not in times]
    if missing:
        raise ConfigError(
            f"{fps} has no time for {len(missing)} frames of {folder}, such as {missing[0]}"
        )

    timed = sorted(((path, times[path.name]) for path in files), key=lambda pair: pair[1])
    for (before, earlier), (after, later) in itertools.pairwise(timed):
        if later == earlier:
            raise ConfigError(f"{before.name} and {after.name} have the same time, {later} ms")
    return timed


def _read_name(path: Path) -> int:
    """Read a frame's time, in milliseconds, from the end of its name."""
    found = _TIME.search(path.stem)
    if found is None:
        raise ConfigError(
            f"the name {path.name} does not end in a time such as 12.48s or 12480ms; pass the "
            "frame rate instead, as in --fps 25"
        )
    number, unit = found.groups()
    return round(float(number) * (1 if unit.lower() == "ms" else 1000))


def _read_table(path: Path) -> dict[str, int]:
    """Read the frames' times, in milliseconds, from a CSV table."""
    try:
        rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, ValueError) as error:
        raise ConfigError(f"the times {path} cannot be read: {describe_error(error)}") from error
    try:
        return {row["file"]: round(1000 * float(row["time_s"])) for row in rows}
    except (KeyError, TypeError, ValueError):
        raise ConfigError(
            f"the times {path} must have the columns file and time_s (in seconds)"
        ) from None


def _write(target: Any, timed: Sequence[tuple[Path, int]], av: ModuleType) -> None:  # noqa: ANN401
    """Write the frames to a Matroska file."""
    size = _check_sizes([path for path, _ in timed])
    copied = all(_is_plain_jpeg(path) for path, _ in timed)

    # The last frame has no successor: it lasts as long as the one before.
    ends = [time_ms for _, time_ms in timed[1:]]
    last = timed[-1][1] - timed[-2][1] if len(timed) > 1 else 40
    rate = Fraction(1000 * len(timed), timed[-1][1] + last - timed[0][1])

    with av.open(target, "w", format="matroska") as container:
        stream = container.add_stream("mjpeg" if copied else "ffv1", rate=rate)
        stream.width, stream.height = size
        stream.pix_fmt, stream.time_base = "yuvj420p" if copied else "bgr0", _MILLISECOND
        stream.codec_context.time_base = _MILLISECOND
        for (path, time_ms), end_ms in zip(timed, [*ends, timed[-1][1] + last], strict=True):
            for packet in _encode(path, time_ms, stream, av, copied=copied):
                packet.stream, packet.duration = stream, end_ms - time_ms
                container.mux(packet)
        if not copied:
            container.mux(stream.encode(None))


def _encode(
    path: Path,
    time_ms: int,
    stream: Any,  # noqa: ANN401 - PyAV is an extra
    av: ModuleType,
    *,
    copied: bool,
) -> Iterator[Any]:
    """Encode a frame as one packet."""
    if copied:
        packet = av.Packet(path.read_bytes())
        packet.pts = packet.dts = time_ms
        packet.time_base, packet.is_keyframe = _MILLISECOND, True
        yield packet
        return
    frame = av.VideoFrame.from_ndarray(read_image(path), format="rgb24").reformat(format="bgr0")
    frame.pts, frame.time_base = time_ms, _MILLISECOND
    yield from stream.encode(frame)


def _check_sizes(paths: Sequence[Path]) -> tuple[int, int]:
    """Return the size of the frames, (width, height), which must be equal."""
    wanted: tuple[int, int] | None = None
    for path in paths:
        size = _look(path)[0]
        wanted = wanted or size
        if size != wanted:
            raise VideoError(
                f"{name_source(path)} is {size[0]} x {size[1]}, but the first frame is "
                f"{wanted[0]} x {wanted[1]}; all frames must have the same size"
            )
    return cast(tuple[int, int], wanted)


def _is_plain_jpeg(path: Path) -> bool:
    return _look(path)[1]


def _look(path: Path) -> tuple[tuple[int, int], bool]:
    """Return a picture's upright size, and whether FFmpeg reads it as a JPEG like we do."""
    try:
        with Image.open(path) as picture:
            turned = picture.getexif().get(_ORIENTATION, 1)
            plain = picture.format == "JPEG" and picture.mode in ("RGB", "L") and turned == 1
            width, height = picture.size
    except Exception as error:  # decoders may raise anything on hostile bytes
        if is_program_fault(error):
            raise
        raise ImageError(
            f"the frame {name_source(path)} cannot be read: {describe_error(error)}"
        ) from error
    return ((height, width) if turned >= 5 else (width, height)), plain
