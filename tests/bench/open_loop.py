"""The open loop: requests leave by a fixed schedule, whether the server keeps up or not.

A request's wait counts from the moment at which it was due, not from when it could be sent, so a server that makes its
callers queue is not flattered (no coordinated omission). Each request takes a connection that is free, or a new one, as
if it came from a caller of its own.
"""

import gc
import select
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.bench.load import Address

MOST_CONNECTIONS: Final = 2000
LATE: Final = 1.0
"""Seconds after which an answer is of no use to its caller any more."""
PATIENCE: Final = 10.0
PREPARING_SECONDS: Final = 0.05
PROBE_SECONDS: Final = 0.05
PROBE: Final = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@dataclass(slots=True)
class Asked:
    """One request: when it was due, and what came of it."""

    due: float
    probe: bool = False
    sent: float = 0.0
    done: float = 0.0
    status: int = 0

    @property
    def wait(self) -> float:
        """How long its caller waited, in seconds."""
        return self.done - self.due


@dataclass(slots=True)
class Line:
    """A connection, the request that is on it, and how much of the answer is yet to come, once that is known."""

    socket: socket.socket
    asked: Asked | None = None
    missing: int = 0


class OpenLoop:
    """Callers of one server."""

    def __init__(self, address: Address, requests: Sequence[bytes], *, looks_every: float = 0.0) -> None:
        """Send `requests` in turn, again and again, and look for answers every so many seconds.

        Whoever waits for an answer instead (0) is woken by the server's sending it, at the server's expense: between two
        processes of one machine, that costs as much as the sending.
        """
        self._address, self._requests, self._looks_every = address, requests, looks_every
        self._lines: dict[int, Line] = {}
        self._free: list[Line] = []
        self._poll = select.epoll()
        self._sent = 0
        self._heard = bytearray(1 << 18)
        self.unsendable = 0
        """Requests that found no connection, or one that broke while they were on it."""

    def run(self, rate: float, seconds: float) -> list[Asked]:
        """Send so many requests a second for some seconds, wait for what is owed, and return them all."""
        asked = [Asked(number / rate) for number in range(int(rate * seconds))]
        probes = [Asked(number * PROBE_SECONDS, probe=True) for number in range(int(seconds / PROBE_SECONDS))]
        schedule = sorted([*asked, *probes], key=lambda each: each.due)
        gc.collect()
        gc.disable()
        for number, _ in self._poll.poll(0):  # what was closed meanwhile
            self._hear(self._lines[number])
        began = time.perf_counter() + PREPARING_SECONDS
        until = began + seconds + PATIENCE
        for each in schedule:
            each.due += began
        at = owed = 0
        while (now := time.perf_counter()) < until and (at < len(schedule) or owed):
            while at < len(schedule) and schedule[at].due <= now:
                owed += self._ask(schedule[at])
                at += 1
            wait = max(0.0, schedule[at].due - time.perf_counter()) if at < len(schedule) else 0.05
            if self._looks_every:
                wait = 0.0
                time.sleep(self._looks_every)
            for number, _ in self._poll.poll(wait):
                owed -= self._hear(self._lines[number])
        gc.enable()
        return schedule

    def close(self) -> None:
        """Hang up."""
        for line in self._lines.values():
            line.socket.close()
        self._poll.close()

    def _ask(self, asked: Asked) -> int:
        if asked.probe:
            content = PROBE
        else:
            content = self._requests[self._sent % len(self._requests)]
            self._sent += 1
        while True:
            line = self._free.pop() if self._free else self._connected()
            if line is None:
                self.unsendable += 1
                return 0
            line.asked = asked
            asked.sent = time.perf_counter()
            try:
                line.socket.sendall(content)
            except OSError:  # the server closed it while it was idle
                self._drop(line)
                continue
            return 1

    def _connected(self) -> Line | None:
        if len(self._lines) >= MOST_CONNECTIONS:
            return None
        try:
            connection = socket.create_connection(self._address, PATIENCE)
        except OSError:
            return None
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line = self._lines[connection.fileno()] = Line(connection)
        self._poll.register(connection, select.EPOLLIN)
        return line

    def _drop(self, line: Line) -> None:
        self._poll.unregister(line.socket)
        del self._lines[line.socket.fileno()]
        line.socket.close()

    def _hear(self, line: Line) -> int:
        """Take what came; return how many requests are answered, or never will be."""
        try:
            size = line.socket.recv_into(self._heard)
        except OSError:
            size = 0
        asked = line.asked
        if not size:
            self._drop(line)
            if asked is None:
                self._free.remove(line)
                return 0
            self.unsendable += 1
            return 1
        assert asked is not None, self._heard[:size]
        if not line.missing:
            asked.status = int(self._heard[9:12])
            line.missing = self._length(size)
        line.missing -= size
        if line.missing:
            return 0
        asked.done = time.perf_counter()
        line.asked = None
        self._free.append(line)
        return 1

    def _length(self, size: int) -> int:
        """Return the length of the answer whose head was heard."""
        end = self._heard.index(b"\r\n\r\n", 0, size) + 4
        at = self._heard.find(b"content-length:", 0, end)
        return end + (int(self._heard[at + 15 : self._heard.index(b"\r", at)]) if at > 0 else 0)
