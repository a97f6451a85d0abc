"""The bounds of a request: how much of what it may have, and what it may ask of the connection."""

from typing import Final

from app.http.response import Header
from app.problems import ExpectationFailed, HeadersTooLarge, MalformedRequest, Problem, UrlTooLong

MAX_HEADERS: Final = 100
MAX_HEADER_BYTES: Final = 32 * 1024
MAX_URL_BYTES: Final = 8192
MAX_FRAMING_BYTES: Final = 4096
MAX_HEAD_BYTES: Final = MAX_URL_BYTES + MAX_HEADER_BYTES + MAX_FRAMING_BYTES
HEADER_SECONDS: Final = 5.0
BODY_SECONDS: Final = 15.0
MAX_LINGERING_BYTES: Final = 32 * 1024 * 1024
"""What is read away of a client that was answered already, and is to hear it."""


def check_head_size(url: bytes, headers: list[Header]) -> Problem | None:
    """Return what is wrong with the size of a head."""
    if len(url) > MAX_URL_BYTES:
        return UrlTooLong()
    size = sum(len(name) + len(value) for name, value in headers)
    return HeadersTooLarge() if len(headers) > MAX_HEADERS or size > MAX_HEADER_BYTES else None


def unfinished_head(url: bytes) -> Problem:
    """Return what is wrong with a head that does not end."""
    return UrlTooLong() if len(url) > MAX_URL_BYTES else HeadersTooLarge()


def check_target(url: bytes, headers: list[Header], version: str) -> Problem | None:
    """Return what is wrong with where a request goes: to one host, which HTTP/1.0 need not name, and to a path.

    An address may be whole, as a proxy is told it, if it names the same host (RFC 9112, 3.2.2); nothing of it stays
    unread, as a fragment would.
    """
    hosts = [value for name, value in headers if name == b"host"]
    named = len(hosts) == 1 if version == "1.1" else len(hosts) <= 1 and version == "1.0"
    whole = [b"%b://%b/" % (scheme, host) for scheme in (b"http", b"https") for host in hosts]
    ours = url == b"*" or url.startswith((b"/", *whole))
    return None if named and ours and b"#" not in url else MalformedRequest()


def check_framing(headers: list[Header], version: str, *, upgrading: bool) -> Problem | None:
    """Return what is wrong with headers on which it hangs how the rest is heard.

    A body comes as it is or in chunks, and in chunks not in HTTP/1.0 (RFC 9112, 6.1). The wish for another protocol is
    not granted (RFC 9110, 7.8), but the parser would take a body that comes with it for the next request. And nobody may
    expect more than to be told that a body is wanted.
    """
    told = [(name, value.lower()) for name, value in headers]
    codings = [value for name, value in told if name == b"transfer-encoding"]
    sized = codings or any(name == b"content-length" and value.strip(b"0") for name, value in told)
    if (codings and (codings != [b"chunked"] or version == "1.0")) or (upgrading and sized):
        return MalformedRequest()
    unmet = any(name == b"expect" and value != b"100-continue" for name, value in told)
    return ExpectationFailed() if unmet else None
