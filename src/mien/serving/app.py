"""Define the web application: its routes and responses."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib import metadata
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse
from starlette.routing import Match, Route

from mien.analyzer import Analyzer
from mien.serving import docs_page, schemas
from mien.serving.guard import Access, Guard
from mien.serving.json_body import JSON_TYPE
from mien.serving.limits import Limits
from mien.serving.page import PAGE, Page
from mien.serving.problems import Problem
from mien.serving.service import Service

_TITLE: Final = "mien"
_ABOUT: Final = (
    "Reads apparent facial expression from pictures and videos: the expression as people would "
    "label it, not what a person feels. Uploads are not stored."
)
_IMAGES: Final = ("jpeg", "png", "webp", "avif", "tiff", "gif", "bmp")
_VIDEOS: Final = ("mp4", "webm", "quicktime", "x-matroska")


def create_app(
    analyzer: Analyzer | Sequence[Analyzer],
    limits: Limits | None = None,
    access: Access | None = None,
    *,
    page: Page | None = None,
    redis_url: str | None = None,
) -> FastAPI:
    """Create the application.

    Args:
        analyzer: One analyzer per model, opened with `threads=1`, since the service's own threads
            use the cores. The first is the default.
        limits: Limits of the service.
        access: Who may use the service.
        page: The web page served at `/`.
        redis_url: Address of the Redis for the video jobs of several replicas; None keeps jobs in
            this process.
    """
    held = list(analyzer) if isinstance(analyzer, Sequence) else [analyzer]
    service = Service(held, Limits() if limits is None else limits, redis_url)

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
    _add_model(app, service)
    _add_operation(app, service)
    _add_pages(app, Page(PAGE) if page is None else page, access.frames)
    return app


async def _show_problem(_: Request, problem: Exception) -> Response:
    if not isinstance(problem, Problem):
        raise problem
    return problem.to_response()


async def _show_http_problem(request: Request, error: Exception) -> Response:
    """Convert the framework's own errors to problem documents."""
    if not isinstance(error, HTTPException):
        raise error
    kinds = {404: "not-found", 405: "wrong-method"}
    details = {
        404: "not found; see /docs",
        405: f"{request.method[:20]} is not allowed on this path; see /docs",
    }
    kind = kinds.get(error.status_code, "malformed")
    detail = details.get(error.status_code, "the request is invalid; see /docs")
    return Problem(kind, detail, headers=error.headers).to_response()


