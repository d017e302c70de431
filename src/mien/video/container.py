"""Open a video's container safely: it cannot open any other file.

PyAV reads the bytes through a Python object without a name, so the content and never the extension
decides the format. Only demuxers that stay within their file are allowed, and every attempt to
open something else is refused: a playlist cannot lead to other files, and a path is never taken
as a URL.
"""

import io
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeAlias, cast

from mien.contents import HEAD_BYTES, describe_content, is_animated_webp
from mien.errors import VideoError, describe_error, is_program_fault, require_extra
from mien.images import MAX_PIXELS, check_file, name_source
from mien.video.webp import rewrite_animation

if TYPE_CHECKING:  # PyAV is an extra: it is imported when the first video is opened
    from av.container import InputContainer
    from av.video.stream import VideoStream

VideoSource: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO
"""A video's source: a path, a whole file as bytes, or a binary stream."""

DEMUXERS: Final = (
    "matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,avi,mpegts,mpeg,mpegvideo,m4v,h264,hevc,av1,obu,ivf,flv,"
    "asf,ogg,gif,apng,nut,mxf,rm,wtv,dv,yuv4mpegpipe"
)
"""The allowed demuxers: none of them reads other files."""

_BUFFER_BYTES = 2**18
_LENIENT_PYAV = 19  # its `open` lacks `metadata_errors`
_READABLE = "MP4, MOV, MKV, WebM, AVI, MPEG or an animated GIF, PNG, WebP or AVIF"
_GIVEN = threading.Lock()  # several `VideoFile`s may read the same stream


class VideoFile:
    """A video's bytes, which can be opened repeatedly.

    Attributes:
        name: The path, or a display name of another source.
    """

    def __init__(self, source: VideoSource) -> None:
        """Store the source.

        Args:
            source: A path, a whole file as bytes, or a binary stream; an unseekable stream is
                copied to a temporary file first.

        Raises:
            VideoError: The file does not exist or cannot be read.
            MissingExtraError: PyAV is not installed.
        """
        import_av()
        self.name: Final = name_source(source)
        self._path: Path | None = None
        self._stream: BinaryIO | None = None
        if isinstance(source, str | os.PathLike):
            self._path = check_file(source, self.name, noun="video", error_type=VideoError)
        else:
            self._stream = _make_seekable(source, self.name)
        self._rewrite_webp()
        self._owns_stream = self._stream is not source
        self._lock = threading.Lock() if self._owns_stream else _GIVEN

    def _rewrite_webp(self) -> None:
        """Replace an animated WebP by an input that FFmpeg can read."""
        try:
            file = self._path.open("rb") if self._path is not None else self._stream
            file = cast(BinaryIO, file)
            file.seek(0)
            head = file.read(HEAD_BYTES)
            webp = head + file.read() if is_animated_webp(head) else None
            if file is not self._stream:
                file.close()
        except (OSError, ValueError) as error:
            raise VideoError(f"{self.name} cannot be read: {describe_error(error)}") from error
        if webp is not None:
            self._stream = rewrite_animation(webp, self.name, import_av())
            self._path = None

    def close(self) -> None:
        """Close a temporary copy; the caller's stream stays open."""
        if self._stream is not None and self._owns_stream:
            self._stream.close()

    @contextmanager
    def open(self) -> Iterator[tuple["InputContainer", "VideoStream"]]:
        """Open the file from its beginning: the container and its video stream.

        Raises:
            VideoError: The file cannot be read as a video.
        """
        try:
            file = self._path.open("rb") if self._path is not None else self._stream
            cast(BinaryIO, file).tell()  # raises if the stream has been closed
        except (OSError, ValueError) as error:
            raise VideoError(f"{self.name} cannot be opened: {describe_error(error)}") from error
        file = cast(BinaryIO, file)
        try:
            with self._open_container(file) as container:
                stream = self._choose_stream(container)
                stream.thread_type = "AUTO"
                yield container, stream
        finally:
            if file is not self._stream:
                file.close()

    def _open_container(self, file: BinaryIO) -> "InputContainer":
        av = import_av()
        try:
            container = av.open(
                _Bytes(file, self._lock),
                mode="r",
                options={
                    "format_whitelist": DEMUXERS,
                    "protocol_whitelist": "none",
                    "max_pixels": str(MAX_PIXELS),
                },
                io_open=_refuse_to_open,
                buffer_size=_BUFFER_BYTES,
                **decode_titles_leniently(),
            )
        except Exception as error:  # demuxers may raise anything on hostile bytes
            if is_program_fault(error):
                raise
            raise self._refusal(file, error) from error
        return cast("InputContainer", container)

    def _choose_stream(self, container: "InputContainer") -> "VideoStream":
        """Choose the video stream, ignoring cover pictures."""
        cover = import_av().stream.Disposition.attached_pic
        streams = [one for one in container.streams.video if not one.disposition & cover]
        if not streams:
            has = "only sound" if container.streams.audio else "no pictures"
            raise VideoError(f"{self.name} is not a video: it has {has}")
        best = container.streams.best("video")
        stream = next((one for one in streams if one is best), streams[0])
        if stream.frames == 1:  # an animated AVIF has its first picture as a separate stream
            stream = max(streams, key=lambda one: one.frames)
        context = cast("object | None", stream.codec_context)  # None if there is no decoder
        if context is None:
            raise VideoError(
                f"{self.name} cannot be read as a video: PyAV cannot decode its codec; "
                "convert it, e.g. to H.264"
            )
        width, height = stream.codec_context.width, stream.codec_context.height
        if width * height > MAX_PIXELS:
            size = f"{width} x {height}"
            raise VideoError(
                f"{self.name} is too large: its frames are {size}; scale it down first"
            )
        return stream

    def _refusal(self, file: BinaryIO, error: Exception) -> VideoError:
        """Explain why a file cannot be opened as a video."""
        try:
            file.seek(0)
            head = file.read(HEAD_BYTES)
        except (OSError, ValueError) as second:
            return VideoError(f"{self.name} cannot be read: {describe_error(second)}")

        if not head:
            return VideoError(
                f"{self.name} is empty, expected a video; check that it was saved or uploaded "
                "completely"
            )

        content = describe_content(head)
        if content.startswith("is a video"):
            reason = describe_error(error)
            return VideoError(
                f"{self.name} is damaged or incomplete ({reason}); save or upload it again"
            )

        return VideoError(
            f"{self.name} is not a supported video: it {content}; expected {_READABLE}"
        )


