"""Read the encoded pictures of one live camera from one browser tab."""

from typing import Final

from mien.analyzer import Analyzer
from mien.images import read_image
from mien.watch.frame import LiveFrame
from mien.watch.live import Live


class LiveSession:
    """Pass encoded pictures from a browser to `mien.Live`."""

    def __init__(self, analyzer: Analyzer, source: str) -> None:
        """Start without tracks.

        Args:
            analyzer: An open detector and model; several sessions may share it.
            source: Display name of the camera in results.
        """
        self.source: Final = source
        self._live = Live(analyzer=analyzer, source=source, detect_every_s=0)

    def analyze(self, picture: bytes, *, time_s: float, frame: int) -> LiveFrame:
        """Read one picture.

        Args:
            picture: An encoded picture from a browser's canvas.
            time_s: Time of the picture, in seconds from the session's beginning; a time that is not
                after the previous picture's is moved just after it.
            frame: Frame number of the camera, from 0, including dropped frames.

        Returns:
            The frame, its faces with tracks and smoothed probabilities.

        Raises:
            ImageError: The picture cannot be decoded.
        """
        return self._live.read(read_image(picture), time_s, number=frame)
