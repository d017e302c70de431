"""Read requests from TCP connections, and close idle ones that only occupy resources.

uvicorn's own protocol waits indefinitely for the head of a request and for clients that do not
read: a few hundred such connections would exhaust the file descriptors of the process.
"""

import asyncio
from http import HTTPStatus
from typing import cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from mien.serving.limits import Limits
from mien.serving.problems import Problem


class Connection(H11Protocol):
    """One connection, with timeouts for sending a head and for reading a response."""

    limits = Limits()
    _head_timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept a connection unless the limit is reached."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.max_connections:
            self._refuse(
                Problem("busy", "too many open connections; try again soon", retry_after_s=2)
            )
            return
        self._time_head()

    def data_received(self, data: bytes) -> None:
        """Receive data; the head must be complete in time, however many bytes arrive."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE or self.transport.is_closing():
            self._stop_head_timer()
        elif self._head_timer is None:
            self._time_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timeouts."""
        self._stop_head_timer()
        self._stop_write_timer()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Start the timeout for a client that does not read its response."""
        super().pause_writing()
        self._stop_write_timer()
        self._write_timer = self.loop.call_later(self.limits.write_s, self.transport.abort)

    def resume_writing(self) -> None:
        """Cancel that timeout."""
        self._stop_write_timer()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Respond to data that is not HTTP."""
        self._refuse(Problem("malformed", "not valid HTTP/1.1, or a head of more than 64 KiB"))

    def _time_head(self) -> None:
        self._head_timer = self.loop.call_later(self.limits.head_s, self._give_up)

    def _give_up(self) -> None:
        self._refuse(Problem("too-slow", f"the head took more than {self.limits.head_s:g} seconds"))

    def _refuse(self, problem: Problem) -> None:
        """Respond without the application, if there was no response yet, and close."""
        self._stop_head_timer()
        if self.transport.is_closing():
            return

        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE, h11.ERROR}:
            body = problem.to_json()
            lines = [
                f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}",
                "Content-Type: application/problem+json",
                f"Content-Length: {len(body)}",
                "Connection: close",
            ]
            if problem.retry_after_s is not None:
                lines.append(f"Retry-After: {problem.retry_after_s}")

            self.transport.write("\r\n".join([*lines, "", ""]).encode() + body)
        self.transport.close()

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None


def limit_connections(limits: Limits) -> type[asyncio.Protocol]:
    """Create the class of connections with a service's limits."""
    return cast(type[asyncio.Protocol], type("Connection", (Connection,), {"limits": limits}))
