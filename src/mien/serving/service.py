"""Handle requests: check them, queue their uploads, and return the results."""

import asyncio
import json
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

from fastapi import Request, Response
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse

from mien.analyzer import Analyzer
from mien.contents import HEAD_BYTES, describe_content, is_video
from mien.errors import MienError, MissingExtraError
from mien.results import Failure, ImageResult
from mien.serving.analyzers import Analyzers
from mien.serving.jobs import Jobs, JobStore
from mien.serving.json_body import JSON_TYPE, read_json_body
from mien.serving.limits import Limits
from mien.serving.metrics import Metrics
from mien.serving.problems import Problem
from mien.serving.redis_jobs import RedisJobs
from mien.serving.settings import read_query, read_settings
from mien.serving.uploads import UploadMemory, check_type, read_files, receiving
from mien.serving.videos import open_video_reader
from mien.serving.workers import Answer, Workers
from mien.video.reading import VideoSettings

T = TypeVar("T")


class Service:
    """State shared by the routes: workers, jobs, memory and metrics."""

    def __init__(
        self, held: Sequence[Analyzer], limits: Limits, redis_url: str | None = None
    ) -> None:
        """Create all parts; nothing runs before `start`.

        Args:
            held: An analyzer for each model; the first is the default.
            limits: The limits of the service.
            redis_url: Address of the Redis for the jobs of several replicas; None keeps jobs in
                this process.

        Raises:
            ConfigError: Redis cannot be reached at this address.
            MissingExtraError: redis is not installed.
        """
        self.analyzers = Analyzers(held, max_detector_size=limits.max_detector_size)
        analyzer = self.analyzers.default
        self.limits = limits
        self.metrics = Metrics()
        self.memory = UploadMemory(limits.max_upload_memory_bytes, self.metrics)
        self.workers = Workers(self.analyzers, limits, self.metrics)

        # Without PyAV, the service still reads pictures.
        self.jobs: JobStore | None = None
        self.no_videos: MissingExtraError | None = None
        try:
            reader = open_video_reader(analyzer, limits)
        except MissingExtraError as error:
            self.no_videos = error
            return

        release = self.memory.release
        if redis_url is None:
            self.jobs = Jobs(reader, limits, self.metrics, release)
        else:
            how = (reader, self._understand, limits, self.metrics)
            self.jobs = RedisJobs(redis_url, *how, let_go=release)

    def _understand(self, asked: Mapping[str, object]) -> tuple[Analyzer, VideoSettings]:
        """Return the analyzer and the video settings for requested settings.

        Raises:
            Problem: A setting is unknown or out of range, or this replica lacks the model.
        """
        pictures, settings = read_settings(asked, family="video")
        return self.analyzers.get(pictures), settings

    def start(self) -> None:
        """Start the threads."""
        self.workers.start()
        if self.jobs is not None:
            self.jobs.start()

    def stop(self) -> None:
        """End the threads."""
        self.workers.stop()
        if self.jobs is not None:
            self.jobs.stop()

    @property
    def is_ready(self) -> bool:
        """Return whether the service is ready."""
        return self.workers.is_ready

    def need_jobs(self) -> JobStore:
        """Return the job store.

        Raises:
            Problem: This installation cannot read videos.
        """
        if self.jobs is None:
            raise Problem("missing-extra", str(self.no_videos))
        return self.jobs

    async def analyze(self, request: Request) -> Response:
        """Read the pictures of one request."""
        limits = self.limits
        self.workers.refuse_if_full()  # before the upload is read

        media_type = check_type(request, "image")
        is_json, is_list = media_type == JSON_TYPE, media_type == "multipart/form-data"
        values = read_query(request.query_params.multi_items())
        analyzer = self._choose(values)

        most = limits.max_request_bytes if is_json or is_list else limits.max_image_bytes
        with receiving(request, self.memory, most=most) as upload:
            pictures = await read_files(
                request,
                upload,
                family="image",
                most=most if is_json else limits.max_image_bytes,
                max_files=limits.max_images,
                seconds=limits.upload_s,
            )
            if is_json:
                body = await asyncio.to_thread(
                    read_json_body,
                    pictures[0],
                    most=limits.max_image_bytes,
                    max_images=limits.max_images,
                )
                pictures, is_list = body.pictures, body.is_list
                analyzer = self._choose({**values, **body.settings})
            outcomes = await self._wait(request, self.workers.submit(pictures, analyzer))
        return _answer_form(outcomes) if is_list else _answer_one(outcomes[0])

    async def _wait(
        self, request: Request, submitted: Iterable[Answer]
    ) -> list[ImageResult | BaseException]:
        """Wait for the results of one request, and cancel its work if nobody waits any more.

        Raises:
            Problem: The results take too long.
        """
        answers = [asyncio.wrap_future(answer) for answer in submitted]
        try:
            async with asyncio.timeout(self.limits.answer_s):
                gathered = asyncio.gather(*answers, return_exceptions=True)
                return await _unless_gone(request, gathered)
        except TimeoutError:
            raise Problem(
                "no-answer",
                f"the response took more than {self.limits.answer_s:g} seconds; try again",
                retry_after_s=5,
            ) from None
        finally:
            for answer in answers:
                answer.cancel()

    def _choose(self, values: Mapping[str, object]) -> Analyzer:
        """Return the analyzer for these settings.

        Raises:
            Problem: A setting is unknown or out of range.
        """
        pictures, _ = read_settings(values, family="image")
        return self.analyzers.get(pictures)

    async def analyze_video(self, request: Request) -> Response:
        """Create a job for the video of one request."""
        jobs = self.need_jobs()
        limits = self.limits
        await asyncio.to_thread(jobs.refuse_if_full)  # before the upload is read
        check_type(request, "video")
        values = read_query(request.query_params.multi_items())
        analyzer, settings = self._understand(values)
        with receiving(request, self.memory, most=limits.max_video_bytes) as upload:
            (video,) = await read_files(
                request,
                upload,
                family="video",
                most=limits.max_video_bytes,
                max_files=1,
                seconds=limits.video_upload_s,
            )
            if not is_video(video):
                what = describe_content(bytes(video[:HEAD_BYTES]))
                raise Problem("unknown-type", f"the upload is not a supported video: it {what}")
            job = await asyncio.to_thread(jobs.submit, video, analyzer, settings, values)
            upload.held -= len(video)  # the job releases it
        location = f"/v1/jobs/{job.id}"
        return JSONResponse(job.to_dict(), 202, {"Location": location})


