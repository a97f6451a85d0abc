"""The listening sockets of the workers.

uvloop accepts one connection per listening socket in a turn of the event loop. With a hundred busy connections a turn
takes ten milliseconds, so a new client, such as a load balancer's health check, could wait for seconds. So each worker
listens on several sockets.

Workers that share a socket do not share its connections evenly: one worker may accept a whole burst while another
worker is idle. So each worker has its own sockets on the same address and port (SO_REUSEPORT), and Linux distributes
the connections over them.
"""

import socket
from typing import Any, Final

LISTENERS_PER_WORKER: Final = 16
"""The number of listening sockets of a worker. It accepts at most as many connections in a turn of the event loop."""
Address = tuple[Any, ...]


class ReusePortSocket(socket.socket):
    """A socket that becomes a new socket on the same address and port when it is unpickled in another process."""

    @classmethod
    def bind_to(cls, family: int, address: Address) -> "ReusePortSocket":
        """Return a socket that is bound to `address`. Other sockets of the same user can bind to this address, too."""
        bound = cls(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(address)
        return bound

    def __reduce__(self) -> Any:
        """Pickle the address instead of the file descriptor."""
        return ReusePortSocket.bind_to, (int(self.family), self.getsockname())


def listening_sockets(host: str, port: int) -> list[socket.socket]:
    """Return the listening sockets of one worker. Each process that unpickles them gets sockets of its own."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    first = ReusePortSocket.bind_to(family, (host, port))
    others = (ReusePortSocket.bind_to(family, first.getsockname()) for _ in range(LISTENERS_PER_WORKER - 1))
    return [first, *others]
