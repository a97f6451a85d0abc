"""The edge: the bytes of a connection, bounded before anybody reads them.

A small subclass of uvicorn's httptools protocol, which has no limits of its own: it would take headers of any size from
a client that sends one byte a minute. Here a request has at most 100 headers and 32 KiB of them, an address of 8 KiB,
exactly one Host, and no trailers; its headers arrive within 5 seconds, its body within 15, and whoever does not read
its answer for 30 is cut off. What breaks a bound gets a problem and the end of the connection; what is late, the end;
who wishes for another protocol, an answer in this one, and then the end.
A request that is within them, but finds no place free (`places.py`), is told to come back later: where that can be seen
at a glance (`glance.py`), without hearing it.
"""

from enum import Enum, auto
from typing import Any

from app.http.one_write import PROTOCOL_CYCLE
from app.http.response import Header
from app.problems import MalformedRequest, Problem
from app.server import limits
from app.server.in_flight import InFlightLimiter
from app.server.timeouts import ProtocolTimeouts


class Phase(Enum):
    """What a connection waits for."""

    REQUEST = auto()
    HEAD = auto()
    BODY = auto()


class LimitedProtocol(ProtocolTimeouts):
    """One connection. Tenths of microseconds are counted here (`tests.bench.checks`); `super()` would take one each."""

    _piece = 0
    """Bytes that came last."""
    _unheard = 0
    """Bytes that came since the parser last said what they are: of a head, or between chunks."""
    _head: list[Header] | None = None
    """The headers of the last request whose head is complete."""
    _header_count = 0
    _in_body = False
    _expected: tuple[Phase, list[Header] | None] = (Phase.REQUEST, None)
    _refusal: Problem | None = None
    _turned_away = False
    """Whether the request that is being heard was answered already: there was no place for it."""
    _receiving = False

    def __init__(self, *parts: Any, **options: Any) -> None:
        """Expect the first request."""
        super().__init__(*parts, **options)
        if "places" not in self.app_state:
            self.app_state["places"] = InFlightLimiter()
        self._places: InFlightLimiter = self.app_state["places"]
        self._expect(limits.HEADER_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Receive nothing more."""
        self._count(receiving=False)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came; where it was no whole request, bound it, and expect the rest by its deadline."""
        if self._refused or (len(self.tasks) >= self._places.most and self._turns_away_at_a_glance(data)):
            return
        self._piece = size = len(data)
        self._unheard += size
        ProtocolTimeouts.data_received(self, data)
        if self._unheard or self._in_body or self.headers is not self._head:
            self._attend()
        elif self._deadline is not None:
            self._count(receiving=False)
            self._expect(None)

    def on_headers_complete(self) -> None:
        """Let the request be answered, if it is within bounds and says where it goes."""
        headers, version = self.headers, self.parser.get_http_version()
        names = [name for name, _ in headers]
        self._header_count = count = len(names)
        if count > limits.MAX_HEADERS or self._unheard + self._piece > limits.MAX_URL_BYTES:
            self._stop(limits.check_head_size(self.url, headers))
        if names.count(b"host") != 1 or version != "1.1" or self.url[:1] != b"/" or b"#" in self.url:
            self._stop(limits.check_target(self.url, headers, version))
        upgrading = b"upgrade" in names and self.parser.should_upgrade()
        if upgrading or b"transfer-encoding" in names or b"expect" in names:
            self.expect_100_continue &= version == "1.1"
            self._stop(limits.check_framing(headers, version, upgrading=upgrading))
        self._unheard = 0
        limiter, tasks = self._places, self.tasks
        if len(tasks) < limiter.most or self._owing or limiter.admits(self.url, tasks):
            ProtocolTimeouts.on_headers_complete(self)
            self.scope["state"][PROTOCOL_CYCLE] = self.cycle
        else:
            self._turn_away()
        self._head, self._in_body = headers, True
        if upgrading:
            self._hear_no_more()

    def on_chunk_header(self) -> None:
        """Begin a chunk."""
        self._unheard = 0

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._unheard = 0
        if not self._turned_away:
            ProtocolTimeouts.on_body(self, body)

    def on_message_complete(self) -> None:
        """End a request."""
        if len(self.headers) > self._header_count:  # trailers
            self._stop(MalformedRequest())
        self._unheard, self._in_body = 0, False
        if not self._turned_away:
            ProtocolTimeouts.on_message_complete(self)
            return
        self._turned_away = False
        if not self.parser.should_keep_alive():
            self.transport.close()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's own words, not ours
        """Answer bytes that are no request, with the problem that stopped the parser."""
        self._refuse(self._refusal or MalformedRequest())

    def _stop(self, problem: Problem | None) -> None:
        """Stop the parser where there is a problem; it then asks `send_400_response` to answer."""
        if problem is not None:
            self._refusal = problem
            raise ValueError

    def _refuse(self, problem: Problem) -> None:
        """Answer with a problem and end the connection; where answers are still owed, only end it after them."""
        cycle, owing = self.cycle, self._owing
        if owing and not self._in_body:
            self._hear_no_more()
            return
        if owing:
            cycle.disconnected = True
            cycle.waiting_for_100_continue = False
        if not self._in_body or (owing and not cycle.response_started):
            heard = self._in_body or self.headers is not self._head
            self.transport.write(self._places.refused(problem).spelled(self.headers if heard else []))
        self._linger()

    def _count(self, *, receiving: bool) -> None:
        """Count the request among those whose body is on its way, or no more."""
        if receiving is not self._receiving:
            self._receiving = receiving
            self._places.receiving += 1 if receiving else -1

    def _turn_away(self) -> None:
        """Answer that there is no place, and hear the rest of the request without keeping it."""
        self._turned_away = True
        bodiless = self.parser.get_method() == b"HEAD"
        closing = self.parser.should_upgrade() or not self.parser.should_keep_alive()
        self._tell_to_come_back(self.headers, bodiless=bodiless, closing=closing)
        self.on_response_complete()

    def _turns_away_at_a_glance(self, data: bytes) -> bool:
        """Answer that there is no place where all that came is one whole request, and nothing else is on its way."""
        if self.headers is not self._head or self._unheard or self._in_body or self._owing:
            return False
        glance = self._places.glance
        if not glance.sees(data) or self._places.admits(glance.url, self.tasks):
            return False
        self._tell_to_come_back(glance.headers, bodiless=False, closing=False)
        self.server_state.total_requests += 1
        if self._deadline is not None:
            self._expect(None)
        self._idle()
        return True

    def _tell_to_come_back(self, headers: list[Header], *, bodiless: bool, closing: bool) -> None:
        """Answer that there is no place; hear no more of who does not read it."""
        ended = self.server_state.total_requests
        self.transport.write(self._places.refusal(headers, ended=ended, bodiless=bodiless, closing=closing))
        if self.flow.write_paused:
            self.transport.pause_reading()

    def _attend(self) -> None:
        """Attend to a request that is on its way."""
        if self._refused or self.transport.is_closing():
            return
        phase = Phase.BODY if self._in_body else Phase.REQUEST if self.headers is self._head else Phase.HEAD
        receiving = self._in_body and self._owing
        self._count(receiving=receiving and not self.pipeline)
        if receiving:
            self.cycle.on_response = self._answered_early
        bound = limits.MAX_HEAD_BYTES if phase is Phase.HEAD else limits.MAX_FRAMING_BYTES
        if self._unheard > bound:
            self._refuse(limits.unfinished_head(self.url) if phase is Phase.HEAD else MalformedRequest())
        elif self._expected[0] is not phase or self._expected[1] is not self.headers or self._deadline is None:
            self._expected = phase, self.headers
            self._expect(limits.BODY_SECONDS if self._in_body else limits.HEADER_SECONDS)

    def _answered_early(self) -> None:
        """What is left of a body is not waited for."""
        self._count(receiving=False)
        self.on_response_complete()
        if self.cycle.more_body and not self.cycle.keep_alive:
            self._linger()
