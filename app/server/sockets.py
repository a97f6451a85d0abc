"""Listening: where the workers take on their callers.

uvloop takes on one caller for each listening socket in a turn of its loop. Behind a hundred busy callers, whose turn takes
ten milliseconds, new ones (a balancer that asks for health) waited for seconds; so a worker listens on several.

Workers that share a socket do not share its callers: whoever is awake takes all that come at once, and a pool of
connections stands idle beside a queue. So each has sockets of its own on the same address (SO_REUSEPORT), and Linux spreads
the callers over them.
"""

import socket
from typing import Any, Final

ACCEPTS_PER_TURN: Final = 16
"""Callers that a worker takes on in one turn."""
Address = tuple[Any, ...]


class Own(socket.socket):
    """A socket that every process which is given it opens for itself."""

    @classmethod
    def bound(cls, family: int, address: Address) -> "Own":
        """Return a socket on an address that others of the same user may have, too."""
        own = cls(family, socket.SOCK_STREAM)
        own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        own.bind(address)
        return own

    def __reduce__(self) -> Any:
        """Give the address instead of the socket."""
        return Own.bound, (int(self.family), self.getsockname())


def sockets(host: str, port: int) -> list[socket.socket]:
    """Return what a worker listens on: this process, or each that is given them."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    first = Own.bound(family, (host, port))
    return [first, *(Own.bound(family, first.getsockname()) for _ in range(ACCEPTS_PER_TURN - 1))]
