"""The protocol of a connection: its bytes are limited before the application sees them.

It extends uvicorn's httptools protocol, which has no limits: it would accept headers of any size from a client that
sends one byte a minute. Here a request has at most 100 headers of 32 KiB together, a URL of 8 KiB, exactly one Host, and
no trailers. Its headers have to arrive within 5 seconds, and its body at 4 KiB/s on average after the first 15 seconds. A
client has to read its response within 30 seconds (`limits.py`, `timeouts.py`).

A request that breaks a limit is answered with a problem, and the connection is closed. If a deadline passes, it is closed
without a response. A request to switch to another protocol is answered in HTTP/1.1, as if it had no Upgrade header. A request that
breaks no limit, but comes while too many are in flight, is answered with 503 (`in_flight.py`). Requests that a client sends
before it has the response to the last one wait (`pipelining.py`).
"""

import sys
from enum import Enum, auto
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from app.http.request_context import WRITE_RESPONSE
from app.http.response import Header
from app.problems import MalformedRequest, Problem
from app.server import limits
from app.server.one_write import write_prebuilt, write_response
from app.server.pipelining import HEAD_END, MAX_PIPELINED, PipelinedProtocol
from app.server.timeouts import ProtocolTimeouts


class Phase(Enum):
    """What a connection waits for."""

    REQUEST = auto()
    HEAD = auto()
    BODY = auto()