async def _unless_gone(request: Request, answer: Awaitable[T]) -> T:
    """Wait for a result while the client is connected.

    Raises:
        ClientDisconnect: The client has disconnected; the result is cancelled.
    """
    waiting = asyncio.ensure_future(answer)
    gone = asyncio.ensure_future(_wait_until_gone(request))
    try:
        await asyncio.wait({waiting, gone}, return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            return waiting.result()
        raise ClientDisconnect
    finally:
        for task in (waiting, gone):
            task.cancel()
            with suppress(asyncio.CancelledError):  # asyncio reports what nobody has awaited
                await task


async def _wait_until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _answer_one(outcome: ImageResult | BaseException) -> Response:
    """Respond with one result, or with the problem."""
    if isinstance(outcome, ImageResult):
        return Response(outcome.to_json(), media_type=JSON_TYPE)
    if isinstance(outcome, MienError):
        raise Problem.of(outcome)
    raise outcome


def _answer_form(outcomes: Sequence[ImageResult | BaseException]) -> Response:
    """Respond with a result or a failure for each file."""
    records = [_to_record(outcome) for outcome in outcomes]
    body = f'{{"results": [{", ".join(record.to_json() for record in records)}]}}'
    errors = [outcome for outcome in outcomes if isinstance(outcome, MienError)]
    if len(errors) == len(outcomes):
        raise Problem.of(errors[0], more=json.loads(body))
    return Response(body, media_type=JSON_TYPE)


def _to_record(outcome: ImageResult | BaseException) -> ImageResult | Failure:
    if isinstance(outcome, ImageResult):
        return outcome
    if isinstance(outcome, MienError):
        return Failure.of("<bytes>", outcome)
    raise outcome
