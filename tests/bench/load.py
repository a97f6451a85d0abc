"""The load generator: one thread, sixteen connections, prepared bytes. A request costs it about ten microseconds.

A *conversation* is a generator: it yields the bytes of a request, and is sent the status, head and body of the response. A
client that needs the last response, such as a version, is a plain loop.
"""

import gc
import select
import socket
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

Address = tuple[str, int]
PATIENCE = 30.0


class Response(NamedTuple):
    """A response."""

    status: int
    head: bytes
    body: bytes


Conversation = Generator[bytes, Response, None]


@dataclass
class Round:
    """One round: its duration, and the time of each response, in seconds."""

    seconds: float
    waits: list[float]
    failures: int


class Line:
    """A connection and its conversation."""

    def __init__(self, address: Address, conversation: Conversation) -> None:
        """Connect."""
        self.socket = socket.create_connection(address, PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._conversation = conversation
        self._parts: list[bytes] = []
        self._size = self._expected = 0
        self.sent = 0.0

    def ask(self, answer: Response | None = None) -> None:
        """Send the next request."""
        request = next(self._conversation) if answer is None else self._conversation.send(answer)
        self._parts, self._size, self._expected = [], 0, 0
        self.sent = time.perf_counter()
        self.socket.sendall(request)

    def end(self, answer: Response) -> None:
        """Tell the conversation the last answer."""
        self._conversation.send(answer)
        self.socket.close()

    def hear(self) -> Response | None:
        """Take what came; return the answer once it is complete."""
        data = self.socket.recv(1 << 20)
        if not data:
            raise ConnectionResetError
        self._parts.append(data)
        self._size += len(data)
        if not self._expected:
            data = b"".join(self._parts)
            self._parts = [data]
            self._expected = _length(data)
        if self._expected < 0:  # in chunks: the last one is empty
            data = b"".join(self._parts[-2:])
            return self._whole() if data.endswith(b"\r\n0\r\n\r\n") else None
        return self._whole() if 0 < self._expected <= self._size else None

    def _whole(self) -> Response:
        head, _, body = b"".join(self._parts).partition(b"\r\n\r\n")
        return Response(int(head[9:12]), head, _joined(body) if self._expected < 0 else body)


def _length(data: bytes) -> int:
    """Return the length of a response; -1 if it is chunked, 0 if its head is incomplete."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return 0
    head = data[:end].lower()
    at = head.find(b"content-length:")
    if at < 0:
        return -1
    return end + 4 + int(head[at + 15 :].split(b"\r\n", 1)[0])


def _joined(chunks: bytes) -> bytes:
    body = []
    while chunks:
        size, _, chunks = chunks.partition(b"\r\n")
        body.append(chunks[: int(size, 16)])
        chunks = chunks[int(size, 16) + 2 :]
    return b"".join(body)


def ask(address: Address, conversation: Conversation) -> Response:
    """Return the response to the first request of a conversation."""
    line = Line(address, conversation)
    line.ask()
    answer = None
    while answer is None:
        answer = line.hear()
    line.end(answer)
    return answer


def drive(address: Address, conversations: Sequence[Conversation], seconds: float, expected: int) -> Round:
    """Run all conversations for some seconds, and wait for the last responses."""
    lines = {line.socket.fileno(): line for line in (Line(address, each) for each in conversations)}
    waits: list[float] = []
    failures = 0
    poll = select.epoll()
    gc.collect()
    gc.disable()
    began = now = time.perf_counter()
    until = began + seconds
    for number, line in lines.items():
        poll.register(number, select.EPOLLIN)
        line.ask()
    talking = len(lines)
    while talking:
        ready = poll.poll(PATIENCE)
        if not ready:
            raise TimeoutError
        for number, _ in ready:
            line = lines[number]
            answer = line.hear()
            if answer is None:
                continue
            now = time.perf_counter()
            waits.append(now - line.sent)
            failures += answer.status != expected
            if now < until:
                line.ask(answer)
            else:
                talking -= 1
                line.end(answer)
    gc.enable()
    poll.close()
    return Round(now - began, waits, failures)
