"""The limits of requests: sizes, times, and the checks of a request's head."""

from typing import Final

from app.http.response import Header
from app.problems import ExpectationFailed, HeadersTooLarge, MalformedRequest, Problem, UrlTooLong

MAX_HEADERS: Final = 100
MAX_HEADER_BYTES: Final = 32 * 1024
"""The maximum size of all headers together, names and values."""
MAX_URL_BYTES: Final = 8192
MAX_FRAMING_BYTES: Final = 4096
"""The maximum number of bytes between two requests or two chunks, such as blank lines and chunk extensions."""
MAX_HEAD_BYTES: Final = MAX_URL_BYTES + MAX_HEADER_BYTES + MAX_FRAMING_BYTES
MAX_HEAD_SECONDS: Final = 5.0
"""The maximum time from the first byte of a request to the end of its headers.

It is also the maximum time from the start of a connection to the first byte of its first request.
"""
BODY_GRACE_SECONDS: Final = 15.0
MIN_BODY_RATE: Final = 4096
"""The bytes per second at which a body must arrive, on average, after `BODY_GRACE_SECONDS`."""
MAX_BODY_SECONDS: Final = 600.0
"""The maximum time from the end of a request's headers to the end of its body, however fast it arrives."""
MAX_UNREAD_SECONDS: Final = 30.0
"""The maximum time for which a client may leave a response unread, or unacknowledged by TCP."""
MAX_LINGER_SECONDS: Final = 15.0
MAX_LINGER_BYTES: Final = 32 * 1024 * 1024
"""The maximum number of bytes that are discarded after a response, so that the client can read the response."""


def body_seconds(received: int) -> float:
    """Return the number of seconds in which `received` bytes of a body must have arrived.

    Each 4 KiB that have arrived extend the deadline by a second, as `MinRate` of Apache's mod_reqtimeout does. With a
    fixed deadline, a body of 1.4 MB could never be sent over a connection of 70 kB/s.
    """
    return min(BODY_GRACE_SECONDS + received / MIN_BODY_RATE, MAX_BODY_SECONDS)


def check_head_size(url: bytes, headers: list[Header]) -> Problem | None:
    """Return a problem if the URL or the headers of a request are too large, else None."""
    if len(url) > MAX_URL_BYTES:
        return UrlTooLong()
    size = sum(len(name) + len(value) for name, value in headers)
    return HeadersTooLarge() if len(headers) > MAX_HEADERS or size > MAX_HEADER_BYTES else None


def incomplete_head_problem(url: bytes) -> Problem:
    """Return the problem for a head that is incomplete and already longer than `MAX_HEAD_BYTES`."""
    return UrlTooLong() if len(url) > MAX_URL_BYTES else HeadersTooLarge()


def check_target(url: bytes, headers: list[Header], version: str) -> Problem | None:
    """Return a problem if the Host header or the URL of a request is not valid, else None.

    A request must have exactly one Host header, which only HTTP/1.0 may omit. Its URL must be a path or `*`, or an
    absolute URL with the same host, as clients send it to a proxy (RFC 9112, 3.2.2). The URL must not have a fragment.
    """
    hosts = [value for name, value in headers if name == b"host"]
    has_host = len(hosts) == 1 if version == "1.1" else len(hosts) <= 1 and version == "1.0"
    absolute = [b"%b://%b/" % (scheme, host) for scheme in (b"http", b"https") for host in hosts]
    is_known_form = url == b"*" or url.startswith((b"/", *absolute))
    return None if has_host and is_known_form and b"#" not in url else MalformedRequest()


def check_framing(headers: list[Header], version: str) -> Problem | None:
    """Return a problem if Transfer-Encoding or Expect, which say how the body is sent, are not supported, else None.

    The only supported value of Transfer-Encoding is `chunked`, and HTTP/1.0 must not have this header (RFC 9112, 6.1).
    The only supported value of Expect is `100-continue`.
    """
    lowered = [(name, value.lower()) for name, value in headers]
    codings = [value for name, value in lowered if name == b"transfer-encoding"]
    if codings and (codings != [b"chunked"] or version == "1.0"):
        return MalformedRequest()
    unmet = any(name == b"expect" and value != b"100-continue" for name, value in lowered)
    return ExpectationFailed() if unmet else None
