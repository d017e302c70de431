"""`mien watch`: show the camera live in the browser."""

import secrets
import webbrowser
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from mien.analyzer import Analyzer
from mien.devices import DeviceName
from mien.errors import ConfigError, importing_extra
from mien.model.recognizer import ASSETS
from mien.results.display import count
from mien.words import open_language

PORT: Final = 8435


def watch(
    *,
    model: str | None = None,
    device: DeviceName = "cpu",
    record: Path | None = None,
    port: int = PORT,
    lang: str | None = None,
    no_browser: bool = False,
) -> int:
    """Watch the camera live, in the browser.

    ```console
    $ mien watch
    $ mien watch --record session.csv
    $ mien watch --port 0 --no-browser
    ```

    Opens a page that only this machine can reach. It shows the camera with a box around every
    face, its apparent expression, and a timeline of the last minute. Pictures never leave this
    machine, and nothing is stored without `--record`. If analysis is slower than the camera,
    frames are dropped, never delayed. Stop with Ctrl-C.

    Args:
        model: `accurate`, `fast`, `fer2013`, or the path of an .onnx file with its .json; by
            default `fast`, if it is installed.
        device: Device of the networks, one of those in `mien devices`; `auto` uses the best.
        record: Write every analysed frame to this file: .jsonl (one object per frame) or .csv (one
            row per face). An existing file is never overwritten.
        port: Port of the page on 127.0.0.1; 0 takes a free one.
        lang: Language of the page: en, de, fr, es, it, pt, nl, ru, ar, he, ja or zh; by default,
            that of the browser, or the one chosen on the page before.
        no_browser: Print the address of the page, but do not open a browser.
    """
    with importing_extra("serve", "mien watch"):
        from mien.serving.page import Page
        from mien.serving.server import listen
        from mien.watch.app import HOST, make_app, run

    if lang is not None:
        open_language(lang)  # refused before the model is opened
    chosen = model or ("fast" if (ASSETS / "fast.onnx").is_file() else "accurate")
    with ExitStack() as stack:
        listener = stack.enter_context(listen(HOST, port))
        page = Page(index="watch.html")
        if not page.is_built:
            raise ConfigError(
                "the page of the live view is not part of this installation; "
                "build it with `make web` in a clone of mien (needs Node.js), or install a wheel"
            )
        analyzer = Analyzer(chosen, device=device)
        recording = None
        if record is not None:
            from mien.watch.recording import Recording

            recording = stack.enter_context(Recording(record, analyzer.recognizer.emotions))
        port, token = listener.getsockname()[1], secrets.token_urlsafe(16)
        address = f"http://{HOST}:{port}/{token}/" + (f"?lang={lang}" if lang else "")
        _tell(address, chosen, record)
        if not no_browser:
            webbrowser.open(address)  # the socket is already listening
        app = make_app(analyzer, port=port, token=token, recording=recording, page=page)
        run(app, listener)
    kept = "" if recording is None else f"; {count(recording.frames, 'frame')} recorded in {record}"
    raise KeyboardInterrupt(f"stopped{kept}")


def _tell(address: str, model: str, record: Path | None) -> None:
    """Print the address of the page, and what is stored."""
    console = Console(highlight=False, stderr=True)
    console.print(Text(f"live view: {address}"), soft_wrap=True)
    kept = "nothing is stored" if record is None else f"frames are recorded in {record}"
    console.print(Text(f"model {model}; {kept}; stop with Ctrl-C", style="dim"), soft_wrap=True)
