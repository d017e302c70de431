"""`mien watch`: show the camera live in the browser."""

import secrets
import socket
import webbrowser
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from mien.analyzer import Analyzer
from mien.errors import ConfigError, require_extra
from mien.model.recognizer import ASSETS

PORT: Final = 8435


def watch(
    *,
    model: str | None = None,
    record: Path | None = None,
    port: int = PORT,
    no_browser: bool = False,
) -> int:
    """Watch the camera live, in the browser.

    ```console
    $ mien watch
    $ mien watch --record session.csv
    $ mien watch --port 0 --no-browser
    ```

    Opens a page that this machine serves to itself alone. It shows the camera with a box around
    every face, its apparent expression, and the last minute of it. Pictures never leave
    this machine, and nothing is kept without `--record`. If analysis is slower than the camera,
    frames are dropped, never delayed. Ctrl-C ends it.

    Args:
        model: `accurate`, `fast`, `fer2013`, or the path of an .onnx file with its .json beside
            it; by default `fast`, where it is installed.
        record: Write every frame that was read to this file: .jsonl (an object a frame) or .csv
            (a row a face). A file that is there already is never written over.
        port: Where the page is served on 127.0.0.1; 0 takes any that is free.
        no_browser: Print the page's address and open no browser.
    """
    run, make_app = _import_server()
    chosen = model or ("fast" if (ASSETS / "fast.onnx").is_file() else "accurate")
    with ExitStack() as stack:
        listener = stack.enter_context(_listen(port))
        analyzer = Analyzer(chosen)
        recording = None
        if record is not None:
            from mien.watch.recording import Recording

            recording = stack.enter_context(Recording(record, analyzer.recognizer.emotions))
        port, token = listener.getsockname()[1], secrets.token_urlsafe(16)
        address = f"http://127.0.0.1:{port}/{token}/"
        _tell(address, chosen, record)
        if not no_browser:
            webbrowser.open(address)  # the socket listens already: the browser waits a moment
        app = make_app(analyzer, port=port, token=token, recording=recording)
        run(app, listener)
    kept = "" if recording is None else f"; {recording.frames:,} frames recorded in {record}"
    raise KeyboardInterrupt(f"stopped{kept}")


def _import_server() -> tuple[Callable[..., None], Callable[..., object]]:
    """Import what `mien[serve]` brings, or say that it is missing."""
    try:
        import uvicorn

        from mien.watch.app import ASGIApp, make_app
    except ModuleNotFoundError as error:
        if (error.name or "mien").startswith("mien"):
            raise
        raise require_extra("serve", "mien watch", error.name or "") from error

    def run(app: ASGIApp, listener: socket.socket) -> None:
        config = uvicorn.Config(
            app, log_level="error", lifespan="off", ws="none", timeout_graceful_shutdown=2
        )
        try:
            uvicorn.Server(config).run(sockets=[listener])
        except KeyboardInterrupt:  # uvicorn has ended in order, and passes the Ctrl-C on
            return

    return run, make_app


def _listen(port: int) -> socket.socket:
    """Take a port of this machine, for this machine.

    Raises:
        ConfigError: It is no port, or another program has it.
    """
    if not 0 <= port <= 65535:
        raise ConfigError(f"--port must be 0 to 65535, got {port}")
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(64)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"port {port} cannot be used ({error.strerror or error}): "
            "choose another --port, or --port 0 for any that is free"
        ) from error
    return listener


def _tell(address: str, model: str, record: Path | None) -> None:
    """Print where the page is, and what is kept."""
    console = Console(highlight=False, stderr=True)
    console.print(Text(f"live view: {address}"), soft_wrap=True)
    kept = "nothing is kept" if record is None else f"frames are recorded in {record}"
    console.print(Text(f"model {model}; {kept}; Ctrl-C ends it", style="dim"), soft_wrap=True)
