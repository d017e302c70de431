"""Count requests and times for Prometheus.

No information about a face is recorded: no emotion, no position, no name of an upload.
"""

from functools import partial

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_FACES = (0, 1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """The metrics of one service."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        gauge = partial(Gauge, registry=self._registry)

        self.requests = Counter(
            "mien_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self.seconds = Histogram(
            "mien_request_seconds",
            "Seconds from a request's head to the end of its response.",
            ("route",),
            buckets=_SECONDS,
            registry=self._registry,
        )

        self.waiting = gauge("mien_pictures_waiting", "Pictures that are queued or being read.")
        self.batch_faces = Histogram(
            "mien_batch_faces",
            "Faces read in one pass through the model.",
            buckets=_FACES,
            registry=self._registry,
        )

        self.jobs = gauge(
            "mien_video_jobs", "Videos that are queued, being read, or whose result is kept."
        )
        self.jobs_waiting = gauge(
            "mien_video_jobs_waiting",
            "Videos that are queued and not being read; with --jobs, those of all replicas.",
        )
        self.upload_bytes = gauge("mien_upload_bytes", "Bytes of uploads held in memory.")

    def to_text(self) -> bytes:
        """Return the metrics in Prometheus's text format."""
        return generate_latest(self._registry)
