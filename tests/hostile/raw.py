"""Requests as bytes over a socket, so that no client corrects them."""

import json
import socket
from collections.abc import Iterable
from http.client import HTTPMessage, HTTPResponse
from types import TracebackType
from typing import Any, NamedTuple, Self

from tests.witness import DOCUMENT, PROBLEM, STREAM

SECONDS = 20
Header = tuple[str, str]


class RawResponse(NamedTuple):
    """A response."""

    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        """The problem document; fails if the response is none."""
        assert self.status < 500 or self.status in {503, 507}, self
        assert self.headers["content-type"] == PROBLEM, self
        document: dict[str, Any] = json.loads(self.body)
        DOCUMENT.check({"$ref": "#/components/schemas/Problem"}, document, exactly=False)
        assert document["status"] == self.status
        assert document["request_id"] == self.headers["x-request-id"]
        assert document["type"] == f"/problems/{document['code']}"
        return document

    @property
    def code(self) -> str:
        """The code of the problem, or the error of OAuth."""
        if self.headers["content-type"] == PROBLEM:
            return str(self.problem["code"])
        document: dict[str, str] = json.loads(self.body)
        assert set(document) == {"error", "error_description"}, self
        return document["error"]

    @property
    def pointers(self) -> list[str]:
        """The pointers of the problem's faults."""
        return [fault["pointer"] for fault in self.problem["errors"]]


def request_bytes(method: str, target: str, headers: Iterable[Header] = (), body: bytes | None = None) -> bytes:
    """Return the bytes of a request, with a Content-Length if there is a body."""
    sized = [] if body is None else [("Content-Length", str(len(body)))]
    lines = [f"{method} {target} HTTP/1.1", "Host: afterglow", *(f"{a}: {b}" for a, b in [*headers, *sized]), "", ""]
    return "\r\n".join(lines).encode("latin-1") + (body or b"")


def chunked_request_bytes(method: str, target: str, headers: Iterable[Header], body: bytes, size: int = 65536) -> bytes:
    """Return the bytes of a request whose body is sent in chunks."""
    parts = [body[begin : begin + size] for begin in range(0, len(body), size)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return request_bytes(method, target, [*headers, ("Transfer-Encoding", "chunked")]) + chunks + b"0\r\n\r\n"


class RawConnection:
    """A connection, kept open as long as the server keeps it."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next request opens a new one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def send(self, content: bytes, *, method: str = "") -> RawResponse:
        """Send the bytes of a request; return the response."""
        self.send_bytes(content)
        return self.read_response(method or content.partition(b" ")[0].decode())

    def send_bytes(self, content: bytes) -> None:
        """Send bytes."""
        if self._socket is None:
            self._socket = socket.create_connection(self._address, timeout=SECONDS)
        self._socket.sendall(content)

    def read_response(self, method: str = "GET") -> RawResponse:
        """Read the response to the last request; of an event stream, only its first event."""
        assert self._socket is not None
        with HTTPResponse(self._socket, method=method) as response:
            response.begin()
            goes_on = response.headers["content-type"] == STREAM and method != "HEAD"
            body = b"".join(iter(response.readline, b"\n")) if goes_on else response.read()
            reply = RawResponse(response.status, response.headers, body)
            closing = response.will_close or goes_on
        if closing:
            self.close()
        return reply

    def request(
        self, method: str, target: str, headers: Iterable[Header] = (), body: bytes | None = None
    ) -> RawResponse:
        """Send a request; return the response."""
        return self.send(request_bytes(method, target, headers, body))
