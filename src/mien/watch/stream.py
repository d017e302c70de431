"""Read the newest frame of a camera or stream, decoding in a separate thread.

Decoding keeps the source's pace. Where reading faces takes longer than a frame lasts, frames are
dropped instead of delaying results. An interrupted stream is reopened, first immediately and then
at growing intervals. Passwords in addresses appear in no message and no result.
"""

import os
import platform
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from mien.addresses import hide_secrets
from mien.errors import ConfigError, VideoError, describe_error, is_program_fault
from mien.video.container import decode_titles_leniently, import_av
from mien.watch.frame import LiveFrame

if TYPE_CHECKING:  # PyAV is an extra: it is imported when a source is opened
    from av.container import InputContainer

MIN_WAIT_S: Final = 0.5
MAX_WAIT_S: Final = 30.0
"""Shortest and longest pause before a stream is reopened, in seconds."""
TIMEOUT_S: Final = 10.0
"""A source that sends nothing for this long counts as interrupted, in seconds."""


@dataclass(frozen=True, slots=True, eq=False)
class _Picture:
    """A decoded frame: its arrival time, its number, and whether it follows an interruption."""

    time_s: float
    number: int
    image: NDArray[np.uint8]
    is_cut: bool


class FrameReader(Protocol):
    """Interface of the object that reads the frames, such as `mien.Live`."""

    @property
    def source(self) -> str:
        """Display name of the camera in results."""
        ...

    def cut(self) -> None:
        """Start a new scene."""
        ...

    def read(
        self, frame: NDArray[np.uint8], time_s: float, *, number: int | None = None
    ) -> LiveFrame:
        """Read the next frame."""
        ...


