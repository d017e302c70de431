"""`mien serve`: run the HTTP service."""

import os
import re
import sys
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Group, Parameter

from mien.analyzer import Analyzer
from mien.devices import DeviceName
from mien.errors import ConfigError, importing_extra
from mien.serving.limits import Limits
from mien.words import open_language

TOKEN_VARIABLE: Final = "MIEN_TOKEN"  # noqa: S105 - the variable's name
_LIMITS = Group("Limits", sort_key=2)


def serve(
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    model: tuple[str, ...] = ("accurate",),
    device: DeviceName = "cpu",
    jobs: Annotated[str | None, Parameter(env_var="MIEN_JOBS", show_env_var=False)] = None,
    token_file: Path | None = None,
    allow_host: Annotated[tuple[str, ...], Parameter(show_default=False)] = (),
    allow_origin: Annotated[tuple[str, ...], Parameter(show_default=False)] = (),
    allow_frame: Annotated[tuple[str, ...], Parameter(show_default=False)] = (),
    lang: str | None = None,
    limits: Annotated[Limits, Parameter(name="*", group=_LIMITS)] = Limits(),  # noqa: B008
) -> None:
    """Run the HTTP service and the web page.

    ```console
    $ mien serve
    $ curl --data-binary @photo.jpg http://127.0.0.1:8000/v1/analyze
    $ mien serve --host 0.0.0.0 --port 80 --token-file token.txt
    ```

    Responses are the JSON of `mien analyze --json`. Only this machine can connect, unless you set
    --host. To require a token, set --token-file or the environment variable MIEN_TOKEN. Uploads
    are not stored. See docs/serve.md.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        model: `accurate`, `fast`, `fer2013`, or the path of an .onnx file with its .json; may be
            repeated. A request can name any of them; the first is the default.
        device: Device of the networks, one of those in `mien devices`; `auto` uses the best.
        jobs: Keep video jobs in this Redis, such as redis://host:6379/0, so that several replicas
            share them; also read from MIEN_JOBS. By default, they are kept in this process.
        token_file: A file that contains only the token.
        allow_host: A host name of the service, as in its URL; may be repeated. By default, the
            names of this machine if only it can connect, otherwise any.
        allow_origin: An origin, such as https://example.org, whose pages may use the service; may
            be repeated.
        allow_frame: An origin, such as https://example.org, whose pages may show the web page in a
            frame; may be repeated. By default, none may.
        lang: Language in which the web page opens, until a visitor chooses another: en, de, fr, es,
            it, pt, nl, ru, ar, he, ja or zh. By default, that of the browser.
        limits: What the service accepts.
    """
    with importing_extra("serve", "mien serve"):
        from mien.serving.app import create_app
        from mien.serving.guard import LOOPBACK, Access
        from mien.serving.page import Page
        from mien.serving.server import listen, run

    access = Access(
        hosts=_name_hosts(host, allow_host, LOOPBACK),
        origins=_check_origins("--allow-origin", allow_origin),
        frames=_check_origins("--allow-frame", allow_frame),
        token=_read_token(token_file),
    )
    if lang is not None:
        open_language(lang)  # refused before the models are opened
    analyzers = [Analyzer(name, threads=1, device=device) for name in model]
    app = create_app(analyzers, limits, access, page=Page(lang=lang), redis_url=jobs)
    listener = listen(host, port)
    name = f"[{host}]" if ":" in host else host
    where = f"http://{name}:{listener.getsockname()[1]}"
    names = ", ".join(analyzer.recognizer.spec.name for analyzer in analyzers)
    print(f"mien: serving {names} on {where}", file=sys.stderr, flush=True)
    if host not in LOOPBACK and access.token is None:
        print(
            "mien: other machines can connect, and no token is required; see docs/serve.md",
            file=sys.stderr,
        )
    run(app, listener, limits)


def _name_hosts(host: str, allowed: tuple[str, ...], loopback: tuple[str, ...]) -> tuple[str, ...]:
    """Return the allowed host names; empty if any is allowed."""
    if host not in loopback and not allowed:
        return ()
    return (*loopback, host.lower(), *(name.lower() for name in allowed))


def _check_origins(option: str, origins: tuple[str, ...]) -> tuple[str, ...]:
    """Check origins: they go into headers, so they may contain nothing else."""
    for origin in origins:
        if not re.fullmatch(r"https?://[\w.-]+(:\d+)?|https?://\[[\da-fA-F:.]+\](:\d+)?", origin):
            raise ConfigError(f"{option} must be like https://example.org, got {origin!r}")
    return origins


def _read_token(path: Path | None) -> str | None:
    """Read the token from a file or the environment; other users can see command lines."""
    if path is None:
        token = os.environ.get(TOKEN_VARIABLE)
        where = TOKEN_VARIABLE
    else:
        try:
            token = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"--token-file {path} cannot be read: {error}") from error
        where = str(path)
    if token is None:
        return None
    if not token.strip():
        raise ConfigError(f"the token in {where} is empty; set one, or remove the setting")
    return token.strip()
