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
"""The maximum time from the first byte of a request, or from the start of the connection, to the end of the headers."""
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

    Each 4 KiB extend the deadline by a second, as `MinRate` of Apache's mod_reqtimeout does. With a fixed deadline, a
    body of 1.4 MB could never be sent over a connection of 70 kB/s.
    """
    return min(BODY_GRACE_SECONDS + received / MIN_BODY_RATE, MAX_BODY_SECONDS)


def check_head_size(url: bytes, headers: list[Header]) -> Problem | None:
    """Return the problem with the size of a complete head, or None."""
    if len(url) > MAX_URL_BYTES:
        return UrlTooLong()
    size = sum(len(name) + len(value) for name, value in headers)
    return HeadersTooLarge() if len(headers) > MAX_HEADERS or size > MAX_HEADER_BYTES else None


def unfinished_head(url: bytes) -> Problem:
    """Return the problem with a head that is longer than `MAX_HEAD_BYTES` and not complete."""
    return UrlTooLong() if len(url) > MAX_URL_BYTES else HeadersTooLarge()


def check_target(url: bytes, headers: list[Header], version: str) -> Problem | None:
    """Return the problem with the target of a request, or None.

    A request must name exactly one host, which only HTTP/1.0 may omit, and a path. Its URL may be absolute, as clients
    send it to a proxy, if it has the same host (RFC 9112, 3.2.2). It must not have a fragment.
    """
    hosts = [value for name, value in headers if name == b"host"]
    has_host = len(hosts) == 1 if version == "1.1" else len(hosts) <= 1 and version == "1.0"
    absolute = [b"%b://%b/" % (scheme, host) for scheme in (b"http", b"https") for host in hosts]
    is_known_form = url == b"*" or url.startswith((b"/", *absolute))
    return None if has_host and is_known_form and b"#" not in url else MalformedRequest()


def check_framing(headers: list[Header], version: str) -> Problem | None:
    """Return the problem with the headers that say how the body is sent, or None.

    The only transfer coding is `chunked`, and HTTP/1.0 has none (RFC 9112, 6.1). The only supported expectation is
    `100-continue`.
    """
    lowered = [(name, value.lower()) for name, value in headers]
    codings = [value for name, value in lowered if name == b"transfer-encoding"]
    if codings and (codings != [b"chunked"] or version == "1.0"):
        return MalformedRequest()
    unmet = any(name == b"expect" and value != b"100-continue" for name, value in lowered)
    return ExpectationFailed() if unmet else None
