"""A relay between a server and its PostgreSQL, which the tests can cut, silence and mend."""

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


class Relay:
    """Listens on a unix socket of its own, at `url`, and passes everything on to the PostgreSQL of another URL."""

    def __init__(self, url: str) -> None:
        self._target = url
        self._folder = TemporaryDirectory(prefix="relay", dir="/tmp")
        parts = urlsplit(url)
        self.url = f"postgresql://{parts.netloc.rpartition('@')[0]}@{parts.path}?host={self._folder.name}"
        self._path = Path(self._folder.name, f".s.PGSQL.{PORT}")
        self._listener: socket.socket | None = None
        self._connections: list[socket.socket] = []
        self._passing = threading.Event()
        self._ending = threading.Event()

    def __enter__(self) -> Self:
        self.mend()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()
        self._folder.cleanup()

    def mend(self) -> None:
        """Take connections, and pass on what they say."""
        self._passing.set()
        self._ending.set()
        if self._listener is None:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(self._path))
            self._listener.listen()
            threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()

    def silence(self) -> None:
        """Take connections and words, and pass nothing on."""
        self._passing.clear()

    def keep_ends(self) -> None:
        """Pass on what is said, and not that a connection ended."""
        self._ending.clear()

    def cut(self) -> None:
        """End every connection, and refuse new ones."""
        if self._listener is not None:
            self._path.unlink()
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        self._passing.set()
        self._ending.set()
        while self._connections:
            connection = self._connections.pop()
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near = listener.accept()[0]
                far = _upstream(self._target)
                self._connections += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=[source, sink], daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while words := source.recv(BYTES):
                self._passing.wait()
                sink.sendall(words)
            self._ending.wait()
            sink.shutdown(socket.SHUT_WR)
