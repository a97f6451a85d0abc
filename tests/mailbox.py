"""A mailbox for tests: a small SMTP server on the loopback interface that keeps the e-mails it receives."""

import email
import queue
import re
import socketserver
import threading
from collections import defaultdict
from email.message import Message
from types import TracebackType
from typing import Self

SECONDS = 10


class Mailbox:
    """Receives e-mails, and returns them by e-mail address."""

    def __init__(self, seconds: float = SECONDS) -> None:
        """Take how long to wait for an e-mail."""
        self._seconds = seconds
        self._texts: defaultdict[str, queue.Queue[str]] = defaultdict(queue.Queue)
        keep = self._keep

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.wfile.write(b"220 ready\r\n")
                recipient = ""
                while line := self.rfile.readline():
                    verb = line[:4].upper()
                    if verb == b"EHLO":
                        self.wfile.write(b"250-mailbox\r\n250-8BITMIME\r\n")
                    if verb == b"RCPT":
                        recipient = line.decode().partition("<")[2].partition(">")[0]
                    if verb == b"DATA":
                        self.wfile.write(b"354 go on\r\n")
                        lines = []
                        while (part := self.rfile.readline()) != b".\r\n":
                            lines.append(part.removeprefix(b"."))
                        keep(recipient, email.message_from_bytes(b"".join(lines)))
                    self.wfile.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 SMTPUTF8\r\n")

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def text_to(self, address: str) -> str:
        """Wait for the next e-mail to an e-mail address, and return its text."""
        return self._texts[address].get(timeout=self._seconds)

    def code_to(self, address: str) -> str:
        """Wait for the next e-mail to an e-mail address, and return the code in it."""
        found = re.search(r"^Code: (\S+)$", self.text_to(address), re.MULTILINE)
        assert found is not None
        return found[1]

    def is_empty(self, address: str) -> bool:
        """Return whether no e-mail to an e-mail address is left to read."""
        return self._texts[address].empty()

    def _keep(self, recipient: str, message: Message) -> None:
        payload = message.get_payload(decode=True)
        assert isinstance(payload, bytes)
        self._texts[recipient].put(payload.decode().replace("\r\n", "\n"))
