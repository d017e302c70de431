"""Classify the errors of object stores: rejected credentials, refusals, broken connections.

Each store's library has its own exceptions, none of which can be imported here.
"""

from collections.abc import Iterator
from typing import Final

_CREDENTIALS: Final = frozenset(
    {"ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch"}
    | {"RequestTimeTooSkewed", "NoCredentialsError", "PartialCredentialsError"}
    | {"TokenRetrievalError", "UnauthorizedSSOTokenError", "SSOTokenLoadError"}
    | {"RefreshError", "DefaultCredentialsError", "ClientAuthenticationError"}
)
"""Error codes and exceptions of rejected credentials, as opposed to a forbidden file."""


def is_about_credentials(error: Exception) -> bool:
    """Return whether a store rejects the credentials, as opposed to a single file."""
    names = {type(cause).__name__ for cause in _causes(error)}
    return read_code(error) in _CREDENTIALS or not names.isdisjoint(_CREDENTIALS)


def is_refusal(error: Exception) -> bool:
    """Return whether the answer was HTTP's 401, which stores without codes of their own give."""
    answers = [getattr(cause, "response", None) for cause in _causes(error)]
    return any(getattr(answer, "status_code", None) == 401 for answer in answers) or any(
        str(getattr(cause, "code", "")) == "401" for cause in _causes(error)
    )


def is_connection(error: Exception) -> bool:
    """Return whether a connection failed, so that a retry may succeed."""
    words = ("Timeout", "Connect", "Disconnect", "IncompleteRead", "Payload", "Throttl", "SlowDown")
    return any(
        isinstance(cause, ConnectionError | TimeoutError)
        or any(word in type(cause).__name__ for word in words)
        for cause in _causes(error)
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def read_code(error: BaseException) -> str:
    """Return the error code of a store's response, such as ExpiredToken; empty if there is none."""
    for cause in _causes(error):
        answer = getattr(cause, "response", None)
        if isinstance(answer, dict):
            return str(answer.get("Error", {}).get("Code", ""))
    return ""