class _Bytes:
    """File interface for PyAV on shared bytes, with a position of its own."""

    def __init__(self, file: BinaryIO, lock: threading.Lock) -> None:
        self._file = file
        self._lock = lock
        self._place = 0

    def read(self, size: int) -> bytes:
        with self._lock:
            self._file.seek(self._place)
            data = self._file.read(size)
        self._place += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_CUR:
            offset += self._place
        elif whence == os.SEEK_END:
            with self._lock:
                offset += self._file.seek(0, os.SEEK_END)
        self._place = offset
        return offset

    def tell(self) -> int:
        return self._place


def _refuse_to_open(url: str, flags: int, options: dict[str, str]) -> BinaryIO:
    """Prevent a file from opening others."""
    raise PermissionError(f"a video may not open {url}")


def _make_seekable(source: object, name: str) -> BinaryIO:
    """Return a seekable stream, as decoders require."""
    if isinstance(source, bytes | bytearray | memoryview):
        return io.BytesIO(source)
    if not hasattr(source, "read"):
        kind = type(source).__name__
        raise VideoError(f"a video must be a path, bytes or a binary stream, got {kind}")
    stream = cast(BinaryIO, source)
    try:
        nothing: object = stream.read(0)
        if not isinstance(nothing, bytes):
            kind = type(nothing).__name__
            raise VideoError(f"{name} returns {kind}, expected bytes; open it in mode 'rb'")
        if hasattr(stream, "seekable") and stream.seekable():
            return stream
        copy = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the video
        shutil.copyfileobj(stream, copy)
    except (OSError, ValueError) as error:
        raise VideoError(f"{name} cannot be read: {describe_error(error)}") from error
    return cast(BinaryIO, copy)


def decode_titles_leniently() -> dict[str, Any]:
    """Return the argument for PyAV's `open` that accepts titles in any encoding.

    PyAV 19 and later always decode titles leniently, and no longer have the argument.
    """
    major = int(import_av().__version__.split(".")[0])
    return {"metadata_errors": "replace"} if major < _LENIENT_PYAV else {}


def import_av() -> ModuleType:
    """Import PyAV.

    Raises:
        MissingExtraError: PyAV is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise require_extra("video", "reading videos", "av") from error
    return av
