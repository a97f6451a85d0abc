"""Deadlines: what a connection waits for comes in time, or the connection ends."""

import asyncio
import socket
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.server.lingering import LingeringClose

READER_SECONDS: Final = 30.0
_UNHEARD_OF: Final = [getattr(socket, name) for name in ("TCP_USER_TIMEOUT",) if hasattr(socket, name)]
"""What tells Linux to give up on a client that confirms nothing of what was sent: a phone without a network."""


class ProtocolTimeouts(HttpToolsProtocol):
    """A connection that waits for nothing without end: not for the client to speak, not for it to read."""

    _deadline: asyncio.TimerHandle | None = None
    _reader_deadline: asyncio.TimerHandle | None = None
    _refused = False
    """Whether nothing more is heard."""
    _idle_since: float | None = None
    """When the last answer ended, unless something has come since."""
    _stopping = False

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        super().connection_made(transport)
        for option in _UNHEARD_OF:
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, option, int(READER_SECONDS * 1000))

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self._expect(None)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
        self.resume_writing()
        super().connection_lost(exc)

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
        if not (self.flow.read_paused or self.transport.is_closing()):
            self.transport.resume_reading()

    def timeout_keep_alive_handler(self) -> None:
        """End an idle connection; one whose last answer was never read is cut off.

        The timer is left alone while the connection is used, for to move it with each request would cost as much as to
        find the request's route: it looks when it rings for how long nothing came.
        """
        self.timeout_keep_alive_task = None
        if self._idle_since is None:
            return
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._ring_in(left)
            return
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        super().timeout_keep_alive_handler()

    def on_response_complete(self) -> None:
        """Begin with the request that came meanwhile, or keep the connection for a while."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._idle()

    def _unset_keepalive_if_required(self) -> None:
        """Do not count the connection as idle any more."""
        self._idle_since = None

    def _idle(self) -> None:
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._ring_in(self.timeout_keep_alive)

    def _ring_in(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def _hear_no_more(self) -> None:
        """End the connection after the answers that are owed."""
        self._expect(None)
        self._refused = True
        if self._owing:
            self.cycle.keep_alive = False
        else:
            self.transport.close()

    def shutdown(self) -> None:
        """End as soon as nothing is owed: the server stops."""
        self._stopping = True
        super().shutdown()

    def _linger(self) -> None:
        """End the connection, but let the client hear its answer; while the server stops, only end it."""
        self._refused = True
        if self._stopping or self.transport.is_closing():
            self.transport.close()
        else:
            LingeringClose(self.transport, self.connections)
            self.connection_lost(ConnectionAbortedError())  # to others: here it is over

    @property
    def _owing(self) -> bool:
        """Whether an answer is owed."""
        return self.cycle is not None and not self.cycle.response_complete

    def _expect(self, seconds: float | None) -> None:
        """Expect what comes next within some seconds; None expects nothing."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self._late)

    def _late(self) -> None:
        self.transport.abort()
