"""This module turns an analyzer into a web application: its routes, and what they answer."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager, suppress
from importlib import metadata
from typing import Any, Final, TypeVar

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse

from mien.analyzer import Analyzer
from mien.errors import MienError, MissingExtraError
from mien.images import HEAD_BYTES, describe_content, is_video
from mien.results import Failure, ImageResult
from mien.serving import docs_page, schemas
from mien.serving.guard import Access, Guard
from mien.serving.jobs import Jobs
from mien.serving.limits import Limits
from mien.serving.metrics import Metrics
from mien.serving.page import PAGE, Page
from mien.serving.problems import Problem
from mien.serving.uploads import UploadMemory, check_type, read_files, receiving
from mien.serving.videos import open_video_reader
from mien.serving.workers import Workers

T = TypeVar("T")

_TITLE: Final = "mien"
_ABOUT: Final = (
    "Reads apparent facial expression from pictures and videos: the expression as people would "
    "label it, not what a person feels. Nothing that is sent is stored."
)
_IMAGES: Final = ("jpeg", "png", "webp", "avif", "tiff", "gif", "bmp")
_VIDEOS: Final = ("mp4", "webm", "quicktime", "x-matroska")
_JSON: Final = "application/json"


class Service:
    """What the routes share: workers, jobs, memory and figures."""

    def __init__(self, analyzer: Analyzer, limits: Limits) -> None:
        """Put everything together; nothing runs before `start`."""
        self.analyzer = analyzer
        self.limits = limits
        self.metrics = Metrics()
        self.memory = UploadMemory(limits.max_upload_memory_bytes, self.metrics)
        self.workers = Workers(analyzer, limits, self.metrics)
        self.jobs: Jobs | None = None
        self.no_videos: MissingExtraError | None = None
        try:
            reader = open_video_reader(analyzer, limits)
            self.jobs = Jobs(reader, limits, self.metrics, self.memory.release)
        except MissingExtraError as error:
            self.no_videos = error

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
        """Say whether a request would be answered at full speed."""
        return self.workers.is_ready

    def need_jobs(self) -> Jobs:
        """Give the jobs.

        Raises:
            Problem: Videos cannot be read by this installation.
        """
        if self.jobs is None:
            raise Problem("missing-extra", str(self.no_videos))
        return self.jobs

    async def analyze(self, request: Request) -> Response:
        """Read the pictures of one request."""
        limits = self.limits
        self.workers.refuse_if_full()  # before the upload is read
        is_form = check_type(request, "image") == "multipart/form-data"
        most = limits.max_request_bytes if is_form else limits.max_image_bytes
        with receiving(request, self.memory, most=most) as upload:
            pictures = await read_files(
                request,
                upload,
                family="image",
                most=limits.max_image_bytes,
                max_files=limits.max_images,
                seconds=limits.upload_s,
            )
            answers = [asyncio.wrap_future(a) for a in self.workers.submit(pictures)]
            try:
                async with asyncio.timeout(limits.answer_s):
                    gathered = asyncio.gather(*answers, return_exceptions=True)
                    outcomes = await _unless_gone(request, gathered)
            except TimeoutError:
                raise Problem(
                    "no-answer",
                    f"the answer took more than {limits.answer_s:g} seconds; try again",
                    retry_after_s=5,
                ) from None
            finally:
                for answer in answers:
                    answer.cancel()
        return _answer_form(outcomes) if is_form else _answer_one(outcomes[0])

    async def analyze_video(self, request: Request) -> Response:
        """Take on the video of one request as a job."""
        jobs = self.need_jobs()
        limits = self.limits
        jobs.refuse_if_full()  # before the upload is read
        check_type(request, "video")
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
                raise Problem(
                    "unknown-type", f"the upload is no video that is read here: it {what}"
                )
            job = jobs.submit(video)
            upload.held -= len(video)  # the job lets go of it
        location = f"/v1/jobs/{job.id}"
        return JSONResponse(job.to_dict(), 202, {"Location": location})


async def _unless_gone(request: Request, answer: Awaitable[T]) -> T:
    """Wait for an answer as long as the client does.

    Raises:
        ClientDisconnect: The client has left; the answer is cancelled.
    """
    waiting = asyncio.ensure_future(answer)
    gone = asyncio.ensure_future(_wait_until_gone(request))
    try:
        await asyncio.wait({waiting, gone}, return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            return waiting.result()
        raise ClientDisconnect
    finally:
        waiting.cancel()
        gone.cancel()
        with suppress(asyncio.CancelledError):
            await gone


async def _wait_until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _answer_one(outcome: ImageResult | BaseException) -> Response:
    """Answer with one result, or why there is none."""
    if isinstance(outcome, ImageResult):
        return Response(outcome.to_json(), media_type=_JSON)
    if isinstance(outcome, MienError):
        raise Problem.of(outcome)
    raise outcome


def _answer_form(outcomes: Sequence[ImageResult | BaseException]) -> Response:
    """Answer with a result or a failure for each file; one bad file spoils no other."""
    records = [_to_record(outcome) for outcome in outcomes]
    body = f'{{"results": [{", ".join(record.to_json() for record in records)}]}}'
    errors = [outcome for outcome in outcomes if isinstance(outcome, MienError)]
    if len(errors) == len(outcomes):
        raise Problem.of(errors[0], more=json.loads(body))
    return Response(body, media_type=_JSON)


def _to_record(outcome: ImageResult | BaseException) -> ImageResult | Failure:
    if isinstance(outcome, ImageResult):
        return outcome
    if isinstance(outcome, MienError):
        return Failure("<bytes>", outcome.kind, str(outcome))
    raise outcome


def create_app(
    analyzer: Analyzer,
    limits: Limits | None = None,
    access: Access | None = None,
    *,
    page: Page | None = None,
) -> FastAPI:
    """Make the application.

    Args:
        analyzer: Opened with `threads=1`: the service's own threads fill the cores.
        limits: What it takes on.
        access: Who may ask.
        page: The web page that is served at `/`.
    """
    service = Service(analyzer, Limits() if limits is None else limits)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        yield
        await asyncio.to_thread(service.stop)

    app = FastAPI(
        title=_TITLE,
        description=_ABOUT,
        version=metadata.version("mien"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.service = service
    access = Access() if access is None else access
    if access.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=access.origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["Location", "Retry-After"],
        )
    app.add_middleware(Guard, access=access, metrics=service.metrics)
    app.add_exception_handler(Problem, _show_problem)
    app.add_exception_handler(HTTPException, _show_http_problem)
    _add_analysis(app, service)
    _add_jobs(app, service)
    _add_operation(app, service)
    _add_pages(app, Page(PAGE) if page is None else page)
    return app


async def _show_problem(_: Request, problem: Exception) -> Response:
    if not isinstance(problem, Problem):
        raise problem
    return problem.to_response()


async def _show_http_problem(request: Request, error: Exception) -> Response:
    """Turn what the framework refuses by itself into a problem document."""
    if not isinstance(error, HTTPException):
        raise error
    kinds = {404: "not-found", 405: "wrong-method"}
    details = {
        404: "there is nothing under this path; see /docs",
        405: f"{request.method[:20]} does nothing under this path; see /docs",
    }
    kind = kinds.get(error.status_code, "malformed")
    detail = details.get(error.status_code, "the request cannot be used; see /docs")
    return Problem(kind, detail, headers=error.headers).to_response()


def _add_analysis(app: FastAPI, service: Service) -> None:
    """Add the routes that read pictures and videos."""

    @app.post(
        "/v1/analyze",
        tags=["analyze"],
        summary="Read the faces in one picture, or in several",
        responses={
            200: schemas.answer(
                "The result; for a form, the results of its files in order",
                "ImageResult",
                "Results",
            ),
            **schemas.problems(
                "too-slow", "too-large", "unknown-type", "unreadable", "queue-full", "no-answer"
            ),
        },
        openapi_extra=schemas.upload("image", _IMAGES, many=True),
    )
    async def analyze(request: Request) -> Response:
        """Send a picture as the body, or a form with one or more; any field names will do.

        A picture without faces is an empty result. Of a form's files, those that cannot be read
        have an `error` in place of a result; where none can be read, the answer is a problem.
        """
        return await service.analyze(request)

    @app.post(
        "/v1/analyze/video",
        tags=["analyze"],
        status_code=202,
        summary="Read the faces in a video, as a job",
        responses={
            202: {
                **schemas.answer("The job that was taken on", "Job"),
                "headers": {"Location": {"description": "The job.", "schema": {"type": "string"}}},
            },
            **schemas.problems(
                "too-slow",
                "too-large",
                "unknown-type",
                "unreadable",
                "queue-full",
                "missing-extra",
            ),
        },
        openapi_extra=schemas.upload("video", _VIDEOS, many=False),
    )
    async def analyze_video(request: Request) -> Response:
        """Send a video as the body, or as a form's only file; then ask for the job it becomes."""
        return await service.analyze_video(request)


