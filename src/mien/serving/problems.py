"""Describe an invalid or failed request as a problem document (RFC 9457)."""

import json
from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from mien.errors import ImageTooLargeError, MienError, UnknownFormatError

MEDIA_TYPE: Final = "application/problem+json"

KINDS: Final[Mapping[str, tuple[int, str]]] = {
    "malformed": (400, "Malformed request"),
    "bad-setting": (400, "Invalid setting"),
    "no-token": (401, "Token required"),
    "wrong-origin": (403, "Origin not allowed"),
    "not-found": (404, "Not found"),
    "wrong-method": (405, "Method not allowed"),
    "too-slow": (408, "Request timeout"),
    "not-done": (409, "Job not finished"),
    "too-large": (413, "Upload too large"),
    "unknown-type": (415, "Unsupported file type"),
    "wrong-host": (421, "Host not allowed"),
    "unreadable": (422, "Unreadable upload"),
    "queue-full": (429, "Queue full"),
    "failed": (500, "Internal error"),
    "missing-extra": (501, "Optional feature not installed"),
    "busy": (503, "Service busy"),
    "starting": (503, "Service starting"),
    "no-answer": (503, "Answer timeout"),
}
"""HTTP status and title of every kind of problem."""


class Problem(Exception):  # noqa: N818 - the standard calls it a problem
    """An error that is returned as a problem document.

    Attributes:
        kind: One of `KINDS`.
        status: HTTP status.
        detail: One sentence: what happened, what was expected, what to do.
        retry_after_s: When to retry, in whole seconds; None if that does not help.
    """

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        retry_after_s: int | None = None,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        """Create the problem.

        Args:
            kind: One of `KINDS`.
            detail: One sentence for the client.
            retry_after_s: Value of the header Retry-After.
            headers: Further headers.
            more: Further members of the document.
        """
        super().__init__(detail)
        self.kind = kind
        self.status, self.title = KINDS[kind]
        self.detail = detail
        self.retry_after_s = retry_after_s
        self._headers = dict(headers or {})
        self._more = dict(more or {})

    @classmethod
    def of(cls, error: MienError, *, more: Mapping[str, Any] | None = None) -> "Problem":
        """Describe an upload that could not be read."""
        if isinstance(error, ImageTooLargeError):
            kind = "too-large"
        elif isinstance(error, UnknownFormatError):
            kind = "unknown-type"
        else:
            kind = "unreadable"
        return cls(kind, str(error).replace("<bytes>", "the upload", 1), more=more)

    def to_dict(self) -> dict[str, Any]:
        """Return the document as JSON types."""
        return {
            "type": f"/docs#{self.kind}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **self._more,
        }

    def to_json(self) -> bytes:
        """Return the document as JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False).encode()

    def to_response(self) -> Response:
        """Return the document as a response."""
        headers = dict(self._headers)
        if self.retry_after_s is not None:
            headers["Retry-After"] = str(self.retry_after_s)
        return Response(self.to_json(), self.status, headers, MEDIA_TYPE)
