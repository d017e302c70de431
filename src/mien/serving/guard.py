"""Protect a web application that is exposed to a network.

As the outermost layer, it checks the Host header (against DNS rebinding), the Origin header
(against pages of other sites) and the token, adds security headers, turns every failure into a
problem document, counts requests, and lets a client that is rejected during an upload read the
response.
"""

import asyncio
import hashlib
import hmac
import logging
import time
from collections.abc import MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mien.serving.metrics import Metrics
from mien.serving.problems import Problem

_LOG = logging.getLogger("mien.serving")

SECURITY_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")

_GUARDED = ("/v1/", "/metrics")
"""Paths that require the token, if there is one."""
_LINGER_S = 2.0
_LINGER_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Access:
    """Who may use the service.

    Attributes:
        hosts: Host names of the service, without port; empty allows any.
        origins: Origins such as "https://example.org" whose pages may use the service, in addition
            to its own.
        frames: Origins whose pages may show the service's web page in a frame; by default none.
        token: The bearer token that clients must send; None if none is required.
    """

    hosts: tuple[str, ...] = LOOPBACK
    origins: tuple[str, ...] = ()
    frames: tuple[str, ...] = ()
    token: str | None = None

    def check(self, scope: Scope) -> None:
        """Check a request's head.

        Raises:
            Problem: The request is for another host, or its client is not allowed.
        """
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self.hosts and _name(host) not in self.hosts:
            raise Problem(
                "wrong-host",
                f"this service is not called {host[:100]!r}; "
                "its operator can allow the name with --allow-host",
            )

        # Browsers state the requesting page; other programs do not, and need not.
        origin = headers.get("origin")
        if origin is not None and origin not in self.origins and not _is_own(origin, host):
            raise Problem(
                "wrong-origin",
                f"pages of {origin[:100]!r} may not use this service; "
                "its operator can allow them with --allow-origin",
            )

        # A preflight has no token: browsers omit it.
        is_preflight = scope["method"] == "OPTIONS"
        if self.token is not None and scope["path"].startswith(_GUARDED) and not is_preflight:
            scheme, _, given = headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not _are_same(given.strip(), self.token):
                raise Problem(
                    "no-token",
                    "send the header Authorization: Bearer TOKEN",
                    headers={"WWW-Authenticate": "Bearer"},
                )


class Guard:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, access: Access, metrics: Metrics) -> None:
        self._app = app
        self._access = access
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request; lifespan events pass unchanged."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        exchange = _Exchange(scope, receive, send)
        try:
            await self._answer(scope, exchange)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.requests.labels(method, route, str(exchange.status)).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - began)

    async def _answer(self, scope: Scope, exchange: "_Exchange") -> None:
        try:
            self._access.check(scope)
            await self._app(scope, exchange.receive, exchange.send)
        except ClientDisconnect:
            return
        except Problem as problem:
            if not exchange.status:
                await problem.to_response()(scope, exchange.receive, exchange.send)
        except Exception:
            # A traceback contains code but no values, so nothing of an upload is logged.
            _LOG.exception("a request failed: %s %s", scope["method"], scope["path"])
            if exchange.status:
                raise
            failure = Problem("failed", "the error is in the server's log; try again later")
            await failure.to_response()(scope, exchange.receive, exchange.send)


_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class _Exchange:
    """One request and its response."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        headers = Headers(scope=scope)
        self._has_more = "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
        self._is_held_back = headers.get("expect", "").lower() == "100-continue"
        self._must_linger = False
        self.status = 0

    async def receive(self) -> Message:
        """Pass on a message, and record whether more will follow."""
        self._is_held_back = False
        message = await self._receive()
        self._has_more = message["type"] == "http.request" and message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Pass on a response with the headers of every response."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": list(message.get("headers", ()))}
            self._complete(message)
        is_last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if not (is_last and self._must_linger):
            await self._send(message)
            return
        # Let the client read the whole response before the connection is closed: if it were closed
        # at once, many clients would report a broken connection instead of the response.
        await self._send({**message, "more_body": True})
        await self._drain()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    def _complete(self, start: MutableMapping[str, Any]) -> None:
        headers = MutableHeaders(scope=start)
        for name, value in SECURITY_HEADERS.items():
            headers.setdefault(name, value)
        if "frame-ancestors 'none'" not in headers["Content-Security-Policy"]:
            del headers["X-Frame-Options"]  # it cannot name origins, unlike the policy
        headers.setdefault("Cache-Control", "no-store")
        if self._has_more:
            headers["Connection"] = "close"
            self._must_linger = not self._is_held_back

    async def _drain(self) -> None:
        """Read and drop the rest of an upload, within bounds."""
        dropped = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_S):
                while self._has_more and dropped < _LINGER_BYTES:
                    message = await self.receive()
                    dropped += len(message.get("body", b""))


def _name(host: str) -> str:
    """Return the name in a Host header, without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_own(origin: str, host: str) -> bool:
    """Return whether a page is the service's own; a proxy may have changed the scheme."""
    try:
        return bool(host) and urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False


def _are_same(given: str, wanted: str) -> bool:
    """Compare in constant time, regardless of length."""
    digests = (hashlib.sha256(text.encode("utf-8", "replace")).digest() for text in (given, wanted))
    return hmac.compare_digest(*digests)
