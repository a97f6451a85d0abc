"""A glance at what came: one whole, ordinary request can be refused without being heard.

To hear a request (its scope, its timers, its end) costs as much as to send the refusal. So a second parser of the same
make is asked, which remembers next to nothing. What it sees is what the connection's own would hear: a request that was
refused at a glance ends where it would have ended, and the next one begins there. Anything but one whole request of
ordinary size, with one Host, and nothing that wants attention (chunks, expectations, upgrades, HEAD, the end of the
connection), is not for a glance.
"""

from typing import Final

import httptools

from app.http.response import Header
from app.server.limits import MAX_HEADER_BYTES, MAX_HEADERS, MAX_URL_BYTES

_PARTICULAR: Final = frozenset({b"connection", b"expect", b"proxy-connection", b"transfer-encoding"})


class Glance:
    """What looks; while it sees nothing but ordinary requests, one parser hears them all."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self._begun = self._ended = 0
        self.url = b""
        """The address of the last request."""
        self.headers: list[Header] = []
        """The headers of the last request, their names in lower case."""
        self._parser = httptools.HttpRequestParser(self)

    def on_message_begin(self) -> None:
        """Count it."""
        self._begun += 1

    def on_url(self, url: bytes) -> None:
        """Remember it."""
        self.url = url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Remember it."""
        self.headers.append((name.lower(), value))

    def on_message_complete(self) -> None:
        """Count it."""
        self._ended += 1

    def sees(self, data: bytes) -> bool:
        """Say whether this is one whole, ordinary request, and remember what a refusal has to know of it."""
        self._begun = self._ended = 0
        self.headers = []
        seen = len(data) <= MAX_HEADER_BYTES and self._is_ordinary(data)
        if not seen:
            self._parser = httptools.HttpRequestParser(self)
        return seen

    def _is_ordinary(self, data: bytes) -> bool:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            return False
        names = [name for name, _ in self.headers]
        line = data[: data.find(b"\n")]
        return (
            self._begun == self._ended == 1
            and len(self.url) <= MAX_URL_BYTES
            and self.url.startswith(b"/")
            and b"#" not in self.url
            and len(names) <= MAX_HEADERS
            and names.count(b"host") == 1
            and (_PARTICULAR.isdisjoint(names) or _is_kept_alive(self.headers))
            and line.endswith(b" HTTP/1.1\r")
            and not line.startswith(b"HEAD ")
        )


def _is_kept_alive(headers: list[Header]) -> bool:
    """Whether all that is particular is that the connection should go on, as it does anyway."""
    found = [header for header in headers if header[0] in _PARTICULAR]
    return all(name.endswith(b"connection") and value.lower() == b"keep-alive" for name, value in found)
