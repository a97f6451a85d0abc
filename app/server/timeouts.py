"""How long a connection lives: deadlines for what the client sends and reads, keep-alive, and the ways to end."""

import asyncio
import socket
import time
from typing import Any, Final

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.server import limits
from app.server.lingering import LingeringClose

_UNACKNOWLEDGED_OPTIONS: Final = [getattr(socket, name) for name in ("TCP_USER_TIMEOUT",) if hasattr(socket, name)]
"""The socket options, on systems that have them, that limit how long sent bytes may stay unacknowledged: a phone that
has lost its network does not close its connections."""


class TimedFlowControl(FlowControl):
    """uvicorn's flow control, which also measures how long the application has kept the client from sending."""

    _paused_at: float | None = None
    _ended_pauses = 0.0

    def pause_reading(self) -> None:
        """Read nothing more until the application has taken what has arrived."""
        if not self.read_paused:
            self._paused_at = time.monotonic()
        super().pause_reading()

    def resume_reading(self) -> None:
        """Read on, if reading was paused."""
        if self.read_paused:
            self._ended_pauses, self._paused_at = self.paused_seconds, None
            super().resume_reading()

    @property
    def paused_seconds(self) -> float:
        """For how long reading has been paused on this connection."""
        return self._ended_pauses + (0.0 if self._paused_at is None else time.monotonic() - self._paused_at)


class ProtocolTimeouts(HttpToolsProtocol):
    """A connection on which no wait is unlimited: neither for the client to send, nor for it to read."""

    flow: TimedFlowControl
    _deadline: asyncio.TimerHandle | None = None
    """The deadline of what the client has to send next."""
    _unread_deadline: asyncio.TimerHandle | None = None
    _body_bytes = 0
    """Bytes of the current request's body that have arrived."""
    _body_start = 0.0
    _ignores_input = False
    """Whether nothing more is parsed."""
    _idle_since: float | None = None
    """When the last response ended; None while a request is arriving or being answered."""
    _stopping = False

    def connection_made(self, transport: Any) -> None:
        """Limit how long sent bytes may stay unacknowledged."""
        super().connection_made(transport)
        self.flow = TimedFlowControl(transport)
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
        """Abort the connection if the client does not read on in time."""
        super().pause_writing()
        self._unread_deadline = self.loop.call_later(limits.MAX_UNREAD_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Continue: the client has read what was sent."""
        if self._unread_deadline is not None:
            self._unread_deadline.cancel()
            self._unread_deadline = None
        super().resume_writing()
        if not (self.flow.read_paused or self.transport.is_closing()):
            self.transport.resume_reading()

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if it has been idle for long enough; abort it if the client never read its last response.

        The timer is not moved with each request: that would cost as much as finding the request's route. Instead, when
        it fires, it computes how long the connection has been idle, and is set again for the rest.
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
        """Start the next pipelined request, or the time in which the connection may be idle."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._idle_since = self.loop.time()
            if self.timeout_keep_alive_task is None:
                self._start_keep_alive_timer(self.timeout_keep_alive)

    def shutdown(self) -> None:
        """Close the connection after the response that is due: the server stops."""
        self._stopping = True
        super().shutdown()

    @property
    def _response_due(self) -> bool:
        """Whether a request is being answered."""
        return self.cycle is not None and not self.cycle.response_complete

    def _unset_keepalive_if_required(self) -> None:
        """Count the connection as in use."""
        self._idle_since = None

    def _start_keep_alive_timer(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def _set_deadline(self, seconds: float | None) -> None:
        """Abort the connection unless what it waits for arrives within `seconds`; None waits for nothing."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self._abort)

    def _abort(self) -> None:
        self.transport.abort()

    def _set_body_deadline(self) -> None:
        """Abort the connection if the body that is arriving falls below the minimum rate."""
        self._set_deadline(None)
        self._body_start = time.monotonic() - self.flow.paused_seconds
        self._deadline = self.loop.call_later(limits.body_seconds(self._body_bytes), self._check_body_rate)

    def _check_body_rate(self) -> None:
        """Extend the deadline by what has arrived since it was set, and by the time in which the application did not read.

        It costs one timer, and nothing for each chunk.
        """
        waited = time.monotonic() - self._body_start - self.flow.paused_seconds
        left = limits.body_seconds(self._body_bytes) - waited
        if left > 0:
            self._deadline = self.loop.call_later(left, self._check_body_rate)
        else:
            self.transport.abort()

    def _close_after_response(self) -> None:
        """Parse nothing more, and close the connection after the responses that are due."""
        self._set_deadline(None)
        self._ignores_input = True
        if self._response_due:
            self.cycle.keep_alive = False
        else:
            self.transport.close()

    def _linger(self) -> None:
        """Close the connection as soon as the client has read its response, or at once if the server stops."""
        self._ignores_input = True
        if self._stopping or self.transport.is_closing():
            self.transport.close()
        else:
            LingeringClose(self.transport, self.connections)
            self.connection_lost(ConnectionAbortedError())  # for the application and the server, it has ended
