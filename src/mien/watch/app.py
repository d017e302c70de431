"""Local server of the live view in the browser.

It serves one page and reads the pictures that the page sends. It accepts connections from this
machine only; a random token in every address and checks of Host and Origin keep out other sites
and other users of the browser.
"""

import hmac
import math
import socket
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any, Final, TypeAlias

import uvicorn
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from mien.analyzer import Analyzer
from mien.errors import MienError
from mien.model.spec import ModelSpec
from mien.serving.page import Page
from mien.serving.problems import Problem
from mien.watch.recording import Recording
from mien.watch.session import LiveSession

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
"""An ASGI application, see https://asgi.readthedocs.io."""

HOST: Final = "127.0.0.1"
MAX_PICTURE_BYTES: Final = 4 * 2**20
MAX_SESSIONS: Final = 16
"""Maximum number of tabs; the one that has been silent longest is dropped first."""

_HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}


class _Sessions:
    """The open tabs, each with at most one picture being read."""

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer
        self._open: OrderedDict[str, tuple[LiveSession, threading.Lock]] = OrderedDict()
        self._opened = 0
        self._lock = threading.Lock()

    def get(self, name: str) -> tuple[LiveSession, threading.Lock]:
        """Return a tab's session, creating it if needed."""
        with self._lock:
            if name not in self._open:
                self._opened += 1
                source = "camera" if self._opened == 1 else f"camera-{self._opened}"
                session = LiveSession(self._analyzer, source)
                self._open[name] = session, threading.Lock()
                while len(self._open) > MAX_SESSIONS:
                    self._open.popitem(last=False)
            self._open.move_to_end(name)
            return self._open[name]


def make_app(
    analyzer: Analyzer,
    *,
    port: int,
    token: str,
    recording: Recording | None = None,
    page: Page | None = None,
) -> ASGIApp:
    """Create the server's application.

    Args:
        analyzer: An open detector and model.
        port: Port on 127.0.0.1 where it is served.
        token: Prefix of every address.
        recording: Where to record frames on the page's request; None disables recording.
        page: The built page; None takes the installed one.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    sessions = _Sessions(analyzer)
    page = Page(index="watch.html") if page is None else page

    @app.get("/settings")
    async def settings() -> dict[str, Any]:
        return _describe(analyzer.recognizer.spec, recording)

    @app.post("/frames")
    async def frames(
        request: Request, session: str, time_s: float, frame: int, record: bool = False
    ) -> Response:
        if not 1 <= len(session) <= 64 or not math.isfinite(time_s) or frame < 0:
            return _refuse(422, "session, time_s or frame is missing or invalid")

        picture = await _read_body(request)
        if picture is None:
            return _refuse(413, f"the picture is larger than {MAX_PICTURE_BYTES // 2**20} MiB")

        live, busy = sessions.get(session)
        if not busy.acquire(blocking=False):
            return _refuse(429, "the previous picture is still being read; this one was dropped")
        try:
            result = await run_in_threadpool(live.analyze, picture, time_s=time_s, frame=frame)
            if record and recording is not None:
                await run_in_threadpool(recording.write, result)
        except MienError as error:
            return _refuse(422, str(error), error.kind)
        finally:
            busy.release()
        return JSONResponse(result.to_dict())

    @app.get("/{name:path}")
    async def get_page(request: Request, name: str) -> Response:
        try:
            return page.answer(request, name)
        except Problem:
            return _refuse(404, "not found")

    return _Guard(app, port=port, token=token)


def _describe(model: ModelSpec, recording: Recording | None) -> dict[str, Any]:
    """Describe to the page the model that reads its pictures, and the recording."""
    return {
        "name": model.name,
        "class_names": list(model.class_names),
        "abstention_threshold": model.abstention_threshold,
        "labels": model.labels,
        "recording": None if recording is None else str(recording.path),
    }


def run(app: ASGIApp, listener: socket.socket) -> None:
    """Serve until Ctrl-C.

    Args:
        app: From `make_app`.
        listener: A listening socket on `HOST`.
    """
    config = uvicorn.Config(
        app, log_level="error", lifespan="off", ws="none", timeout_graceful_shutdown=2
    )
    with suppress(KeyboardInterrupt):  # uvicorn has shut down cleanly and re-raises the Ctrl-C
        uvicorn.Server(config).run(sockets=[listener])


class _Guard:
    """Reject requests that do not come from this run's page, and add headers to every response."""

    def __init__(self, app: ASGIApp, *, port: int, token: str) -> None:
        self._app = app
        self._host = f"{HOST}:{port}".encode()
        self._origin = f"http://{HOST}:{port}".encode()
        self._prefix = f"/{token}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
                ours = {name for name, _ in added}
                others = [head for head in message.get("headers", []) if head[0] not in ours]
                message["headers"] = [*others, *added]
            await send(message)

        refusal = self._find_fault(scope)
        if refusal is not None:
            await refusal(scope, receive, send_with_headers)
            return
        inner = {**scope, "path": scope["path"].removeprefix(self._prefix), "raw_path": None}
        await self._app(inner, receive, send_with_headers)

    def _find_fault(self, scope: Scope) -> Response | None:
        """Return why a request is rejected, or None."""
        headers = scope["headers"]
        hosts = [value for name, value in headers if name == b"host"]
        origins = [value for name, value in headers if name == b"origin"]
        is_read = scope["method"] in {"GET", "HEAD"}
        if hosts != [self._host] or any(origin != self._origin for origin in origins):
            return _refuse(403, "this page is for the browser on this machine only")
        if not is_read and not origins:
            return _refuse(403, "only the page itself may send pictures")

        start, end = scope["path"][: len(self._prefix)], scope["path"][len(self._prefix) :]
        known = hmac.compare_digest(start.encode(), self._prefix.encode())
        if not known or not end.startswith("/"):
            return _refuse(404, "not an address of this run; open the one that mien watch printed")
        return None


async def _read_body(request: Request) -> bytes | None:
    """Read the request body; None if it is too long."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_PICTURE_BYTES:
            return None
    return bytes(body)


def _refuse(status: int, message: str, kind: str = "request") -> Response:
    return JSONResponse({"error": {"kind": kind, "message": message}}, status)
