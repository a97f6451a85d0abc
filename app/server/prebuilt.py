"""Builds problems as the bytes of HTTP responses, for requests that are refused before they reach the application."""

from collections.abc import Iterable, Mapping
from typing import Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from app.http.cors import AllowedOrigins
from app.http.dialect import JSON_API, Dialect
from app.http.request_id import request_id_of
from app.http.response import DEFAULT_HEADERS, Header, header_lines
from app.problems import Problem

_PLACEHOLDER: Final = "{request_id}"
_CLOSE: Final = b"connection: close\r\n"


class PrebuiltResponse:
    """A response for one problem, built in advance.

    Only the request id and the CORS headers differ between requests.
    """

    def __init__(
        self, problem: Problem, headers: Mapping[bytes, bytes], origins: AllowedOrigins, dialect: Dialect = JSON_API
    ) -> None:
        """Build the response to `problem` in the error format of `dialect`.

        `headers` are added to the default headers, and CORS headers if a request comes from one of `origins`. The body
        must contain the request id exactly once.
        """
        self._origins = origins
        response = dialect.render_error(problem, _PLACEHOLDER)
        every: Iterable[Header] = [*response.headers, *{**DEFAULT_HEADERS, **headers}.items()]
        head = STATUS_LINE[response.status] + header_lines(every)
        before, _, after = response.body.partition(_PLACEHOLDER.encode())
        self._length = len(before) + len(after)
        self._template = b"%bx-request-id: %%b\r\ncontent-length: %%d\r\n%%b%%b\r\n%b%%b%b" % (
            *(part.replace(b"%", b"%%") for part in (head, before, after)),
        )

    def render(self, headers: list[Header], *, bodiless: bool = False, closing: bool = True) -> bytes:
        """Return the bytes of the response to a request with these headers.

        `bodiless` omits the body, for HEAD. `closing` adds a header that says that the connection is closed afterwards.
        """
        request_id = request_id_of(headers)
        cors = header_lines(self._origins.headers_for(headers) or ()) if self._origins else b""
        size = self._length + len(request_id)
        content = self._template % (request_id, size, cors, _CLOSE if closing else b"", request_id)
        return content[:-size] if bodiless else content
