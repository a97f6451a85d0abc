"""Unread responses: how many bytes the clients of a worker may leave unread.

A client that does not read its response makes the server keep it. If all clients together do so with too much, the connections
of the slowest are closed: a client that reads is not closed because of others that do not.
"""

import time
from typing import Final, NamedTuple, Protocol

MAX_UNREAD_BYTES: Final = 128 * 2**20


class Transport(Protocol):
    """The part of a connection's transport that is needed here."""

    def get_write_buffer_size(self) -> int:
        """Return how many bytes wait to be sent."""
        ...

    def abort(self) -> None:
        """Close the connection at once."""
        ...


class _Unread(NamedTuple):
    """How many bytes were unread when the client was found to be slow, and when that was."""

    size: int
    since: float


class UnreadResponses:
    """The connections whose clients have not read their responses."""

    def __init__(self, max_bytes: int = MAX_UNREAD_BYTES) -> None:
        """Start with none. Together they may have `max_bytes`."""
        self._max_bytes = max_bytes
        self._found: dict[Transport, _Unread] = {}
        self._most = 0
        """The sum of the sizes that were found. By now, the clients may have read a part."""

    @property
    def size(self) -> int:
        """How many bytes are unread now."""
        return sum(transport.get_write_buffer_size() for transport in self._found)

    def add(self, transport: Transport) -> None:
        """Add a connection. If there are too many bytes then, close the connections that are read most slowly."""
        size = transport.get_write_buffer_size()
        self._found[transport] = _Unread(size, time.monotonic())
        self._most += size
        if self._most > self._max_bytes:
            self._close_slowest(self.size - self._max_bytes)

    def discard(self, transport: Transport) -> None:
        """Remove a connection that was read, or lost; do nothing if it was not added."""
        found = self._found.pop(transport, None)
        if found is not None:
            self._most -= found.size

    def _close_slowest(self, excess: int) -> None:
        """Close connections that have `excess` bytes together: of those that are read equally fast, the oldest first."""
        if excess <= 0:
            return
        now = time.monotonic()

        def rate(transport: Transport) -> float:
            size, since = self._found[transport]
            return (size - transport.get_write_buffer_size()) / max(now - since, 1.0)

        for transport in sorted(self._found, key=rate):  # stable: the oldest is first
            if excess <= 0:
                return
            excess -= transport.get_write_buffer_size()
            self.discard(transport)
            transport.abort()
