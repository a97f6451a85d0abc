"""Lingering: a connection that ends while its client may still send reads that away, or the client loses its answer.

To close it at once would have the kernel answer what comes next with a reset, and that throws away what the client has
not read yet: it would see a broken pipe instead of the problem (RFC 9112, 9.6). So the client hears that no more will be
said, and has a while to end what it says, which nobody keeps, and to hang up.
"""

import asyncio
from typing import Any

from app.server import limits


class LingeringClose(asyncio.Protocol):
    """What a connection is left to once its last answer is written: it holds nothing of the request."""

    def __init__(self, transport: asyncio.Transport, connections: set[Any]) -> None:
        """Take the transport over, and its place among the server's connections: none is in hand, but all are closed."""
        self._transport = transport
        self._connections = connections
        self._left = limits.MAX_LINGERING_BYTES
        self._deadline = asyncio.get_running_loop().call_later(limits.BODY_SECONDS, transport.abort)
        connections.add(self)
        transport.set_protocol(self)
        transport.write_eof()
        transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Forget what came; end where it is too much."""
        self._left -= len(data)
        if self._left < 0:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - however it ended
        """Be done."""
        self._deadline.cancel()
        self._connections.discard(self)

    def shutdown(self) -> None:
        """Keep no server from stopping."""
        self._transport.close()
