"""Checks whether the server may send requests to a URL, before its host is resolved."""

import re
from typing import Final, NamedTuple
from urllib.parse import urlsplit

MAX_URL: Final = 2000
HTTPS_PORT: Final = 443
HTTP_PORT: Final = 80
MIN_PORT: Final = 1024
"""The lowest allowed port, except 443. Lower ports belong to other protocols."""
_characters = re.compile(r"[\x21\x23-\x3B\x3D\x3F-\x5B\x5D\x5F\x61-\x7A\x7E]+").fullmatch  # RFC 3986, appendix A
_host = re.compile(r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?").fullmatch
MAX_HOST: Final = 253


class RefusedUrlError(Exception):
    """Raised for a URL that no request may be sent to. The message names the rule, and does not contain the URL."""


class Target(NamedTuple):
    """The parts of a URL that a request needs. `host` has no brackets, and `path` includes the query."""

    is_tls: bool
    host: str
    port: int
    path: str
    authority: str
    """The value of the header Host."""


def parse_target(url: str, *, allow_loopback: bool) -> Target:
    """Return the parts of a URL; raise `RefusedUrlError` if the URL is not allowed.

    The URL must be https, have an allowed port, and have neither credentials nor a fragment. With `allow_loopback`, for
    development, http is allowed, too: `checked_addresses` then requires that the host is this machine.
    """
    if len(url) > MAX_URL or not _characters(url):
        message = f"it must have at most {MAX_URL} characters, all of which may occur in a URL (RFC 3986)"
        raise RefusedUrlError(message)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        message = "it is not a URL (RFC 3986)"
        raise RefusedUrlError(message) from None
    if parts.scheme not in ({"https", "http"} if allow_loopback else {"https"}):
        message = "it must begin with https://"
        raise RefusedUrlError(message)
    if "@" in parts.netloc:
        message = "it must not contain a user name or a password"
        raise RefusedUrlError(message)
    host = parts.netloc.removesuffix(f":{port}" if port is not None else ":")
    if not _host(host) or len(host) > MAX_HOST or ".." in host:
        message = "its host must be a name in ASCII letters, digits, dots and hyphens, or an IP address"
        raise RefusedUrlError(message)
    is_tls = parts.scheme == "https"
    port = port if port is not None else HTTPS_PORT if is_tls else HTTP_PORT
    if port < MIN_PORT and port != HTTPS_PORT:
        message = f"its port must be {HTTPS_PORT}, or at least {MIN_PORT}"
        raise RefusedUrlError(message)
    if "#" in url:
        message = "it must not have a fragment"
        raise RefusedUrlError(message)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(is_tls, host.strip("[]"), port, path, host if port == HTTPS_PORT else f"{host}:{port}")
