"""The listening sockets: each worker has its own, and the kernel distributes connections over them."""

import pickle
import socket
from multiprocessing.reduction import ForkingPickler

import pytest

from app.server.sockets import LISTENERS_PER_WORKER, ReusePortSocket, listening_sockets

CONNECTIONS = 64


def accept_all(listener: socket.socket) -> int:
    """Accept the connections that wait at a socket, and return their number."""
    count = 0
    while True:
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1


def test_a_pickled_socket_becomes_another_socket_on_the_same_port_with_its_share_of_connections() -> None:
    own = ReusePortSocket.bind_to(socket.AF_INET, ("127.0.0.1", 0))
    other = pickle.loads(ForkingPickler.dumps(own))  # noqa: S301 - as multiprocessing does for a new worker
    assert own.fileno() != other.fileno()
    assert own.getsockname() == other.getsockname()
    for listener in (own, other):
        listener.listen(CONNECTIONS)
        listener.settimeout(0)
    connections = [socket.create_connection(own.getsockname()) for _ in range(CONNECTIONS)]
    counts = [accept_all(own), accept_all(other)]
    assert sum(counts) == CONNECTIONS
    assert min(counts) > 0
    for each in (own, other, *connections):
        each.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_worker_has_several_sockets_on_one_port(host: str) -> None:
    found = listening_sockets(host, 0)
    assert len(found) == LISTENERS_PER_WORKER
    assert len({each.getsockname() for each in found}) == 1
    assert found[0].getsockname()[0] == host
    for each in found:
        each.close()
