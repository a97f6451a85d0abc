"""A glance at what came: one whole, ordinary request can be refused without being heard.

To hear a request (its scope, its headers, its timers) costs as much as to send the refusal. So a second parser of the
same make is asked, which tells nothing but the address, and where a request begins and ends. What it sees is what the
connection's own would hear; so a request that was refused at a glance ends where it would have ended, and the next one
begins there. Anything but one whole request of ordinary size, with one Host, and nothing that wants attention
(chunks, expectations, upgrades, HEAD, the end of the connection), is not for a glance.
"""

import re
from typing import Final, NamedTuple

import httptools

from app.http.answer import Header
from app.http.bounds import MOST_HEADERS

LARGEST_HEAD: Final = 8192
_telling = re.compile(
    rb"\n(host|origin|x-request-id|expect|transfer-encoding|(?:proxy-)?connection(?!:[ \t]*keep-alive\r)):[ \t]*([^\r]*)",
    re.IGNORECASE,
)
_PLAIN: Final = frozenset({b"host", b"origin", b"x-request-id"})


class Seen(NamedTuple):
    """What a refusal has to know of a request."""

    url: bytes
    headers: list[Header]


class _Eye:
    """What the parser tells."""

    __slots__ = ("begun", "ended", "url")

    def __init__(self) -> None:
        self.begun = self.ended = 0
        self.url = b""

    def on_message_begin(self) -> None:
        self.begun += 1

    def on_url(self, url: bytes) -> None:
        self.url = url

    def on_message_complete(self) -> None:
        self.ended += 1


def glance(data: bytes) -> Seen | None:
    """Return what is seen of one whole, ordinary request; None of anything else."""
    eye = _Eye()
    parser = httptools.HttpRequestParser(eye)
    try:
        parser.feed_data(data)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        return None
    end = data.find(b"\r\n\r\n")
    if not eye.begun == eye.ended == 1 or end > LARGEST_HEAD or data.count(b"\n", 0, end) > MOST_HEADERS:
        return None
    if parser.get_http_version() != "1.1" or parser.get_method() == b"HEAD":
        return None
    headers = [(name.lower(), value) for name, value in _telling.findall(data, 0, end + 2)]
    names = [name for name, _ in headers]
    if names.count(b"host") != 1 or not _PLAIN.issuperset(names):
        return None
    return Seen(eye.url, headers)
