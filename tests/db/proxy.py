"""A proxy between a server and its PostgreSQL, which tests can cut, pause and resume."""

import socket
import threading
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

BYTES = 65_536
PORT = 5432


def _upstream(url: str) -> socket.socket:
    parts = urlsplit(url)
    host = parse_qs(parts.query).get("host", [parts.hostname or "localhost"])[0]
    if not host.startswith("/"):
        return socket.create_connection((host, parts.port or PORT))
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(f"{host}/.s.PGSQL.{parts.port or PORT}")
    return connection


class Proxy:
    """Listens on a unix socket, at `url`, and forwards all traffic to the PostgreSQL of another URL."""

    def __init__(self, url: str) -> None:
        self._target = url
        self._folder = TemporaryDirectory(prefix="relay", dir="/tmp")
        parts = urlsplit(url)
        self.url = f"postgresql://{parts.netloc.rpartition('@')[0]}@{parts.path}?host={self._folder.name}"
        self._path = Path(self._folder.name, f".s.PGSQL.{PORT}")
        self._listener: socket.socket | None = None
        self._connections: list[socket.socket] = []
        self._passing = threading.Event()
        self._gates = [self._passing]
        """The gates of the traffic; connections are made with the last one."""
        self._passing_ends = threading.Event()

    def __enter__(self) -> Self:
        self.resume()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()
        self._folder.cleanup()

    def resume(self) -> None:
        """Accept connections, and forward their traffic."""
        self._passing.set()
        self._passing_ends.set()
        if self._listener is None:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(self._path))
            self._listener.listen()
            threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()

    def pause(self) -> None:
        """Accept connections and traffic, and forward nothing."""
        self._passing.clear()

    def drop(self) -> None:
        """Forward nothing more on the present connections, without a sign, as a firewall does; accept new ones."""
        self._passing.clear()
        self._passing = threading.Event()
        self._gates.append(self._passing)
        self.resume()

    def hold_ends(self) -> None:
        """Forward traffic, but not the end of a connection."""
        self._passing_ends.clear()

    def cut(self) -> None:
        """Close every connection, and refuse new ones."""
        if self._listener is not None:
            self._path.unlink()
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for gate in self._gates:
            gate.set()
        self._passing_ends.set()
        while self._connections:
            connection = self._connections.pop()
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                local = listener.accept()[0]
                remote = _upstream(self._target)
                self._connections += [local, remote]
                for source, sink in ((local, remote), (remote, local)):
                    threading.Thread(target=self._pass_on, args=[source, sink, self._passing], daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, gate: threading.Event) -> None:
        with suppress(OSError):
            while words := source.recv(BYTES):
                gate.wait()
                sink.sendall(words)
            self._passing_ends.wait()
            sink.shutdown(socket.SHUT_WR)
