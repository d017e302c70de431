"""Turn what is wrong with a request into a problem document (RFC 9457)."""

import json
from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from mien.errors import ImageTooLargeError, MienError, UnknownFormatError

MEDIA_TYPE: Final = "application/problem+json"

KINDS: Final[Mapping[str, tuple[int, str]]] = {
    "malformed": (400, "The request cannot be parsed"),
    "no-token": (401, "A token is needed"),
    "wrong-origin": (403, "A page of another origin may not ask"),
    "not-found": (404, "There is nothing here"),
    "wrong-method": (405, "This method does nothing here"),
    "too-slow": (408, "The request came too slowly"),
    "not-done": (409, "The job is not done"),
    "too-large": (413, "The upload is too large"),
    "unknown-type": (415, "This is no kind of file that is read here"),
    "wrong-host": (421, "This service has another name"),
    "unreadable": (422, "The upload cannot be read"),
    "queue-full": (429, "Too much is waiting"),
    "failed": (500, "The service failed"),
    "missing-extra": (501, "This part of mien is not installed"),
    "busy": (503, "The service has no room"),
    "starting": (503, "The service is starting"),
    "no-answer": (503, "The answer took too long"),
}
"""Every problem there is: its status and its title."""


class Problem(Exception):  # noqa: N818 - the standard calls it a problem
    """A request that gets no answer but a problem document.

    Attributes:
        kind: One of `KINDS`.
        status: The HTTP status.
        detail: What, got, wanted, next: a sentence.
        retry_after_s: When to try again, in whole seconds; None where that would not help.
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
        """Make a problem.

        Args:
            kind: One of `KINDS`.
            detail: The sentence.
            retry_after_s: For the header Retry-After.
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
        """Make the problem of an upload that could not be read."""
        if isinstance(error, ImageTooLargeError):
            kind = "too-large"
        elif isinstance(error, UnknownFormatError):
            kind = "unknown-type"
        else:
            kind = "unreadable"
        return cls(kind, str(error).replace("<bytes>", "the upload", 1), more=more)

    def to_dict(self) -> dict[str, Any]:
        """Give the document as plain JSON types."""
        return {
            "type": f"/docs#{self.kind}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **self._more,
        }

    def to_json(self) -> bytes:
        """Give the document as JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False).encode()

    def to_response(self) -> Response:
        """Give the document as a response."""
        headers = dict(self._headers)
        if self.retry_after_s is not None:
            headers["Retry-After"] = str(self.retry_after_s)
        return Response(self.to_json(), self.status, headers, MEDIA_TYPE)
