"""A service on a free port of this machine, with its client, for tests."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx

import mien
from mien.serving.app import create_app
from mien.serving.guard import Access
from mien.serving.limits import Limits
from mien.serving.page import Page
from mien.serving.server import listen, make_server
from mien.serving.service import Service


class Client(httpx.Client):
    """A client that knows its service from within."""

    service: Service
    port: int


@contextmanager
def serving(
    analyzer: mien.Analyzer | Sequence[mien.Analyzer],
    limits: Limits,
    access: Access | None = None,
    *,
    page: Page | None = None,
    working: bool = True,
    redis_url: str | None = None,
) -> Iterator[Client]:
    """Serve until the block ends; where it is not `working`, no worker ever takes anything on."""
    app = create_app(analyzer, limits, access, page=page, redis_url=redis_url)
    server = make_server(app, limits)
    if not working:
        server.config.lifespan = "off"
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        with Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            client.service, client.port = app.state.service, port
            while working and not client.service.is_ready:
                time.sleep(0.01)
            yield client
    finally:
        server.should_exit = True
        thread.join()
