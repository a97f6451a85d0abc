"""A glance at what came: one whole, ordinary request can be refused without being heard.

To hear a request (its scope, its timers, its end) costs as much as to send the refusal. So a second parser of the same
make is asked, which remembers next to nothing. What it sees is what the connection's own would hear: a request that was
refused at a glance ends where it would have ended, and the next one begins there. Anything but one whole request of
ordinary size, with one Host, and nothing that wants attention (chunks, expectations, upgrades, HEAD, the end of the
connection), is not for a glance.
"""

from typing import Final

import httptools

from app.http.answer import Header
from app.http.bounds import LONGEST_URL, MOST_HEADER_BYTES, MOST_HEADERS

_PARTICULAR: Final = frozenset({b"connection", b"expect", b"proxy-connection", b"transfer-encoding"})


class Seen:
    """What the parser tells."""

    __slots__ = ("begun", "ended", "headers", "url")

    def __init__(self) -> None:
        """Begin with nothing."""
        self.begun = self.ended = 0
        self.url = b""
        self.headers: list[Header] = []

    def on_message_begin(self) -> None:
        """Count it."""
        self.begun += 1

    def on_url(self, url: bytes) -> None:
        """Remember it."""
        self.url = url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Remember it."""
        self.headers.append((name.lower(), value))

    def on_message_complete(self) -> None:
        """Count it."""
        self.ended += 1


def glance(data: bytes) -> Seen | None:
    """Return what is seen of one whole, ordinary request; None of anything else."""
    if len(data) > MOST_HEADER_BYTES:
        return None
    seen = Seen()
    parser = httptools.HttpRequestParser(seen)
    try:
        parser.feed_data(data)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        return None
    names = [name for name, _ in seen.headers]
    ordinary = (
        seen.begun == seen.ended == 1
        and len(seen.url) <= LONGEST_URL
        and seen.url.startswith(b"/")
        and b"#" not in seen.url
        and len(names) <= MOST_HEADERS
        and names.count(b"host") == 1
        and (_PARTICULAR.isdisjoint(names) or _is_kept_alive(seen.headers))
        and parser.get_http_version() == "1.1"
        and parser.get_method() != b"HEAD"
    )
    return seen if ordinary else None


def _is_kept_alive(headers: list[Header]) -> bool:
    """Whether all that is particular is that the connection should go on, as it does anyway."""
    found = [header for header in headers if header[0] in _PARTICULAR]
    return all(name.endswith(b"connection") and value.lower() == b"keep-alive" for name, value in found)
