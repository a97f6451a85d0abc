"""The protocol of a connection, which limits the client's bytes before the application sees them.

It extends uvicorn's httptools protocol, which has no limits: uvicorn would accept headers of any size from a client
that sends one byte a minute. Here a request may have at most 100 headers of 32 KiB together and a URL of 8 KiB. It must
have exactly one Host header and no trailers. Its headers must arrive within 5 seconds, and its body at 4 KiB/s on
average after the first 15 seconds. A client must read its response within 30 seconds (`limits.py`, `timeouts.py`).

If a request breaks a limit, the server answers with a problem and closes the connection. If a deadline passes, it
closes the connection without a response. It answers a request to switch protocols in HTTP/1.1, as if there were no
Upgrade header. If too many requests are in flight, it answers with 503 (`in_flight.py`). If a client sends a request
before it has the response to the last one, the request waits (`pipelining.py`).
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
    """The part of a request that a connection waits for: its first byte, the rest of its head, or its body."""

    REQUEST = auto()
    HEAD = auto()
    BODY = auto()


class LimitedProtocol(PipelinedProtocol):
    """One connection of a client, with all limits.

    Its methods run for every request: `tests.bench.checks` measures them in tenths of a microsecond. They call a base
    class by name, because `super()` would take a tenth more.
    """

    _received = 0
    """The number of bytes in the last call of `data_received`."""
    _unparsed = 0
    """The number of bytes received since the parser last completed a head or recognised a part of a body."""
    _head: list[Header] | None = None
    """The headers of the last request with a complete head."""
    _header_count = 0
    """The number of headers in the last complete head. Headers that the parser adds later are trailers."""
    _awaited: tuple[Phase, list[Header] | None] = (Phase.REQUEST, None)
    """The phase of the request for which the current deadline was set, and the headers of this request."""
    url = b""
    """The URL of the request that is arriving; empty before the first request."""
    _problem: Problem | None = None
    """The problem because of which the parser was stopped."""
    _upgrading = False
    """Whether the parser has stopped at the end of a head with an Upgrade header."""
    _parsed_bytes = 0
    """The number of bytes of the last received data that the parser had read when it stopped at an Upgrade header."""
    _shed = False
    """Whether the request that is arriving was already refused because too many requests are in flight."""
    _receiving = False
    """Whether the limiter counts this connection's request among the requests whose body is arriving."""

    def __init__(self, *parts: Any, **options: Any) -> None:
        """Set the deadline for the head of the first request."""
        super().__init__(*parts, **options)
        self._set_deadline(limits.MAX_HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop counting the connection's request as one whose body is arriving."""
        self._count_receiving(receiving=False)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse the data, or keep it unparsed if it may contain more requests than may wait (`MAX_PIPELINED`)."""
        if self._ignores_input:
            return
        may_have_heads = b"\r" in data  # found 50 times faster than by counting, which a large body would pay for
        if self._unparsed_data or (may_have_heads and data.count(HEAD_END) >= MAX_PIPELINED):
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
        """Check the head of a request. Start to answer the request, or refuse it if too many are in flight."""
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
        """Pass a part of the body to the application, unless the request was refused."""
        self._unparsed = 0
        self._body_bytes += len(body)
        if not self._shed:
            ProtocolTimeouts.on_body(self, body)

    def on_message_complete(self) -> None:
        """Finish receiving a request. Refuse it if it has trailers."""
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
        """Store the position at which the parser stopped, or close the connection of a CONNECT request.

        uvicorn calls this method instead of switching to another protocol.
        """
        error = sys.exc_info()[1]
        if self._upgrading and error is not None:
            self._parsed_bytes = error.args[0]
        else:  # CONNECT: the bytes that follow have no framing
            self._close_after_response()

    def _parse_without_upgrade(self, data: bytes) -> None:
        """Parse the head at which the parser stopped again, without its Upgrade header, then the rest of the data.

        A server may ignore Upgrade (RFC 9110, 7.8). Java's HttpClient sends this header with each request over plain
        HTTP until the server switches. The parser cannot ignore it: it would treat the body as data of the other
        protocol.
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
        """Refuse the request at which the parser stopped, at a syntax error or because of `_stop_parser`."""
        self._refuse(self._problem or MalformedRequest())

    def _stop_parser(self, problem: Problem | None) -> None:
        """If there is a problem, store it and stop the parser. uvicorn then calls `send_400_response`."""
        if problem is not None:
            self._problem = problem
            raise ValueError

    def _refuse(self, problem: Problem) -> None:
        """Answer the request that is arriving with a problem, and close the connection.

        If an earlier request is still being answered, send no problem, and close the connection after its response. If
        the response to the arriving request has already started, send no problem, either.
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
        """Answer with 503 because too many requests are in flight, and discard the rest of the request."""
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
        """Count the request that was just added to the pipeline. If not admitted, `_refuse_in_turn` answers it."""
        self._limiter.pipelined += 1
        if not is_admitted:
            self.pipeline[0] = self.cycle, partial(self._refuse_in_turn, self.cycle, self.url)
        self._hold_reading()

    async def _refuse_in_turn(self, cycle: RequestResponseCycle, url: bytes, *_: Any) -> None:
        """Answer a request of the pipeline with 503, because it was not admitted.

        uvicorn calls this method instead of the ASGI application.
        """
        content = self._limiter.refuse(
            [*cycle.scope["headers"]],
            ended=self.server_state.total_requests,
            bodiless=cycle.scope["method"] == "HEAD",
            closing=not cycle.keep_alive,
            url=url,
        )
        write_prebuilt(cycle, content)

    def _count_receiving(self, *, receiving: bool) -> None:
        """If `receiving`, count the request among the requests whose body is arriving. If not, stop counting it."""
        if receiving is not self._receiving:
            self._receiving = receiving
            self._limiter.receiving += 1 if receiving else -1

    def _check_incomplete(self) -> None:
        """Check the size of an incomplete request, and set a deadline for its rest unless one is set."""
        if self._ignores_input or self.transport.is_closing():
            return
        phase = Phase.BODY if self._in_body else Phase.REQUEST if self.headers is self._head else Phase.HEAD
        receiving = self._in_body and self._response_due
        self._count_receiving(receiving=receiving and not self.pipeline)
        if receiving:
            self.cycle.on_response = self._complete_response_before_body
        max_bytes = limits.MAX_HEAD_BYTES if phase is Phase.HEAD else limits.MAX_FRAMING_BYTES
        if self._unparsed > max_bytes:
            self._refuse(limits.incomplete_head_problem(self.url) if phase is Phase.HEAD else MalformedRequest())
        elif self._awaited[0] is not phase or self._awaited[1] is not self.headers or self._deadline is None:
            self._awaited = phase, self.headers
            if self._in_body:
                self._set_body_deadline()
            else:
                self._set_deadline(limits.MAX_HEAD_SECONDS)

    def _complete_response_before_body(self) -> None:
        """Handle the end of a response that is complete before the request's body: discard the rest of the body."""
        self._count_receiving(receiving=False)
        self.on_response_complete()
        if self.cycle.more_body and not self.cycle.keep_alive:
            self._linger()
