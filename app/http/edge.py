"""The edge: the bytes of a connection, bounded before anybody reads them.

A small subclass of uvicorn's httptools protocol, which has no limits of its own: it would take headers of any size from
a client that sends one byte a minute. Here a request has at most 100 headers and 32 KiB of them, an address of 8 KiB,
exactly one Host, and no trailers; its headers arrive within 5 seconds, its body within 15, and whoever does not read
its answer for 30 is cut off. What breaks a bound gets a problem and the end of the connection; what is late, the end.
A request that is within them, but finds no place free (`places.py`), is told to come back later.
"""

from enum import Enum, auto
from typing import Any, Final

from app.http.deadlines import Deadlined
from app.http.places import Places
from app.http.refusal import Refusal, requested_id
from app.problems import ExpectationFailed, HeadersTooLarge, MalformedRequest, Problem, UrlTooLong

MOST_HEADERS: Final = 100
MOST_HEADER_BYTES: Final = 32 * 1024
LONGEST_URL: Final = 8192
MOST_FRAMING_BYTES: Final = 4096
HEADER_SECONDS: Final = 5.0
BODY_SECONDS: Final = 15.0
_VERSIONS: Final = ("1.1", "1.0")


class Waiting(Enum):
    """What a connection waits for."""

    REQUEST = auto()
    HEADERS = auto()
    BODY = auto()


class Edge(Deadlined):
    """One connection."""

    _waiting = Waiting.REQUEST
    _unheard = 0
    """Bytes that the parser took without saying what they are: of a header, or between chunks."""
    _header_bytes = 0
    _hosts = 0
    _refusal: Problem | None = None
    _refused = False
    _turned_away = False
    """Whether the request that is being heard was answered already: there was no place for it."""
    _receiving = False

    def __init__(self, *parts: Any, **options: Any) -> None:
        """Expect the first request."""
        super().__init__(*parts, **options)
        if "places" not in self.app_state:
            self.app_state["places"] = Places()
        self._places: Places = self.app_state["places"]
        self._expect(HEADER_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Receive nothing more."""
        self._count(receiving=False)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, and expect the rest by its deadline."""
        if self._refused:
            return
        before = self._waiting
        self._unheard += len(data)
        super().data_received(data)
        self._count(receiving=self._waiting is Waiting.BODY and not self.pipeline and self._owing)
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
        name = self.headers[-1][0]
        if name == b"host":
            self._hosts += 1
        elif name == b"expect" and value.lower() != b"100-continue":
            self._stop(ExpectationFailed())

    def on_headers_complete(self) -> None:
        """Let the request be answered, if it says where it goes."""
        self._unheard = 0
        version = self.parser.get_http_version()
        if version not in _VERSIONS or self._hosts > 1 or (version == "1.1" and not self._hosts):
            self._stop(MalformedRequest())
        self.expect_100_continue &= version == "1.1"
        if self._owing or self._places.has_one_for(self.url, len(self.tasks)):
            super().on_headers_complete()
        else:
            self._turn_away()
        self._waiting = Waiting.BODY

    def on_chunk_header(self) -> None:
        """Begin a chunk."""
        self._unheard = 0

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._unheard = 0
        if not self._turned_away:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        self._unheard = 0
        self._waiting = Waiting.REQUEST
        if not self._turned_away:
            super().on_message_complete()
        elif not self.parser.should_keep_alive():
            self.transport.close()
        self._turned_away = False

    def on_response_complete(self) -> None:
        """End an answer; what is left of its request is not waited for."""
        self._count(receiving=False)
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's own words, not ours
        """Answer bytes that are no request, with the problem that stopped the parser."""
        self._refuse(self._refusal or MalformedRequest())

    def _stop(self, problem: Problem) -> None:
        """Stop the parser; it then asks `send_400_response` to answer."""
        self._refusal = problem
        raise ValueError

    def _refuse(self, problem: Problem) -> None:
        """Answer with a problem and end the connection; where answers are still owed, only end it after them."""
        self._expect(None)
        cycle, owing = self.cycle, self._owing
        if owing and self._waiting is not Waiting.BODY:
            self._refused = True
            cycle.keep_alive = False
            return
        if owing:
            cycle.disconnected = True
            cycle.message_event.set()
        if self._waiting is not Waiting.BODY or (owing and not cycle.response_started):
            self.transport.write(Refusal(problem, self._places.headers).spelled(requested_id([])))
        self.transport.close()

    @property
    def _owing(self) -> bool:
        """Whether an answer is owed."""
        return self.cycle is not None and not self.cycle.response_complete

    def _count(self, *, receiving: bool) -> None:
        """Count the request among those whose body is on its way, or no more."""
        if receiving is not self._receiving:
            self._receiving = receiving
            self._places.receiving += 1 if receiving else -1

    def _turn_away(self) -> None:
        """Answer that there is no place, and hear the rest of the request without keeping it."""
        self._turned_away = True
        bodiless, closing = self.parser.get_method() == b"HEAD", not self.parser.should_keep_alive()
        self.transport.write(self._places.refusal(self.headers, bodiless=bodiless, closing=closing))
        self.on_response_complete()

    def _patience(self) -> float | None:
        """Return how long to wait for what comes next; between requests, uvicorn's own timer waits."""
        if self._waiting is Waiting.BODY:
            return BODY_SECONDS
        return HEADER_SECONDS if self._waiting is Waiting.HEADERS or self._unheard else None
