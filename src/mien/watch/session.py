"""Read the encoded pictures of one live camera, watched in one tab of a browser."""

from typing import Final

from mien.analyzer import Analyzer
from mien.images import read_image
from mien.watch.frame import LiveFrame
from mien.watch.live import Live


class LiveSession:
    """One camera: `mien.Live` behind pictures that a browser encoded."""

    def __init__(self, analyzer: Analyzer, source: str) -> None:
        """Begin to follow faces.

        Args:
            analyzer: Detector and model; several sessions may share it.
            source: What the records call the camera.
        """
        self.source: Final = source
        self._live = Live(analyzer=analyzer, source=source, detect_every_s=0)

    def analyze(self, picture: bytes, *, time_s: float, frame: int) -> LiveFrame:
        """Read one picture.

        Args:
            picture: An encoded picture, as a browser's canvas gives it.
            time_s: When it was taken, in seconds from the session's beginning; one that does
                not come after the picture before is moved there.
            frame: Its number among the camera's frames, from 0; dropped ones are counted too.

        Returns:
            The frame, its faces with tracks and smoothed probabilities.

        Raises:
            ImageError: It cannot be read as a picture.
        """
        return self._live.read(read_image(picture), time_s, number=frame)
