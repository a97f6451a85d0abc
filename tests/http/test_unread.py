"""Unread responses: beyond a number of bytes, the connections that are read most slowly are closed."""

import pytest

from app.server.unread import UnreadResponses


class Unread:
    """A transport with bytes that its client has not read."""

    def __init__(self, size: int) -> None:
        self.size, self.is_aborted = size, False

    def get_write_buffer_size(self) -> int:
        """Return the bytes that are left."""
        return self.size

    def abort(self) -> None:
        """Note that the connection is closed."""
        self.is_aborted = True


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, as the last of these numbers."""
    moments = [100.0]
    monkeypatch.setattr("app.server.unread.time.monotonic", lambda: moments[-1])
    return moments


def test_the_oldest_of_those_that_read_nothing_is_closed_first(now: list[float]) -> None:
    unread, clients = UnreadResponses(100), [Unread(40) for _ in range(4)]
    for client in clients:
        unread.add(client)
        now.append(now[-1] + 10)
    assert [client.is_aborted for client in clients] == [True, True, False, False]
    assert unread.size == 80


def test_a_client_that_reads_is_not_closed_because_of_one_that_does_not(now: list[float]) -> None:
    unread, reader, sleeper = UnreadResponses(100), Unread(60), Unread(30)
    unread.add(reader)
    unread.add(sleeper)
    now.append(110.0)
    reader.size = 50
    unread.add(Unread(30))
    assert (reader.is_aborted, sleeper.is_aborted) == (False, True)


def test_what_was_read_does_not_count(now: list[float]) -> None:
    unread, clients = UnreadResponses(100), [Unread(60), Unread(60)]
    unread.add(clients[0])
    now.append(101.0)
    clients[0].size = 10
    unread.add(clients[1])
    assert not any(client.is_aborted for client in clients)
    for client in clients:
        unread.discard(client)
        unread.discard(client)
    unread.add(Unread(100))
    assert unread.size == 100


def test_a_connection_that_exceeds_the_maximum_alone_is_closed(now: list[float]) -> None:
    unread, client = UnreadResponses(100), Unread(101)
    assert now
    unread.add(client)
    assert (client.is_aborted, unread.size) == (True, 0)
