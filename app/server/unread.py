"""Unread responses: limits the bytes of responses that the clients of a worker have not read.

The server keeps a response in memory until its client has read it. If the unread responses of all clients are too large
together, the connections of the clients that read most slowly are closed.
"""

import time
from typing import Final, NamedTuple, Protocol

MAX_UNREAD_BYTES: Final = 128 * 2**20


class Transport(Protocol):
    """The methods of a connection's transport that this module uses."""

    def get_write_buffer_size(self) -> int:
        """Return the number of bytes that wait to be sent."""
        ...

    def abort(self) -> None:
        """Close the connection at once."""
        ...


class _Unread(NamedTuple):
    """The number of unread bytes of a connection when it was added, and the time at which it was added."""

    size: int
    since: float


class UnreadResponses:
    """The connections of a worker whose clients have not read their responses."""

    def __init__(self, max_bytes: int = MAX_UNREAD_BYTES) -> None:
        """Start without connections. Together they may have `max_bytes` unread bytes."""
        self._max_bytes = max_bytes
        self._found: dict[Transport, _Unread] = {}
        self._most = 0
        """The sum of `_Unread.size`. If clients have read a part since then, the current number of bytes is lower."""

    @property
    def size(self) -> int:
        """The number of bytes that are unread now."""
        return sum(transport.get_write_buffer_size() for transport in self._found)

    def add(self, transport: Transport) -> None:
        """Add a connection.

        If there are too many unread bytes afterwards, close the connections that are read most slowly.
        """
        size = transport.get_write_buffer_size()
        self._found[transport] = _Unread(size, time.monotonic())
        self._most += size
        if self._most > self._max_bytes:
            self._close_slowest(self.size - self._max_bytes)

    def discard(self, transport: Transport) -> None:
        """Remove a connection whose responses were read, or which was lost. Do nothing if it was not added."""
        found = self._found.pop(transport, None)
        if found is not None:
            self._most -= found.size

    def _close_slowest(self, excess: int) -> None:
        """Abort the most slowly read connections, until at least `excess` unread bytes are freed.

        Of equally slow connections, abort the one that was added first.
        """
        if excess <= 0:
            return
        now = time.monotonic()

        def rate(transport: Transport) -> float:
            size, since = self._found[transport]
            return (size - transport.get_write_buffer_size()) / max(now - since, 1.0)

        for transport in sorted(self._found, key=rate):  # sorting is stable, and the oldest is first
            if excess <= 0:
                return
            excess -= transport.get_write_buffer_size()
            self.discard(transport)
            transport.abort()
