"""Turn an analyzer into a web application: its routes, and what they answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import metadata
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse

from mien.analyzer import Analyzer
from mien.serving import docs_page, schemas
from mien.serving.guard import Access, Guard
from mien.serving.limits import Limits
from mien.serving.page import PAGE, Page
from mien.serving.problems import Problem
from mien.serving.service import JSON_TYPE, Service

_TITLE: Final = "mien"
_ABOUT: Final = (
    "Reads apparent facial expression from pictures and videos: the expression as people would "
    "label it, not what a person feels. Nothing that is sent is stored."
)
_IMAGES: Final = ("jpeg", "png", "webp", "avif", "tiff", "gif", "bmp")
_VIDEOS: Final = ("mp4", "webm", "quicktime", "x-matroska")


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
        return Response(job.result, media_type=JSON_TYPE)

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
