"""An open-loop load generator: requests are sent on a fixed schedule, independent of the responses.

The time of a request counts from when it was due, not from when it was sent, which avoids coordinated omission. Each request
uses a free connection or a new one.
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
    """A request: when it was due, and its outcome."""

    due: float
    probe: bool = False
    sent: float = 0.0
    done: float = 0.0
    status: int = 0

    @property
    def wait(self) -> float:
        """The seconds from the due time to the response."""
        return self.done - self.due


@dataclass(slots=True)
class Line:
    """A connection, its current request, and the number of bytes missing from the response."""

    socket: socket.socket
    asked: Asked | None = None
    missing: int = 0


class OpenLoop:
    """The connections to one server."""

    def __init__(self, address: Address, requests: Sequence[bytes], *, poll_seconds: float = 0.0) -> None:
        """Send `requests` repeatedly, and poll for responses every `poll_seconds` seconds.

        With 0 the process blocks until a response comes: the server then pays for waking it, which costs as much as sending
        between two processes of one machine.
        """
        self._address, self._requests, self._poll_seconds = address, requests, poll_seconds
        self._lines: dict[int, Line] = {}
        self._free: list[Line] = []
        self._poll = select.epoll()
        self._sent = 0
        self._heard = bytearray(1 << 18)
        self.unsendable = 0
        """Requests that found no connection, or one that broke while they were on it."""

    def run(self, rate: float, seconds: float) -> list[Asked]:
        """Send requests at this rate for some seconds, wait for the responses, and return all requests."""
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
            if self._poll_seconds:
                wait = 0.0
                time.sleep(self._poll_seconds)
            for number, _ in self._poll.poll(wait):
                owed -= self._hear(self._lines[number])
        gc.enable()
        return schedule

    def close(self) -> None:
        """Close all connections."""
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
        """Read data; return the number of requests that are finished or lost."""
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
        """Return the length of the response whose head was received."""
        end = self._heard.index(b"\r\n\r\n", 0, size) + 4
        at = self._heard.find(b"content-length:", 0, end)
        return end + (int(self._heard[at + 15 : self._heard.index(b"\r", at)]) if at > 0 else 0)