class LiveStream:
    """An open camera or stream: iterate over it for the newest frames; a context manager.

    Attributes:
        source: Address without the password.
        image: Image of the last result, (H, W, 3) uint8 RGB; None before the first.
        dropped: Number of frames that arrived but were not read.
        reconnects: Number of times the source was reopened.
    """

    def __init__(
        self,
        source: int | str | os.PathLike[str],
        live: FrameReader,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open the source; the thread starts when the context is entered.

        Args:
            source: A camera's number, a device, an address or a file.
            live: The reader of the frames.
            clock: A monotonic clock, in seconds.

        Raises:
            VideoError: The source cannot be opened.
            ConfigError: This system does not number its cameras.
            MissingExtraError: PyAV is not installed.
        """
        import_av()
        self._place, self._format = _find_device(source)
        self.source: Final = live.source
        self.image: NDArray[np.uint8] | None = None
        self.dropped = self.reconnects = 0

        self._live = live
        self._clock = clock
        self._is_file = self._format is None and Path(self._place).is_file()
        self._container: InputContainer | None = self._connect()
        self._began_s = clock()

        self._newest: _Picture | None = None
        self._news = threading.Condition()
        self._stop = threading.Event()
        self._ended = False
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="mien-live", daemon=True)

    def __enter__(self) -> Self:
        if self._stop.is_set() or self._thread.ident is not None:
            raise self._refuse_again()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop reading and release the source; closing again does nothing."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(TIMEOUT_S + 1)
        elif self._container is not None:
            self._container.close()

    def __iter__(self) -> Iterator[LiveFrame]:
        """Yield results for the newest frames until the source ends.

        A camera or an address never ends by itself: iteration waits until it is back.

        Raises:
            ConfigError: The stream was closed, or is used without a with block.
        """
        if self._stop.is_set():
            raise self._refuse_again()
        if not self._thread.is_alive() and not self._ended:
            raise ConfigError("open a live stream in a with block: with mien.Live.open(0) as ...")
        while (picture := self._wait()) is not None:
            if picture.is_cut:
                self._live.cut()
            self.image = picture.image
            yield self._live.read(picture.image, picture.time_s, number=picture.number)

    def _refuse_again(self) -> ConfigError:
        """Return the error for a stream that is used a second time."""
        return ConfigError(
            f"the live stream of {self.source} was opened before; open it again with mien.Live.open"
        )

    def _wait(self) -> _Picture | None:
        """Wait for a new frame; return None when the source has ended."""
        with self._news:
            while self._newest is None or self._stop.is_set():
                if self._failure is not None:
                    raise self._failure
                if self._ended or self._stop.is_set():
                    return None
                self._news.wait(0.2)  # with a timeout, so that Ctrl-C is handled
            picture, self._newest = self._newest, None
            return picture

    def _run(self) -> None:
        """Decode, keep the newest frame, and reopen the source after interruptions."""
        number = 0
        wait_s = MIN_WAIT_S
        is_cut = False
        try:
            while not self._stop.is_set():
                before = number
                if self._container is not None:
                    number = self._decode(self._container, number, is_cut=is_cut)
                    self._container.close()
                    self._container = None
                if self._is_file:
                    return
                if number > before:
                    wait_s = MIN_WAIT_S
                if self._stop.wait(wait_s):
                    return
                wait_s, is_cut = min(2 * wait_s, MAX_WAIT_S), True
                try:
                    self._container = self._connect()
                    self.reconnects += 1
                except VideoError:
                    continue
        except Exception as error:  # noqa: BLE001 - re-raised in the consumer's thread
            self._failure = error
        finally:
            if self._container is not None:
                self._container.close()
            with self._news:
                self._ended = True
                self._news.notify_all()

    def _decode(self, container: "InputContainer", number: int, *, is_cut: bool) -> int:
        """Decode until the source ends, fails or is closed; return the next frame's number."""
        av = import_av()
        began_s: float | None = None
        try:
            for frame in container.decode(video=0):
                if self._stop.is_set():
                    break
                now_s = self._clock() - self._began_s
                if self._is_file and frame.time is not None:  # play files in real time
                    began_s = now_s - frame.time if began_s is None else began_s
                    if self._stop.wait(max(0.0, began_s + frame.time - now_s)):
                        break
                    now_s = began_s + frame.time
                image = np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
                with self._news:
                    if self._newest is not None:
                        self.dropped += 1
                        is_cut = is_cut or self._newest.is_cut
                    self._newest = _Picture(now_s, number, image, is_cut)
                    self._news.notify_all()
                number, is_cut = number + 1, False
        except (av.FFmpegError, OSError, ValueError):  # interrupted; try to reconnect
            pass
        return number

    def _connect(self) -> "InputContainer":
        """Open the source; failures become one sentence."""
        av = import_av()
        options = {"rtsp_transport": "tcp", "flags": "low_delay"}
        if self._is_file:
            options = {}
        elif self._format == "avfoundation":
            options = {"framerate": "30"}  # cameras refuse FFmpeg's default of 29.97
        try:
            container: InputContainer = av.open(
                self._place,
                format=self._format,
                options=options,
                timeout=TIMEOUT_S,
                **decode_titles_leniently(),
            )
        except Exception as error:  # devices and servers may raise anything
            if is_program_fault(error):
                raise
            raise VideoError(
                f"{self.source} cannot be opened ({hide_secrets(describe_error(error))}); "
                "check that it is connected, switched on and not used by another program"
            ) from None  # the cause would reveal the password in the address
        if not container.streams.video:
            container.close()
            raise VideoError(f"{self.source} has no video")
        container.streams.video[0].thread_type = "SLICE"  # frame threads would add a delay
        return container


def _find_device(source: int | str | os.PathLike[str]) -> tuple[str, str | None]:
    """Return PyAV's name of a source, and the format that a device requires."""
    if isinstance(source, int):
        if source < 0:
            raise ConfigError(f"a camera's number must be 0 or more, got {source}")
        if platform.system() == "Linux":
            return f"/dev/video{source}", "v4l2"
        if platform.system() == "Darwin":
            return str(source), "avfoundation"
        raise ConfigError(
            "on Windows, name the camera instead: mien.Live.open('video=Integrated Camera')"
        )

    place = os.fspath(source)
    if place.startswith("/dev/video"):
        return place, "v4l2"
    if place.startswith("video="):
        return place, "dshow"
    return place, None
