"""The bounds of a request: how much of what it may have, and what it may expect."""

from typing import Final

from app.http.answer import Header
from app.problems import ExpectationFailed, HeadersTooLarge, Problem, UrlTooLong

MOST_HEADERS: Final = 100
MOST_HEADER_BYTES: Final = 32 * 1024
LONGEST_URL: Final = 8192
MOST_FRAMING_BYTES: Final = 4096
MOST_HEAD_BYTES: Final = LONGEST_URL + MOST_HEADER_BYTES + MOST_FRAMING_BYTES
HEADER_SECONDS: Final = 5.0
BODY_SECONDS: Final = 15.0


def head_beyond(url: bytes, headers: list[Header]) -> Problem | None:
    """Return what is wrong with the size of a head."""
    if len(url) > LONGEST_URL:
        return UrlTooLong()
    size = sum(len(name) + len(value) for name, value in headers)
    return HeadersTooLarge() if len(headers) > MOST_HEADERS or size > MOST_HEADER_BYTES else None


def endless(url: bytes) -> Problem:
    """Return what is wrong with a head that does not end."""
    return UrlTooLong() if len(url) > LONGEST_URL else HeadersTooLarge()


def unmet(headers: list[Header]) -> Problem | None:
    """Return what is wrong with what a request expects: only to be told that its body is wanted."""
    unmet = any(name == b"expect" and value.lower() != b"100-continue" for name, value in headers)
    return ExpectationFailed() if unmet else None
