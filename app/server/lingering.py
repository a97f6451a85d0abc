"""Lingering close: reads and discards data that a refused client still sends, so that the client can read the response.

If the server closed the socket at once, the kernel would answer the client's next bytes with a reset, and the reset
would discard the unread response: the client would see a broken pipe instead of the problem (RFC 9112, 9.6). So the
server closes only its sending side, and gives the client some time to finish and close the connection.
"""

import asyncio
from typing import Any

from app.server import limits


class LingeringClose(asyncio.Protocol):
    """The asyncio protocol of a connection after its last response. It discards the data that arrives.

    It keeps no data of the request in memory.
    """

    def __init__(self, transport: asyncio.Transport, connections: set[Any]) -> None:
        """Become the protocol of the transport, close the transport's sending side, and start the deadline.

        Add this protocol to `connections`, which the server closes when it shuts down.
        """
        self._transport = transport
        self._connections = connections
        self._bytes_left = limits.MAX_LINGER_BYTES
        self._deadline = asyncio.get_running_loop().call_later(limits.MAX_LINGER_SECONDS, transport.abort)
        connections.add(self)
        transport.set_protocol(self)
        transport.write_eof()
        transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Discard the data. Abort the connection after `MAX_LINGER_BYTES`."""
        self._bytes_left -= len(data)
        if self._bytes_left < 0:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the same for every reason
        """Remove this connection from the server's connections."""
        self._deadline.cancel()
        self._connections.discard(self)

    def shutdown(self) -> None:
        """Close the connection, because the server shuts down."""
        self._transport.close()
