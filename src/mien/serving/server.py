"""Run an application on a socket until a signal stops it."""

import math
import signal
import socket
from types import FrameType

import uvicorn
from fastapi import FastAPI

from mien.errors import ConfigError, describe_error
from mien.serving.connections import limit_connections
from mien.serving.limits import Limits


def listen(host: str, port: int) -> socket.socket:
    """Open the socket that clients connect to.

    Args:
        host: An address or host name of this machine.
        port: Port number; 0 takes a free one.

    Raises:
        ConfigError: The address or port cannot be used.
    """
    if not 0 <= port <= 65535:
        raise ConfigError(f"--port must be 0 to 65535, got {port}")
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.create_server(address[:2], family=family, backlog=1024)
    except OSError as error:
        raise ConfigError(
            f"{host}:{port} cannot be used ({describe_error(error)}); "
            "choose another address or port; port 0 takes a free one"
        ) from error
    listener.set_inheritable(False)
    return listener


def make_server(app: FastAPI, limits: Limits) -> uvicorn.Server:
    """Create the server of an application.

    Args:
        app: The application.
        limits: Timeouts of connections.
    """
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=limit_connections(limits),
            ws="none",
            loop="asyncio",
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=math.ceil(limits.idle_s),
            timeout_graceful_shutdown=math.ceil(limits.drain_s),
        )
    )


def run(app: FastAPI, listener: socket.socket, limits: Limits) -> None:
    """Serve until a signal: finish pending requests, accept no new ones.

    Args:
        app: The application.
        listener: From `listen`.
        limits: Timeouts of connections.

    Raises:
        KeyboardInterrupt: The server was stopped with Ctrl-C.
    """

    def end(_: int, __: FrameType | None) -> None:
        """Ignore the signal that uvicorn raises again at the end, so that the exit code is 0."""

    previous = signal.signal(signal.SIGTERM, end)
    try:
        make_server(app, limits).run(sockets=[listener])
    finally:
        signal.signal(signal.SIGTERM, previous)
