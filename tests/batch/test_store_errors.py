"""Errors of stores are told apart by their codes and names, also where one causes another."""

import pytest

from mien.batch.store_errors import is_about_credentials, is_connection, is_refusal


class ExpiredToken(Exception):  # noqa: N818
    """Named like an exception of a store's library."""


class ServerDisconnectedError(Exception):
    """Named like one of aiohttp's."""


class AnsweredError(Exception):
    def __init__(self, response: object = None, code: object = None) -> None:
        super().__init__("no")
        self.response, self.code = response, code


class Response:
    status_code = 401


def caused_by(cause: Exception) -> Exception:
    error = PermissionError("denied")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "credentials", "refused", "connection"),
    [
        (ExpiredToken(), True, False, False),
        (AnsweredError({"Error": {"Code": "SignatureDoesNotMatch"}}), True, False, False),
        (AnsweredError({"Error": {"Code": "AccessDenied"}}), False, False, False),
        (AnsweredError(Response()), False, True, False),
        (AnsweredError(code="401"), False, True, False),
        (AnsweredError(code=403), False, False, False),
        (ServerDisconnectedError(), False, False, True),
        (TimeoutError(), False, False, True),
        (OSError("other"), False, False, False),
    ],
)
def test_an_error_is_the_same_alone_and_as_a_cause(error, credentials, refused, connection):
    for one in (error, caused_by(error)):
        assert is_about_credentials(one) == credentials
        assert is_refusal(one) == refused
        assert is_connection(one) == connection
