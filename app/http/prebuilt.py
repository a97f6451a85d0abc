"""A refusal: a problem as the bytes of an answer, for those who answer before there is a request to speak of."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from app.http.cors import allowed
from app.http.response import ALWAYS, Header, problem_response
from app.ids import new_id_text
from app.problems import Problem

_ID: Final = "{request_id}"
_CLOSING: Final = b"connection: close\r\n"
_wellformed = re.compile(rb"[A-Za-z0-9._-]{1,64}").fullmatch


def request_id_of(headers: list[Header]) -> bytes:
    """Return the id that a request was given, or a new one."""
    for name, value in headers:
        if name == b"x-request-id" and _wellformed(value):
            return value
        if name == b"x-request-id":
            break
    return new_id_text().encode()


def lines(headers: Iterable[Header]) -> bytes:
    """Return headers as lines."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])


class PrebuiltResponse:
    """A problem, written once; only the request's id changes, and the origin that may read it."""

    def __init__(self, problem: Problem, headers: Mapping[bytes, bytes], origins: Mapping[bytes, bytes]) -> None:
        """Write it down; `headers` are told besides those that every answer has, and to `origins` their lines."""
        self._origins = origins
        answer = problem_response(problem, _ID)
        head = STATUS_LINE[answer.status] + lines([*answer.headers, *{**ALWAYS, **headers}.items()])
        before, _, after = answer.body.partition(_ID.encode())
        self._length = len(before) + len(after)
        self._whole = b"%bx-request-id: %%b\r\ncontent-length: %%d\r\n%%b%%b\r\n%b%%b%b" % (
            *(part.replace(b"%", b"%%") for part in (head, before, after)),
        )

    def spelled(self, headers: list[Header], *, bodiless: bool = False, closing: bool = True) -> bytes:
        """Return the bytes for a request with such headers; `closing` says that the connection ends with them."""
        request_id = request_id_of(headers)
        told = (allowed(self._origins, headers) or b"") if self._origins else b""
        size = self._length + len(request_id)
        whole = self._whole % (request_id, size, told, _CLOSING if closing else b"", request_id)
        return whole[:-size] if bodiless else whole
