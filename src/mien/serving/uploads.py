"""Read the uploads of a request into memory, with limits on size and time.

Nothing is written to disk, and the names of uploads are ignored.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from mien.serving.json_body import JSON_TYPE
from mien.serving.metrics import Metrics
from mien.serving.problems import Problem

_FORM = "multipart/form-data"
_A = {"image": "an image", "video": "a video"}
_UNSAID = ("", "application/octet-stream", "application/x-www-form-urlencoded")
"""Media types without information; the last is curl's default."""


class UploadMemory:
    """Counts the bytes of all uploads in memory, with a limit; thread-safe."""

    def __init__(self, most: int, metrics: Metrics) -> None:
        self._most = most
        self._held = 0
        self._lock = threading.Lock()
        self._gauge = metrics.upload_bytes

    def hold(self, count: int) -> None:
        """Reserve bytes.

        Raises:
            Problem: The limit would be exceeded.
        """
        with self._lock:
            if self._held + count > self._most:
                raise Problem(
                    "busy",
                    "the memory for uploads is full; try again soon",
                    retry_after_s=2,
                )
            self._held += count
            self._gauge.set(self._held)

    def release(self, count: int) -> None:
        """Release bytes."""
        with self._lock:
            self._held -= count
            self._gauge.set(self._held)


class Upload:
    """The body of one request while it is read; its bytes are reserved until it is released."""

    def __init__(self, request: Request, memory: UploadMemory, *, most: int) -> None:
        self._request = request
        self._memory = memory
        self._most = most
        self.held = 0
        said = request.headers.get("content-length", "")
        self._check_size(int(said) if said.isdecimal() and len(said) < 20 else 0)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body in chunks.

        Raises:
            Problem: It is too large, or there is no memory for it.
            ClientDisconnect: The client has disconnected.
        """
        async for chunk in self._request.stream():
            self._check_size(self.held + len(chunk))
            self._memory.hold(len(chunk))
            self.held += len(chunk)
            yield chunk

    def _check_size(self, size: int) -> None:
        if size > self._most:
            raise Problem(
                "too-large", f"the upload has more than {_in_mib(self._most)}; send less at once"
            )


@contextmanager
def receiving(request: Request, memory: UploadMemory, *, most: int) -> Iterator[Upload]:
    """Keep a request's upload in memory while it is processed.

    Args:
        request: The request.
        memory: The counter of all uploads.
        most: Maximum size in bytes.

    Raises:
        Problem: Its Content-Length is too large.
    """
    upload = Upload(request, memory, most=most)
    try:
        yield upload
    finally:
        memory.release(upload.held)


def check_type(request: Request, family: str) -> str:
    """Return the media type of a request's body, if it is accepted.

    Args:
        request: The request.
        family: "image" or "video".

    Returns:
        The type, lower case, without its parameters.

    Raises:
        Problem: The media type is not accepted.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_json = family == "image" and media_type == JSON_TYPE
    if media_type in (*_UNSAID, _FORM) or media_type.startswith(f"{family}/") or is_json:
        return media_type
    raise Problem(
        "unknown-type",
        f"the body's type is {media_type[:80]!r}; send {family}/*, application/octet-stream or "
        f"{_FORM}{f', or {JSON_TYPE} with base64' if family == 'image' else ''}",
    )


async def read_files(
    request: Request, upload: Upload, *, family: str, most: int, max_files: int, seconds: float
) -> list[bytearray]:
    """Read the files of a request, whose body is one file or a form of several.

    Args:
        request: The request.
        upload: Its body.
        family: "image" or "video".
        most: Maximum size of one file, in bytes.
        max_files: Maximum number of files.
        seconds: Timeout for the body, in seconds.

    Returns:
        The files, at least one.

    Raises:
        Problem: The request is invalid.
        ClientDisconnect: The client has disconnected.
    """
    is_form = check_type(request, family) == _FORM
    try:
        async with asyncio.timeout(seconds):
            if is_form:
                form = _Form(request.headers["content-type"], most=most, max_files=max_files)
                async for chunk in upload.chunks():
                    form.write(chunk)
                return form.finish()

            body = bytearray()
            async for chunk in upload.chunks():
                body += chunk

    except TimeoutError:
        raise Problem(
            "too-slow", f"the upload took more than {seconds:g} seconds; send it again"
        ) from None

    if len(body) > most:
        raise _too_large(most)
    if not body:
        raise Problem("unreadable", f"the body is empty; send {_A[family]}")
    return [body]


class _Form:
    """Parses a form into its files, in order."""

    def __init__(self, content_type: str, *, most: int, max_files: int) -> None:
        _, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if not boundary:
            raise Problem("malformed", "the form's Content-Type has no boundary")

        self._most = most
        self._max_files = max_files
        self._files: list[bytearray] = []
        self._ended = False

        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_part_data": self._add,
                    "on_end": self._end,
                },
            )
        except FormParserError as error:
            raise Problem("malformed", "the form's boundary is invalid") from error

    def write(self, chunk: bytes) -> None:
        """Parse a chunk."""
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise Problem("malformed", "the form is malformed; build it with a library") from error

    def finish(self) -> list[bytearray]:
        """Return the files, once the form is complete."""
        if not self._ended:
            raise Problem("malformed", "the form ends before its last boundary")
        if not self._files:
            raise Problem("unreadable", "the form has no file; send one or more")
        return self._files

    def _begin(self) -> None:
        if len(self._files) == self._max_files:
            raise Problem(
                "too-large", f"the form has more than {self._max_files} parts; send fewer at once"
            )
        self._files.append(bytearray())

    def _add(self, data: bytes, start: int, end: int) -> None:
        if len(self._files[-1]) + end - start > self._most:
            raise _too_large(self._most)
        self._files[-1] += data[start:end]

    def _end(self) -> None:
        self._ended = True


def _too_large(most: int) -> Problem:
    return Problem("too-large", f"a file has more than {_in_mib(most)}; reduce its size first")


def _in_mib(count: int) -> str:
    return f"{count / 2**20:g} MiB" if count >= 2**20 else f"{count:,} bytes"