class LimitedProtocol(PipelinedProtocol):
    """One connection. Its methods run for every request: `tests.bench.checks` measures them in tenths of a microsecond,
    and a `super()` instead of a base class's name would take one.
    """

    _received = 0
    """Bytes of the last call of `data_received`."""
    _unparsed = 0
    """Bytes that arrived since the parser last recognised a part of a request: of a head, or between two chunks."""
    _head: list[Header] | None = None
    """The headers of the last request whose head is complete."""
    _header_count = 0
    """The number of these headers. More of them after the body are trailers."""
    _awaited: tuple[Phase, list[Header] | None] = (Phase.REQUEST, None)
    """What the deadline is set for."""
    url = b""
    """The URL of the request that is arriving; empty before the first one."""
    _problem: Problem | None = None
    """Why the parser was stopped."""
    _upgrading = False
    """Whether the parser has stopped at the end of a head with an Upgrade header."""
    _parsed_bytes = 0
    """How many bytes of the data it had read then."""
    _shed = False
    """Whether the request that is arriving was already refused, because too many are in flight."""
    _receiving = False
    """Whether the limiter counts this connection's request among those whose body is arriving."""

    def __init__(self, *parts: Any, **options: Any) -> None:
        """Wait for the first request."""
        super().__init__(*parts, **options)
        self._set_deadline(limits.MAX_HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop counting the request whose body was arriving."""
        self._count_receiving(receiving=False)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what arrived, or keep it if more requests could be in it than may wait."""
        if self._ignores_input:
            return
        if self._unparsed_data or data.count(HEAD_END) >= MAX_PIPELINED:
            self._keep_unparsed(data)
        else:
            self._parse(data)

    def _parse(self, data: bytes) -> None:
        """Parse data. If a request is incomplete afterwards, check its size, and set a deadline for the rest."""
        self._received = size = len(data)
        self._unparsed += size
        ProtocolTimeouts.data_received(self, data)
        if self._unparsed or self._in_body or self.headers is not self._head:
            if self._upgrading:
                self._parse_without_upgrade(data)
            else:
                self._check_incomplete()
        elif self._deadline is not None:
            self._count_receiving(receiving=False)
            self._set_deadline(None)

    def on_headers_complete(self) -> None:
        """Check the head of a request, and start to answer it."""
        headers, version = self.headers, self.parser.get_http_version()
        names = [name for name, _ in headers]
        self._header_count = count = len(names)
        if count > limits.MAX_HEADERS or self._unparsed + self._received > limits.MAX_URL_BYTES:
            self._stop_parser(limits.check_head_size(self.url, headers))
        if names.count(b"host") != 1 or version != "1.1" or self.url[:1] != b"/" or b"#" in self.url:
            self._stop_parser(limits.check_target(self.url, headers, version))
        if b"upgrade" in names and self.parser.should_upgrade():
            self._upgrading = True
            return
        if b"transfer-encoding" in names or b"expect" in names:
            self.expect_100_continue &= version == "1.1"
            self._stop_parser(limits.check_framing(headers, version))
        self._unparsed = self._body_bytes = 0
        limiter, tasks = self._limiter, self.tasks
        is_admitted = len(tasks) + limiter.pipelined < limiter.limit or limiter.admits(self.url, tasks)
        if is_admitted or self._response_due:
            ProtocolTimeouts.on_headers_complete(self)
            self.scope["state"][WRITE_RESPONSE] = partial(write_response, self.cycle)
            if self.pipeline:
                self._count_pipelined(is_admitted=is_admitted)
        else:
            self._shed_request()
        self._head, self._in_body = headers, True

    def on_chunk_header(self) -> None:
        """Reset the count of unparsed bytes, because the parser recognised a chunk."""
        self._unparsed = 0

    def on_body(self, body: bytes) -> None:
        """Pass a part of the body on, unless its request was refused."""
        self._unparsed = 0
        self._body_bytes += len(body)
        if not self._shed:
            ProtocolTimeouts.on_body(self, body)

    def on_message_complete(self) -> None:
        """End a request. Refuse it if it has trailers."""
        if self._upgrading:
            return
        if len(self.headers) > self._header_count:
            self._stop_parser(MalformedRequest())
        self._unparsed, self._in_body = 0, False
        if not self._shed:
            ProtocolTimeouts.on_message_complete(self)
            return
        self._shed = False
        if not self.parser.should_keep_alive():
            self.transport.close()

    def _unsupported_upgrade_warning(self) -> None:
        """Store where the parser stopped. uvicorn calls this method instead of switching to another protocol."""
        error = sys.exc_info()[1]
        if self._upgrading and error is not None:
            self._parsed_bytes = error.args[0]
        else:  # CONNECT: what follows it has no framing
            self._close_after_response()

    def _parse_without_upgrade(self, data: bytes) -> None:
        """Parse the head at which the parser stopped again, without its Upgrade header, and the rest of the data.

        A server may ignore Upgrade (RFC 9110, 7.8). Java's HttpClient sends it with each request over plain HTTP until
        the server switches. The parser cannot ignore it: it would take the body for the other protocol.
        """
        while self._upgrading:
            self._upgrading = False
            version = self.parser.get_http_version().encode()
            lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version)]
            lines += [b"%b: %b" % header for header in self.headers if header[0] != b"upgrade"]
            data = b"\r\n".join((*lines, b"", data[self._parsed_bytes :]))
            self.parser = type(self.parser)(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
            ProtocolTimeouts.data_received(self, data)
        self._parse(b"")  # checks what is incomplete now

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's message
        """Refuse a request at which the parser stopped because of a syntax error or of `_stop_parser`."""
        self._refuse(self._problem or MalformedRequest())

    def _stop_parser(self, problem: Problem | None) -> None:
        """Stop the parser if there is a problem. uvicorn then calls `send_400_response`."""
        if problem is not None:
            self._problem = problem
            raise ValueError

    def _refuse(self, problem: Problem) -> None:
        """Answer with a problem, and close the connection.

        If an earlier request is still being answered, send no problem, and close the connection after that response. Send
        none either if the response to this request has started.
        """
        cycle, due = self.cycle, self._response_due
        if due and not self._in_body:
            self._close_after_response()
            return
        if due:  # the problem is in the body of the request that is being answered
            cycle.disconnected = True
            cycle.waiting_for_100_continue = False
        if not self._in_body or (due and not cycle.response_started):
            has_head = self._in_body or self.headers is not self._head
            self.transport.write(self._limiter.prebuilt(problem, self.url).render(self.headers if has_head else []))
        self._linger()

    def _shed_request(self) -> None:
        """Answer that too many requests are in flight, and discard the rest of the request."""
        self._shed = True
        content = self._limiter.refuse(
            self.headers,
            ended=self.server_state.total_requests,
            bodiless=self.parser.get_method() == b"HEAD",
            closing=self.parser.should_upgrade() or not self.parser.should_keep_alive(),
            url=self.url,
        )
        self.transport.write(content)
        self.on_response_complete()

    def _count_pipelined(self, *, is_admitted: bool) -> None:
        """Count the request that was just added to those that wait. If too many are in flight, it is refused in its turn."""
        self._limiter.pipelined += 1
        if not is_admitted:
            self.pipeline[0] = self.cycle, partial(self._refuse_in_turn, self.cycle)
        self._hold_reading()

    async def _refuse_in_turn(self, cycle: RequestResponseCycle, *_: Any) -> None:
        """Answer a request that waited, as an ASGI application, that too many requests were in flight."""
        content = self._limiter.refuse(
            [*cycle.scope["headers"]],
            ended=self.server_state.total_requests,
            bodiless=cycle.scope["method"] == "HEAD",
            closing=not cycle.keep_alive,
        )
        write_prebuilt(cycle, content)

    def _count_receiving(self, *, receiving: bool) -> None:
        """Count the request among those whose body is arriving, or stop counting it."""
        if receiving is not self._receiving:
            self._receiving = receiving
            self._limiter.receiving += 1 if receiving else -1

    def _check_incomplete(self) -> None:
        """Check the size of a request that is incomplete, and set a deadline for the rest unless there is one."""
        if self._ignores_input or self.transport.is_closing():
            return
        phase = Phase.BODY if self._in_body else Phase.REQUEST if self.headers is self._head else Phase.HEAD
        receiving = self._in_body and self._response_due
        self._count_receiving(receiving=receiving and not self.pipeline)
        if receiving:
            self.cycle.on_response = self._complete_response_before_body
        max_bytes = limits.MAX_HEAD_BYTES if phase is Phase.HEAD else limits.MAX_FRAMING_BYTES
        if self._unparsed > max_bytes:
            self._refuse(limits.unfinished_head(self.url) if phase is Phase.HEAD else MalformedRequest())
        elif self._awaited[0] is not phase or self._awaited[1] is not self.headers or self._deadline is None:
            self._awaited = phase, self.headers
            if self._in_body:
                self._set_body_deadline()
            else:
                self._set_deadline(limits.MAX_HEAD_SECONDS)

    def _complete_response_before_body(self) -> None:
        """End a response that was complete before the whole body had arrived: the rest of the body is discarded."""
        self._count_receiving(receiving=False)
        self.on_response_complete()
        if self.cycle.more_body and not self.cycle.keep_alive:
            self._linger()
