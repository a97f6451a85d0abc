"""Listening: every worker has sockets of its own, and callers are spread over them."""

import pickle
import socket
from multiprocessing.reduction import ForkingPickler

from app.server.sockets import LISTENERS_PER_WORKER, ReusePortSocket, listening_sockets

CALLERS = 64


def taken_on(listener: socket.socket) -> int:
    """Return how many callers wait at a socket."""
    count = 0
    while True:
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1


def test_what_another_process_is_given_is_a_socket_of_its_own_and_gets_its_share_of_callers() -> None:
    mine = ReusePortSocket.bind_to(socket.AF_INET, ("127.0.0.1", 0))
    others = pickle.loads(ForkingPickler.dumps(mine))  # noqa: S301 - as a new worker gets it
    assert mine.fileno() != others.fileno()
    assert mine.getsockname() == others.getsockname()
    for listener in (mine, others):
        listener.listen(CALLERS)
        listener.settimeout(0)
    callers = [socket.create_connection(mine.getsockname()) for _ in range(CALLERS)]
    counts = [taken_on(mine), taken_on(others)]
    assert sum(counts) == CALLERS
    assert min(counts) > 0
    for each in (mine, others, *callers):
        each.close()


def test_a_worker_listens_on_several_sockets_of_one_address_of_either_kind() -> None:
    for host in ("127.0.0.1", "::1"):
        found = listening_sockets(host, 0)
        assert len(found) == LISTENERS_PER_WORKER
        assert len({each.getsockname() for each in found}) == 1
        assert found[0].getsockname()[0] == host
        for each in found:
            each.close()
