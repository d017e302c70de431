"""Read files from object stores and the web, through fsspec.

Only what a user names is fetched: `s3://`, `gs://`, `az://`, `hf://` and the like, and
`http(s)://`. Credentials and endpoints are those of each store's own tools. A missing or forbidden
file is a failure of that file; rejected credentials and an unreachable store stop the run, which
can be resumed.
"""

import io
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any, BinaryIO, Final, TypeVar

from mien.batch.store_errors import is_about_credentials, is_connection, is_refusal, read_code
from mien.contents import MAX_STREAM_BYTES, PICTURE_ENDINGS, VIDEO_ENDINGS
from mien.errors import (
    ConfigError,
    ImageError,
    MissingExtraError,
    OutputError,
    SourceError,
    describe_error,
    is_program_fault,
    require_extra,
)
from mien.images import name_source

SCHEMES: Final = ("s3", "gs", "gcs", "az", "abfs", "abfss", "hf", "http", "https", "memory")
PACKAGES: Final = {
    "s3": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "hf": "huggingface_hub",
    "http": "aiohttp",
    "https": "aiohttp",
}
"""Packages that fsspec requires for each scheme."""
TRIES: Final = 3
"""Retries of a broken connection, in addition to those of a store's own library."""
MAX_LOST: Final = 8
"""Number of consecutive failed connections after which a run stops."""
_WAIT_S: Final = 0.5
_T = TypeVar("_T")


def is_remote(place: str) -> bool:
    """Return whether a path is a URL that is read through fsspec."""
    scheme, mark, _ = place.partition("://")
    return bool(mark) and scheme.lower() in SCHEMES