def _add_jobs(app: FastAPI, service: Service) -> None:
    """Add the routes about jobs."""

    @app.get(
        "/v1/jobs/{job_id}",
        tags=["jobs"],
        summary="Say how far a job is",
        responses={
            200: schemas.answer("The job", "Job"),
            **schemas.problems("not-found", "unreadable", "missing-extra"),
        },
    )
    async def get_job(job_id: str) -> Response:
        """A job that is over is kept for a while, in memory, and then forgotten."""
        return JSONResponse(service.need_jobs().find(job_id).to_dict())

    @app.get(
        "/v1/jobs/{job_id}/result",
        tags=["jobs"],
        summary="Give a job's result",
        responses={
            200: schemas.answer("What `mien analyze` gives for a video", "VideoResult"),
            **schemas.problems(
                "not-found", "not-done", "too-large", "unknown-type", "unreadable", "missing-extra"
            ),
        },
    )
    async def get_result(job_id: str) -> Response:
        """Every analysed frame, tracks and events; a job that failed answers with its problem."""
        job = service.need_jobs().find(job_id)
        if job.problem is not None:
            raise job.problem
        if job.result is None:
            raise Problem("not-done", f"the job is {job.state}; ask again later", retry_after_s=1)
        return Response(job.result, media_type=_JSON)

    @app.delete(
        "/v1/jobs/{job_id}",
        tags=["jobs"],
        status_code=204,
        summary="Cancel a job, or forget its result",
        responses={
            204: {"description": "It is gone"},
            **schemas.problems("not-found", "unreadable", "missing-extra"),
        },
    )
    async def delete_job(job_id: str) -> Response:
        """The work ends at the next frame."""
        service.need_jobs().delete(job_id)
        return Response(status_code=204)


