"""Define the limits of a service, checked when they are set."""

import dataclasses
from dataclasses import dataclass

from mien.errors import ConfigError
from mien.sessions import default_threads

MIB = 2**20


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits on the size, the number and the duration of requests.

    Attributes:
        workers: Pictures decoded and searched in parallel, each on one core; 0 uses all available
            cores.
        max_waiting: Pictures that are queued or being read; above it, 429.
        batch_faces: Maximum number of faces in one batch.
        max_image_bytes: Bytes of one picture; above it, 413.
        max_pixels: Pixels of one picture; above it, 413.
        max_detector_size: Maximum `detector_size` of a request, in pixels; above it, 400.
        max_images: Pictures in one request; above it, 413.
        max_request_bytes: Bytes of all pictures in one request together; above it, 413.
        max_video_bytes: Bytes of one video; above it, 413.
        max_video_s: Seconds of one video, with at most 120 frames each on average; above it, the
            job fails.
        max_video_frames: Frames of one video that are analysed; above it, the job fails.
        max_jobs: Videos that are queued, being read, or whose result is kept; above it, 429.
        keep_job_s: Seconds that a finished job is kept in memory.
        max_upload_memory_bytes: Bytes of all uploads in memory; above it, 503.
        max_connections: Open connections; above it, 503.
        head_s: Seconds a client may take to send the head of a request; then 408.
        upload_s: Seconds a client may take to send pictures; then 408.
        video_upload_s: Seconds a client may take to send a video; then 408.
        answer_s: Seconds until pictures must be answered; then 503.
        write_s: Seconds a client may leave a response unread; then the connection is closed.
        idle_s: Seconds a connection is kept open between two requests.
        drain_s: Seconds for pending requests to finish when the service is stopped.
    """

    workers: int = 0
    max_waiting: int = 64
    batch_faces: int = 16
    max_image_bytes: int = 20 * MIB
    max_pixels: int = 50_000_000
    max_detector_size: int = 1280
    max_images: int = 16
    max_request_bytes: int = 64 * MIB
    max_video_bytes: int = 128 * MIB
    max_video_s: float = 600
    max_video_frames: int = 20_000
    max_jobs: int = 8
    keep_job_s: float = 600
    max_upload_memory_bytes: int = 512 * MIB
    max_connections: int = 256
    head_s: float = 10
    upload_s: float = 60
    video_upload_s: float = 300
    answer_s: float = 30
    write_s: float = 30
    idle_s: float = 30
    drain_s: float = 30

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            ConfigError: A limit is not positive, or two limits contradict each other.
        """
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            if not value > 0 and item.name != "workers":
                raise ConfigError(f"{_option(item.name)} must be above 0, got {value}")

        if not self.workers >= 0:
            raise ConfigError(f"--workers must be 1 or more, or 0 for all cores: {self.workers}")

        for small, large in (
            ("max_images", "max_waiting"),
            ("max_image_bytes", "max_request_bytes"),
            ("max_request_bytes", "max_upload_memory_bytes"),
            ("max_video_bytes", "max_upload_memory_bytes"),
        ):
            if getattr(self, small) > getattr(self, large):
                raise ConfigError(
                    f"{_option(small)} ({getattr(self, small)}) must not be above "
                    f"{_option(large)} ({getattr(self, large)}): such a request would never be "
                    "accepted"
                )

    @property
    def threads(self) -> int:
        """Return the number of workers."""
        return self.workers or default_threads()


def _option(name: str) -> str:
    """Return the command-line option of a field."""
    return f"--{name.replace('_', '-')}"
