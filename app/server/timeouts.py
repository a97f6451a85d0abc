"""The timeouts of a connection: deadlines for sending and reading, keep-alive, and the end of the connection."""

import asyncio
import socket
import time
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.server import limits
from app.server.flow_control import ReadingFlowControl
from app.server.lingering import LingeringClose

_UNACKNOWLEDGED_OPTIONS: Final = [getattr(socket, name) for name in ("TCP_USER_TIMEOUT",) if hasattr(socket, name)]
"""The socket options of this system that limit the time for which sent bytes may stay unacknowledged. A phone that has
lost its network does not close its connections."""


class ProtocolTimeouts(HttpToolsProtocol):
    """A connection with a deadline for each wait for the client, to send or to read."""

    flow: ReadingFlowControl
    _deadline: asyncio.TimerHandle | None = None
    """The timer of the deadline by which the client must have sent the next part of a request."""
    _unread_deadline: asyncio.TimerHandle | None = None
    _body_bytes = 0
    """The number of bytes of the current request's body that have arrived."""
    _body_start = 0.0
    _ignores_input = False
    """Whether further data from the client is ignored."""
    _idle_since: float | None = None
    """The time at which the last response ended; None while a request is arriving or being answered."""
    _stopping = False

    def connection_made(self, transport: Any) -> None:
        """Set up flow control, and limit the time for which sent bytes may stay unacknowledged."""
        super().connection_made(transport)
        self.flow = ReadingFlowControl(transport)
        for option in _UNACKNOWLEDGED_OPTIONS:
            milliseconds = int(limits.MAX_UNREAD_SECONDS * 1000)
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, option, milliseconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel all timers."""
        self._set_deadline(None)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
        self.resume_writing()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Stop writing until the client reads. If it does not within `MAX_UNREAD_SECONDS`, abort the connection."""
        super().pause_writing()
        self._unread_deadline = self.loop.call_later(limits.MAX_UNREAD_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Continue writing, because the client has read, and cancel the deadline of `pause_writing`."""
        if self._unread_deadline is not None:
            self._unread_deadline.cancel()
            self._unread_deadline = None
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if it has been idle for too long. Abort it if the client has not read its last response.

        The timer is not reset by each request, which would cost as much as finding the request's route. Instead, when
        the timer fires, this method computes how long the connection has been idle, and restarts the timer for the
        remaining time.
        """
        self.timeout_keep_alive_task = None
        if self._idle_since is None:
            return
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._start_keep_alive_timer(left)
            return
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        super().timeout_keep_alive_handler()

    def on_response_complete(self) -> None:
        """Count the request as ended. Start the idle time of the connection, unless another received request waits."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if not self.pipeline:
            self._idle_since = self.loop.time()
            if self.timeout_keep_alive_task is None:
                self._start_keep_alive_timer(self.timeout_keep_alive)

    def shutdown(self) -> None:
        """Close the connection when the current response is complete, because the server shuts down."""
        self._stopping = True
        super().shutdown()

    @property
    def _response_due(self) -> bool:
        """Whether a request is being answered."""
        return self.cycle is not None and not self.cycle.response_complete

    def _unset_keepalive_if_required(self) -> None:
        """Mark the connection as not idle. uvicorn would cancel the keep-alive timer here."""
        self._idle_since = None

    def _start_keep_alive_timer(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def _set_deadline(self, seconds: float | None) -> None:
        """Replace the deadline by one after `seconds`, or remove it if `seconds` is None.

        At the deadline the connection is aborted. If reading is stopped at that time, the client cannot send: the
        connection then gets a new deadline instead.
        """
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self._abort)

    def _abort(self) -> None:
        if self.flow.read_paused:  # the client cannot send the rest of its request
            self._set_deadline(limits.MAX_HEAD_SECONDS)
        else:
            self.transport.abort()

    def _set_body_deadline(self) -> None:
        """Start the checks that abort the connection if the body arrives more slowly than the minimum rate."""
        self._set_deadline(None)
        self._body_start = time.monotonic() - self.flow.paused_seconds
        self._deadline = self.loop.call_later(limits.body_seconds(self._body_bytes), self._check_body_rate)

    def _check_body_rate(self) -> None:
        """Abort the connection if the body is too slow; otherwise check again at the extended deadline.

        The deadline is extended for the bytes that have arrived, and by the time for which reading was stopped. This
        needs one timer, and no work for each chunk.
        """
        waited = time.monotonic() - self._body_start - self.flow.paused_seconds
        left = limits.body_seconds(self._body_bytes) - waited
        if left > 0:
            self._deadline = self.loop.call_later(left, self._check_body_rate)
        else:
            self.transport.abort()

    def _close_after_response(self) -> None:
        """Stop parsing. Close the connection after the current response, or at once if no request is being answered."""
        self._set_deadline(None)
        self._ignores_input = True
        if self._response_due:
            self.cycle.keep_alive = False
        else:
            self.transport.close()

    def _linger(self) -> None:
        """Close the connection after a delay for reading the response, or at once if the server shuts down."""
        self._ignores_input = True
        if self._stopping or self.transport.is_closing():
            self.transport.close()
        else:
            LingeringClose(self.transport, self.connections)
            self.connection_lost(ConnectionAbortedError())  # the application and the server treat it as ended
