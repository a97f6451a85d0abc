"""A receiver of requests: it accepts connections on this machine, keeps what it receives, and sends bytes in return."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SECONDS = 10


def document(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """Return a response with a body."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


class Receiver:
    """Accepts connections on an address; each gets the pieces of `reply`, with `pause` seconds before each."""

    def __init__(self, address: str, certificate: tuple[Path, Path] | None) -> None:
        self.reply: list[bytes] = [document(b"{}")]
        self.pause = 0.0
        self.requests: list[bytes] = []
        self.connections = 0
        self._tls: ssl.SSLContext | None = None
        if certificate is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(*certificate)
        self._listener = socket.create_server(
            (address, 0), family=socket.AF_INET6 if ":" in address else socket.AF_INET
        )
        self._listener.settimeout(0.05)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port."""
        return int(self._listener.getsockname()[1])

    def close(self) -> None:
        """Stop accepting connections."""
        self._ending.set()
        self._thread.join(SECONDS)
        self._listener.close()

    def _serve(self) -> None:
        while not self._ending.is_set():
            with suppress(TimeoutError):
                accepted, _ = self._listener.accept()
                self.connections += 1
                with suppress(OSError):
                    self._answer(accepted)

    def _answer(self, accepted: socket.socket) -> None:
        accepted.settimeout(SECONDS)
        with accepted if self._tls is None else self._tls.wrap_socket(accepted, server_side=True) as connection:
            received = b""
            while b"\r\n\r\n" not in received:
                piece = connection.recv(4096)
                if not piece:
                    return
                received += piece
            self.requests.append(received)
            for piece in self.reply:
                time.sleep(self.pause)
                connection.sendall(piece)


@contextmanager
def receiving(address: str = "127.0.0.1", certificate: tuple[Path, Path] | None = None) -> Iterator[Receiver]:
    """Run a receiver until the block ends."""
    receiver = Receiver(address, certificate)
    try:
        yield receiver
    finally:
        receiver.close()
