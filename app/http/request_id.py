"""Request ids. A client can use the id of a request to refer to its line in the server's log."""

import re

from app.http.response import Header
from app.ids import new_id_text

_is_valid = re.compile(rb"[A-Za-z0-9._-]{1,64}").fullmatch


def request_id_of(headers: list[Header]) -> bytes:
    """Return the value of the first X-Request-Id header if it is valid, else a new id."""
    for name, value in headers:
        if name == b"x-request-id" and _is_valid(value):
            return value
        if name == b"x-request-id":
            break
    return new_id_text().encode()
