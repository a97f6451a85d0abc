"""The edge: the bytes of a connection, bounded before anybody reads them.

A small subclass of uvicorn's httptools protocol, which has no limits of its own: it would take headers of any size from
a client that sends one byte a minute. Here a request has at most 100 headers and 32 KiB of them, an address of 8 KiB,
exactly one Host, and no trailers; its headers arrive within 5 seconds, its body within 15, and whoever does not read
its answer for 30 is cut off. What breaks a bound gets a problem and the end of the connection; what is late, the end.
"""

import asyncio
from enum import Enum, auto
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from app.http.answer import ALWAYS, problem_answer
from app.ids import new_id
from app.problems import HeadersTooLarge, MalformedRequest, Problem, UrlTooLong

MOST_HEADERS: Final = 100
MOST_HEADER_BYTES: Final = 32 * 1024
LONGEST_URL: Final = 8192
MOST_FRAMING_BYTES: Final = 4096
HEADER_SECONDS: Final = 5.0
BODY_SECONDS: Final = 15.0
READER_SECONDS: Final = 30.0
_VERSIONS: Final = ("1.1", "1.0")


class Waiting(Enum):
    """What a connection waits for."""

    REQUEST = auto()
    HEADERS = auto()
    BODY = auto()


class Edge(HttpToolsProtocol):
    """One connection."""

    _waiting = Waiting.REQUEST
    _unheard = 0
    """Bytes that the parser took without saying what they are: of a header, or between chunks."""
    _header_bytes = 0
    _hosts = 0
    _refusal: Problem | None = None
    _refused = False
    _deadline: asyncio.TimerHandle | None = None
    _reader_deadline: asyncio.TimerHandle | None = None

    def __init__(self, *parts: Any, **options: Any) -> None:
        """Expect the first request."""
        super().__init__(*parts, **options)
        self._expect(HEADER_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self._expect(None)
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, and expect the rest by its deadline."""
        if self._refused:
            return
        before = self._waiting
        self._unheard += len(data)
        super().data_received(data)
        bound = MOST_FRAMING_BYTES if self._waiting is Waiting.BODY else MOST_HEADER_BYTES
        if self._unheard > bound and not self.transport.is_closing():
            self._refuse(HeadersTooLarge() if self._waiting is Waiting.HEADERS else MalformedRequest())
        else:
            seconds = self._patience()
            if seconds is None or self._waiting is not before or self._deadline is None:
                self._expect(seconds)

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._waiting, self._header_bytes, self._hosts, self._refusal = Waiting.HEADERS, 0, 0, None

    def on_url(self, url: bytes) -> None:
        """Take a part of the address."""
        super().on_url(url)
        self._unheard = 0
        if len(self.url) > LONGEST_URL:
            self._stop(UrlTooLong())

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._unheard = 0
        if self._waiting is Waiting.BODY:
            self._stop(MalformedRequest())
        super().on_header(name, value)
        self._header_bytes += len(name) + len(value)
        if len(self.headers) > MOST_HEADERS or self._header_bytes > MOST_HEADER_BYTES:
            self._stop(HeadersTooLarge())
        self._hosts += self.headers[-1][0] == b"host"

    def on_headers_complete(self) -> None:
        """Let the request be answered, if it says where it goes."""
        self._unheard = 0
        version = self.parser.get_http_version()
        if version not in _VERSIONS or self._hosts > 1 or (version == "1.1" and not self._hosts):
            self._stop(MalformedRequest())
        super().on_headers_complete()
        self._waiting = Waiting.BODY

    def on_chunk_header(self) -> None:
        """Begin a chunk."""
        self._unheard = 0

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._unheard = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        self._unheard = 0
        self._waiting = Waiting.REQUEST
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's own words, not ours
        """Answer bytes that are no request, with the problem that stopped the parser."""
        self._refuse(self._refusal or MalformedRequest())

    def pause_writing(self) -> None:
        """Give a reader that does not keep up a while."""
        super().pause_writing()
        self._reader_deadline = self.loop.call_later(READER_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on with a reader that has caught up."""
        if self._reader_deadline is not None:
            self._reader_deadline.cancel()
            self._reader_deadline = None
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """End an idle connection; one whose last answer was never read is cut off."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        super().timeout_keep_alive_handler()

    def _expect(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self._late)

    def _late(self) -> None:
        self.transport.abort()

    def _stop(self, problem: Problem) -> None:
        """Stop the parser; it then asks `send_400_response` to answer."""
        self._refusal = problem
        raise ValueError

    def _refuse(self, problem: Problem) -> None:
        """Answer with a problem and end the connection; where answers are still owed, only end it after them."""
        self._expect(None)
        cycle = self.cycle
        owing = cycle is not None and not cycle.response_complete
        if owing and self._waiting is not Waiting.BODY:
            self._refused = True
            cycle.keep_alive = False
            return
        if owing:
            cycle.disconnected = True
            cycle.message_event.set()
        if not owing or not cycle.response_started:
            self.transport.write(_spelled(problem))
        self.transport.close()

    def _patience(self) -> float | None:
        """Return how long to wait for what comes next; between requests, uvicorn's own timer waits."""
        if self._waiting is Waiting.BODY:
            return BODY_SECONDS
        return HEADER_SECONDS if self._waiting is Waiting.HEADERS or self._unheard else None


def _spelled(problem: Problem) -> bytes:
    request_id = str(new_id())
    answer = problem_answer(problem, request_id)
    headers = [
        *answer.headers,
        (b"content-length", b"%d" % len(answer.body)),
        (b"x-request-id", request_id.encode()),
        *ALWAYS.items(),
        (b"connection", b"close"),
    ]
    return STATUS_LINE[answer.status] + b"".join(b"%s: %s\r\n" % header for header in headers) + b"\r\n" + answer.body
