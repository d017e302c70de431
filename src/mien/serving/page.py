"""Serve the built web page with media types, caching and compressed files.

The page's files are listed once, at start; a request's path is only looked up in that list, so it
cannot lead outside. If a file has a compressed version (.br, .gz), it is sent to clients that
accept it. The scripts and onnxruntime's WASM only exist as .br to keep the wheel small; for other
clients they are decompressed once.
"""

import functools
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import brotli
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from mien.model.recognizer import ASSETS
from mien.serving.problems import Problem

PAGE: Final = Path(__file__).parent / "page"
"""Output folder of the build of `web/`; it does not exist in a fresh clone."""

CSP: Final = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; "
    "connect-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob: "
    "mediastream:; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors "
)
"""The page may run only its own scripts and WASM, and connect only to this service. The allowed
frame ancestors are appended."""

_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".gif": "image/gif",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".onnx": "application/octet-stream",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
_CODINGS: Final = {"br": ".br", "gzip": ".gz"}
_MODEL: Final = re.compile(r"assets/(\w+)-[A-Za-z0-9_-]{8,}\.onnx")
"""A model referenced by the page's build; it is served from mien's assets."""
_HAS_HASH = re.compile(r"-[A-Za-z0-9_-]{8,}\.\w+$")

_NOT_BUILT: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>mien</title>
<meta name="viewport" content="width=device-width">
<h1>mien is running</h1>
<p>The web page is not part of this installation. To build it, run <code>make web</code> in a clone
of mien.</p>
<p>The HTTP service is available: <a href="/docs">list of endpoints</a>.</p>
</html>
"""


@dataclass(frozen=True)
class _File:
    """One file of the page and its compressed versions; it may only exist as .br."""

    path: Path
    media_type: str
    etag: str
    codings: tuple[str, ...]

    def read(self) -> bytes:
        """Return its content, uncompressed."""
        return self.path.read_bytes() if self.path.is_file() else _decompress(self.path)


class Page:
    """The page's files, by path below `/`."""

    def __init__(
        self, folder: Path = PAGE, *, index: str = "index.html", lang: str | None = None
    ) -> None:
        """Find the files.

        Args:
            folder: The output folder of the build; if it does not exist, a short page explains
                this.
            index: The file that is served at `/`.
            lang: The language in which the page opens, until a visitor chooses another; by
                default, that of the browser. One of `mien.words.LANGUAGES`.
        """
        self._index: bytes | None = None
        self.is_built = (folder / index).is_file()
        self._files: dict[str, _File] = {}
        for path in sorted(folder.rglob("*")) if self.is_built else []:
            if path.is_file() and path.suffix != _CODINGS["gzip"]:
                whole = path.with_suffix("") if path.suffix == _CODINGS["br"] else path
                self._files[whole.relative_to(folder).as_posix()] = _describe(whole)
        self._models: dict[str, _File] = {}
        if self.is_built:
            self._files[""] = self._files[index]
            if lang is not None:
                self._index = _mark_language(self._files[""].read(), lang)
            self._models = {path.stem: _describe(path) for path in sorted(ASSETS.glob("*.onnx"))}

    def answer(self, request: Request, name: str, *, frames: Sequence[str] = ()) -> Response:
        """Return one file as a response.

        Args:
            request: The request, with accepted encodings and cached version.
            name: The file's path below `/`.
            frames: Origins whose pages may show the page in a frame.

        Raises:
            Problem: There is no such file.
        """
        if not self.is_built and not name:
            return HTMLResponse(_NOT_BUILT)
        file = self._find(name)
        if file is None:
            raise Problem("not-found", "not found; see /docs")

        marked = self._index if file == self._files.get("") else None
        accepted = request.headers.get("accept-encoding", "")
        codings = file.codings if marked is None else ()
        coding = next((coding for coding in codings if _accepts(accepted, coding)), None)
        etag = f'"{file.etag}-{coding}"' if coding else f'"{file.etag}"'
        if marked is not None:
            etag = f'"{hashlib.sha256(marked).hexdigest()[:32]}"'

        is_fixed = _HAS_HASH.search(name) is not None
        headers = {
            "Cache-Control": "public, max-age=31536000, immutable" if is_fixed else "no-cache",
            "Content-Security-Policy": CSP + (" ".join(frames) or "'none'"),
            "ETag": etag,
            "Vary": "Accept-Encoding",
        }

        if etag in re.split(r"\s*,\s*", request.headers.get("if-none-match", "")):
            return Response(status_code=304, headers=headers)
        if marked is not None or (coding is None and not file.path.is_file()):
            return Response(marked or file.read(), headers=headers, media_type=file.media_type)
        if coding is None:
            return FileResponse(file.path, headers=headers, media_type=file.media_type)

        compressed = file.path.with_name(file.path.name + _CODINGS[coding])
        headers["Content-Encoding"] = coding
        return FileResponse(compressed, headers=headers, media_type=file.media_type)

    def _find(self, name: str) -> _File | None:
        """Return a file of the page, or a model that it references."""
        model = _MODEL.fullmatch(name)
        if name in self._files or model is None:
            return self._files.get(name)
        return self._models.get(model[1])


def _mark_language(page: bytes, lang: str) -> bytes:
    """Write the host's language into the page, where its script finds it (`data-lang`)."""
    return page.replace(b"<html ", f'<html data-lang="{lang}" '.encode(), 1)


def _describe(path: Path) -> _File:
    """Describe a file by its path without the extension of its encoding."""
    packed = {
        coding: path.with_name(path.name + suffix)
        for coding, suffix in _CODINGS.items()
        if path.with_name(path.name + suffix).is_file()
    }
    source = path if path.is_file() else packed["br"]
    return _File(
        path=path,
        media_type=_TYPES.get(path.suffix.lower(), "application/octet-stream"),
        etag=hashlib.sha256(source.read_bytes()).hexdigest()[:32],
        codings=tuple(packed),
    )


@functools.cache
def _decompress(path: Path) -> bytes:
    """Return a file that only exists as .br."""
    content: bytes = brotli.decompress(path.with_name(path.name + _CODINGS["br"]).read_bytes())
    return content


def _accepts(header: str, coding: str) -> bool:
    """Return whether an Accept-Encoding header accepts an encoding."""
    for item in header.lower().split(","):
        name, _, parameters = item.partition(";")
        if name.strip() == coding:
            return not re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", parameters)
    return False