class Store:
    """One kind of store, such as S3; can be shared between threads."""

    def __init__(self, scheme: str) -> None:
        """Open the store without fetching anything.

        Raises:
            MissingExtraError: fsspec, or a package it requires for this scheme, is not installed.
        """
        try:
            import fsspec
        except ImportError as error:
            raise require_extra("cloud", f"{scheme}://", "fsspec") from error
        try:
            self._files: Any = fsspec.filesystem(scheme)
        except (ImportError, ValueError) as error:
            package = PACKAGES.get(scheme, scheme)
            raise MissingExtraError(
                f"{scheme}:// requires {package}, which is not installed: pip install {package}"
            ) from error
        self._is_web = scheme in {"http", "https"}
        self._lost = 0
        self._lock = threading.Lock()

    def read(self, url: str) -> bytes:
        """Read a whole file.

        Raises:
            ImageError: The file is missing, forbidden or too long; the message is a clause that
                follows its name.
            SourceError: The store cannot be reached, or rejects the credentials.
        """
        data = self._try(lambda: self._fetch(url), url)
        if len(data) > MAX_STREAM_BYTES:
            raise ImageError(
                f"is longer than {MAX_STREAM_BYTES // 2**20} MiB, too long to load into memory; "
                "download it first"
            )
        return data

    def _fetch(self, url: str) -> bytes:
        if self._is_web:  # a server may ignore a range
            with self._files.open(url, "rb") as file:
                return bytes(file.read(MAX_STREAM_BYTES + 1))
        try:
            return bytes(self._files.cat_file(url, start=0, end=MAX_STREAM_BYTES + 1))
        except OSError as error:
            if read_code(error) in {"InvalidRange", "416"}:  # an empty file has no first byte
                return b""
            raise

    def open(self, url: str) -> BinaryIO:
        """Open a seekable file, for an archive.

        Raises:
            ImageError: As for `read`.
            SourceError: As for `read`.
        """
        file: Any = self._try(lambda: self._files.open(url, "rb"), url)
        return io.BufferedReader(_Resumed(file, partial(self._try, url=url)), 2**20)

    def list(self, url: str) -> Iterator[str]:
        """Yield the URLs of a file, a folder or a pattern, in alphabetical order, folder by folder.

        A pattern yields the matching files, a folder the pictures and videos below it. A web URL is
        always a single file.

        Raises:
            SourceError: The store cannot be reached, or rejects the credentials.
        """
        if self._is_web:
            yield url
            return
        scheme = url.partition("://")[0]
        if any(sign in url for sign in "*?["):
            is_plain = not url.rpartition("/")[2].startswith(".")
            found = [
                path
                for path in self._try(lambda: self._files.glob(url), url)
                if not (is_plain and path.rpartition("/")[2].startswith("."))  # as in folders
            ]
        elif self._try(lambda: self._files.isdir(url), url):
            yield from self._walk(url)
            return
        else:
            found = [url]
        yield from (_with_scheme(scheme, path) for path in sorted(found))

    def write(self, url: str, data: bytes) -> None:
        """Write a file as a whole.

        Raises:
            OutputError: It cannot be written.
            SourceError: The store cannot be reached, or refuses the credentials.
        """
        if self._is_web:
            raise OutputError(f"{url} cannot be written: name a folder or an object store")
        try:
            self._try(lambda: self._files.pipe_file(url, data), url)
        except ImageError as error:
            raise OutputError(f"{url} cannot be written: it {error}") from error

    def names(self, folder: str) -> tuple[str, ...]:
        """Return the names of the files in a folder; none where there is no such folder.

        Raises:
            ImageError: The folder cannot be listed.
            SourceError: The store cannot be reached, or refuses the credentials.
        """
        self._files.invalidate_cache()
        if not self._try(lambda: self._files.exists(folder), folder):
            return ()
        listed = self._try(lambda: self._files.ls(folder, detail=True), folder)
        files = (str(entry["name"]) for entry in listed if entry["type"] == "file")
        return tuple(sorted(path.rpartition("/")[2] for path in files))

    def _walk(self, top: str) -> Iterator[str]:
        """Yield the pictures and videos below a folder; folders are listed lazily."""
        scheme = top.partition("://")[0]
        waiting = [top]
        while waiting:
            here = waiting.pop()
            listed = self._try(partial(self._files.ls, here, detail=True), here)
            self._files.invalidate_cache(here)  # do not keep millions of names
            folders = []
            for entry in sorted(listed, key=lambda entry: str(entry["name"])):
                path = str(entry["name"])
                name = path.rstrip("/").rpartition("/")[2]
                if name.startswith("."):
                    continue
                if entry["type"] == "directory":
                    folders.append(_with_scheme(scheme, path))
                elif f".{name.rpartition('.')[2].lower()}" in PICTURE_ENDINGS | VIDEO_ENDINGS:
                    yield _with_scheme(scheme, path)
            waiting.extend(reversed(folders))

    def _try(self, fetch: Callable[[], _T], url: str) -> _T:
        """Fetch something, with retries if the connection breaks.

        Raises:
            ImageError: This file is not available.
            SourceError: The store is not available.
        """
        for attempt in range(1, TRIES + 1):
            try:
                got = fetch()
            except Exception as error:  # each store's library has its own exceptions
                if is_program_fault(error):
                    raise
                # On the web, each URL may be on another host, with credentials of its own.
                if is_about_credentials(error) or (not self._is_web and is_refusal(error)):
                    raise SourceError(
                        f"{name_source(url)} was rejected ({describe_error(error)}); renew the "
                        "credentials and run the same command again"
                    ) from error
                if isinstance(error, FileNotFoundError):
                    raise ImageError("does not exist") from error
                if isinstance(error, PermissionError):
                    raise ImageError(f"is forbidden: {describe_error(error)}") from error
                if not is_connection(error) or attempt == TRIES:
                    raise self._give_up(url, error) from error
                time.sleep(_WAIT_S * attempt)
            else:
                self._lost = 0
                return got
        raise AssertionError  # the last attempt returned or raised

    def _give_up(self, url: str, error: Exception) -> ImageError | SourceError:
        """Return the error for a file that could not be fetched, or an unreachable store."""
        reason = describe_error(error)
        if not is_connection(error):
            return ImageError(f"cannot be fetched: {reason}")
        with self._lock:
            self._lost += 1
            if self._is_web and self._lost < MAX_LOST:  # another URL may have another host
                return ImageError(f"cannot be fetched: {reason}")
        return SourceError(
            f"the connection to {name_source(url)} was lost ({reason}); run the same command "
            "again when it is back"
        )


class _Resumed(io.RawIOBase):
    """A remote file that retries reads when a connection breaks."""

    def __init__(self, file: Any, retry: Callable[[Callable[[], Any]], Any]) -> None:  # noqa: ANN401
        self._file = file
        self._retry = retry

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return bool(self._file.seekable())

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer
        at = self._file.tell()

        def fetch() -> bytes:
            if self._file.tell() != at:
                self._file.seek(at)
            return bytes(self._file.read(len(buffer)))

        data: bytes = self._retry(fetch)
        buffer[: len(data)] = data
        return len(data)


@cache
def open_store(scheme: str) -> Store:
    """Return the store of a scheme, opened once.

    Raises:
        MissingExtraError: A required package is not installed.
    """
    return Store(scheme.lower())


def store_of(url: str) -> Store:
    """Return the store of a URL; see `open_store`."""
    return open_store(url.partition("://")[0].lower())


def open_list(url: str) -> BinaryIO:
    """Open a list of paths or URLs in a store.

    Raises:
        ConfigError: The list cannot be read.
        SourceError: The store cannot be reached, or rejects the credentials.
    """
    try:
        return store_of(url).open(url)
    except ImageError as error:
        raise ConfigError(f"the list {name_source(url)} {error}") from error


def _with_scheme(scheme: str, path: str) -> str:
    return path if "://" in path else f"{scheme}://{path.lstrip('/')}"