def _add_analysis(app: FastAPI, service: Service) -> None:
    """Add the routes for pictures and videos."""

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
        """Send a picture as the body, a form with one or more files, or JSON with base64.

        A picture without faces has an empty result. Among several, unreadable ones have an
        `error` instead of a result; if none is readable, the response is a problem. Settings
        are query parameters or members of the JSON, such as `min_score`; an unknown one is an
        error.
        """
        return await service.analyze(request)

    @app.post(
        "/v1/analyze/video",
        tags=["analyze"],
        status_code=202,
        summary="Read the faces in a video, as a job",
        responses={
            202: {
                **schemas.answer("The accepted job", "Job"),
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
        """Send a video as the body or as a form's only file; the response is a job to poll.

        Settings are query parameters, such as `every_s=1`; an unknown one is an error.
        """
        return await service.analyze_video(request)


def _add_jobs(app: FastAPI, service: Service) -> None:
    """Add the routes about jobs."""

    @app.get(
        "/v1/jobs/{job_id}",
        tags=["jobs"],
        summary="Report a job's progress",
        responses={
            200: schemas.answer("The job", "Job"),
            **schemas.problems("not-found", "unreadable", "missing-extra"),
        },
    )
    async def get_job(job_id: str) -> Response:
        """Finished jobs are kept in memory for a limited time."""
        job = await asyncio.to_thread(service.need_jobs().find, job_id)
        return JSONResponse(job.to_dict())

    @app.get(
        "/v1/jobs/{job_id}/result",
        tags=["jobs"],
        summary="Return a job's result",
        responses={
            200: schemas.answer("The result of `mien analyze` for a video", "VideoResult"),
            **schemas.problems(
                "not-found", "not-done", "too-large", "unknown-type", "unreadable", "missing-extra"
            ),
        },
    )
    async def get_result(job_id: str) -> Response:
        """Every analysed frame, tracks and events; a failed job responds with its problem."""
        job = await asyncio.to_thread(service.need_jobs().find, job_id)
        if job.problem is not None:
            raise job.problem
        if job.result is None:
            raise Problem("not-done", f"the job is {job.state}; ask again later", retry_after_s=1)
        return Response(job.result, media_type=JSON_TYPE)

    @app.delete(
        "/v1/jobs/{job_id}",
        tags=["jobs"],
        status_code=204,
        summary="Cancel a job, or delete its result",
        responses={
            204: {"description": "Deleted"},
            **schemas.problems("not-found", "unreadable", "missing-extra"),
        },
    )
    async def delete_job(job_id: str) -> Response:
        """The work ends at the next frame."""
        await asyncio.to_thread(service.need_jobs().delete, job_id)
        return Response(status_code=204)


def _add_model(app: FastAPI, service: Service) -> None:
    """Add the route that describes the model."""

    @app.get(
        "/v1/model",
        tags=["model"],
        summary="Return the model's contract",
        responses={200: schemas.answer("The contract", "Model"), **schemas.problems()},
    )
    async def get_model(model: str | None = None) -> Response:
        """Class names, temperature, threshold, metrics, and training metadata.

        If the service has several models, choose one with `model`; the default is the first.
        """
        return JSONResponse(service.analyzers.find(model).recognizer.spec.to_dict())


def _add_operation(app: FastAPI, service: Service) -> None:
    """Add the routes for operators."""

    @app.get(
        "/healthz",
        tags=["operation"],
        summary="Check that the process is alive",
        response_class=PlainTextResponse,
        responses=schemas.problems(),
    )
    async def healthz() -> Response:
        """Responds as soon as connections are accepted."""
        return PlainTextResponse("ok\n")

    @app.get(
        "/readyz",
        tags=["operation"],
        summary="Check that the service is ready",
        response_class=PlainTextResponse,
        responses=schemas.problems("starting"),
    )
    async def readyz() -> Response:
        """503 until the networks are warmed up, and once the service is stopping."""
        if not service.is_ready:
            raise Problem(
                "starting", "the models are still loading; try again soon", retry_after_s=1
            )
        return PlainTextResponse("ready\n")

    @app.get(
        "/metrics",
        tags=["operation"],
        summary="Return counts and times for Prometheus",
        response_class=PlainTextResponse,
        responses=schemas.problems(),
    )
    async def get_metrics() -> Response:
        """They contain no information about faces."""
        if service.jobs is not None:
            await asyncio.to_thread(service.jobs.measure)
        return Response(
            service.metrics.to_text(), media_type="text/plain; version=0.0.4; charset=utf-8"
        )


def _add_pages(app: FastAPI, page: Page, frames: Sequence[str]) -> None:
    """Add the OpenAPI, its page, and the web page."""

    def openapi() -> dict[str, Any]:
        if not app.openapi_schema:
            described = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
            )
            # Added afterwards, since FastAPI would omit every null in them.
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
        methods = _list_methods(app, request)
        if methods:
            raise HTTPException(405, headers={"Allow": ", ".join(methods)})
        return page.answer(request, name, frames=frames)


def _list_methods(app: FastAPI, request: Request) -> list[str]:
    """List the methods of the route at a request's path, if it supports only other methods.

    The page's own route takes every GET, so the router never detects that only the method is wrong.
    """
    methods: set[str] = set()
    for route in app.routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is Match.PARTIAL:
            methods |= route.methods or set()
    return sorted(methods)
