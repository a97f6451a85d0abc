"""Pipelining: handles requests that a client sends before it has the response to its last one (RFC 9112, 9.3.2).

The requests of a connection are answered one after the other, and at most `MAX_PIPELINED` of them wait. While a request
waits, nothing more is read from the client, and data that was already received is kept unparsed. The next request is
started when the client has read the responses before it, so that a connection holds at most one large response.
"""

import asyncio
from typing import Any, Final

from app.server.in_flight import LIMITER, InFlightLimiter
from app.server.timeouts import ProtocolTimeouts

MAX_PIPELINED: Final = 8
"""The maximum number of waiting requests of a connection."""
HEAD_END: Final = b"\r\n\r\n"
_MAX_WORK: Final = 16
_HEAD_WORK: Final = 8
"""The work of parsing a head. The unit is the work of parsing a piece of a body.

A connection may do `_MAX_WORK` in one turn of the event loop: two heads, or 16 pieces of a body. So other
connections and health checks do not wait long.
"""


class PipelinedProtocol(ProtocolTimeouts):
    """A connection that answers its requests one after the other."""

    _limiter: InFlightLimiter
    _unparsed_data = b""
    """Data that was received while earlier requests wait. From the index `_parsed_to` on, it is not parsed yet."""
    _parsed_to = 0
    _parsing: asyncio.Handle | None = None
    """The scheduled or running call of `_parse_kept`, or None."""
    _awaits_reader = False
    """Whether the next request waits because the client has not read the last response."""
    _in_body = False
    """Whether the parser is within a body."""

    def __init__(self, *parts: Any, **options: Any) -> None:
        """Use the worker's limiter in the application's state. If there is none, create it."""
        super().__init__(*parts, **options)
        if LIMITER not in self.app_state:
            self.app_state[LIMITER] = InFlightLimiter()
        self._limiter = self.app_state[LIMITER]
        self._limiter.tasks = self.tasks

    def connection_lost(self, exc: Exception | None) -> None:
        """Discard the requests that wait."""
        self._limiter.unread.discard(self.transport)
        self._limiter.pipelined -= len(self.pipeline)
        self.pipeline.clear()
        self._discard_unparsed()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Answer the requests that wait, but parse no further ones, because the server shuts down."""
        self._discard_unparsed()
        super().shutdown()

    def pause_writing(self) -> None:
        """Count the response as unread, because the client does not read it."""
        super().pause_writing()
        self._limiter.unread.add(self.transport)

    def resume_writing(self) -> None:
        """Continue with the requests that wait, because the client has read the responses before them."""
        self._limiter.unread.discard(self.transport)
        super().resume_writing()
        if self._awaits_reader:
            self._continue()

    def on_response_complete(self) -> None:
        """Continue with the requests that wait, because a response is complete."""
        ProtocolTimeouts.on_response_complete(self)
        if self.pipeline or self._unparsed_data:
            self._continue()

    def _continue(self) -> None:
        """Start the next request, and schedule parsing of the data that was received meanwhile.

        Do nothing while the client has not read the earlier responses.
        """
        self._awaits_reader = self.flow.write_paused
        if self.transport.is_closing() or self._awaits_reader:
            return
        if self.pipeline:
            self._limiter.pipelined -= 1
            self._start_asgi_task(*self.pipeline.pop())
            self._hold_reading()
        self._parse_soon()

    def _parse(self, data: bytes) -> None:
        """Parse data. If the request is still incomplete, check it. `LimitedProtocol` implements this method."""

    def _keep_unparsed(self, data: bytes) -> None:
        """Add `data` to the unparsed data, and schedule parsing of the part that may be parsed now."""
        self._unparsed_data = self._unparsed_data[self._parsed_to :] + data
        self._parsed_to = 0
        self._parse_soon()
        self._hold_reading()

    def _discard_unparsed(self) -> None:
        self._unparsed_data, self._parsed_to = b"", 0
        if self._parsing is not None:
            self._parsing.cancel()
            self._parsing = None

    def _hold_reading(self) -> None:
        self.flow.hold_reading(held=bool(self.pipeline or self._unparsed_data))

    @property
    def _may_parse(self) -> bool:
        """Whether more of the received data may be parsed now."""
        return bool(self._unparsed_data) and len(self.pipeline) < MAX_PIPELINED and not self.flow.write_paused

    def _parse_soon(self) -> None:
        """Schedule `_parse_kept` in the next turn of the event loop, because the parser may be running now."""
        if self._parsing is None and self._may_parse:
            self._parsing = self.loop.call_soon(self._parse_kept)

    def _parse_kept(self) -> None:
        """Parse the unparsed data, head by head, up to the work that is allowed in one turn of the event loop."""
        work = 0
        while self._may_parse and work < _MAX_WORK:
            work += 1 if self._in_body else _HEAD_WORK
            start, end = self._parsed_to, self._unparsed_data.find(HEAD_END, self._parsed_to) + len(HEAD_END)
            piece = self._unparsed_data[start : end if end > start else None]
            self._parsed_to += len(piece)
            if self._parsed_to == len(self._unparsed_data):
                self._unparsed_data, self._parsed_to = b"", 0
            self._parse(piece)
            if self._ignores_input or self.transport.is_closing():
                self._discard_unparsed()
        self._parsing = None
        self._hold_reading()
        self._parse_soon()