def _add_operation(app: FastAPI, service: Service) -> None:
    """Add the routes for those who run the service."""
    contract = service.analyzer.recognizer.spec.to_dict()

    @app.get(
        "/v1/model",
        tags=["model"],
        summary="Give the model's contract",
        responses={200: schemas.answer("The contract", "Model"), **schemas.problems()},
    )
    async def get_model() -> Response:
        """Class names, temperature, threshold, measured figures, and how it was trained."""
        return JSONResponse(contract)

    @app.get(
        "/healthz",
        tags=["operation"],
        summary="Say that the process is alive",
        response_class=PlainTextResponse,
        responses=schemas.problems(),
    )
    async def healthz() -> Response:
        """Answers as soon as connections are taken."""
        return PlainTextResponse("ok\n")

    @app.get(
        "/readyz",
        tags=["operation"],
        summary="Say that requests are answered at full speed",
        response_class=PlainTextResponse,
        responses=schemas.problems("starting"),
    )
    async def readyz() -> Response:
        """503 until the networks are warm, and once the service is asked to stop."""
        if not service.is_ready:
            raise Problem("starting", "the networks are being warmed up", retry_after_s=1)
        return PlainTextResponse("ready\n")

    @app.get(
        "/metrics",
        tags=["operation"],
        summary="Give counts and times for Prometheus",
        response_class=PlainTextResponse,
        responses=schemas.problems(),
    )
    async def get_metrics() -> Response:
        """Nothing in them says anything about a face."""
        return Response(
            service.metrics.to_text(), media_type="text/plain; version=0.0.4; charset=utf-8"
        )


def _add_pages(app: FastAPI, page: Page) -> None:
    """Add the OpenAPI, its page, and the web page."""

    def openapi() -> dict[str, Any]:
        if not app.openapi_schema:
            described = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
            )
            # Put in afterwards: FastAPI would leave out every null in them.
            described["components"] = {"schemas": schemas.SCHEMAS, "examples": schemas.EXAMPLES}
            app.openapi_schema = described
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]

    @app.get("/openapi.json", include_in_schema=False)
    async def get_openapi_json() -> Response:
        return JSONResponse(openapi())

    @app.get("/docs", include_in_schema=False)
    async def get_docs() -> Response:
        text = docs_page.write_docs_page(openapi())
        return HTMLResponse(text, headers={"Content-Security-Policy": docs_page.CSP})

    @app.api_route("/{name:path}", methods=["GET", "HEAD"], include_in_schema=False)
    async def get_page(request: Request, name: str) -> Response:
        return page.answer(request, name)
