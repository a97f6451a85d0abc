"""Fetching a document from a URL that others provide.

It is fetched over TLS from a public address, without redirects, and with limits on time and size.
"""

import asyncio
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Final, NamedTuple

import h11

from app.outbound.addresses import Resolve, checked_addresses, resolve_host
from app.outbound.target import Target, parse_target

MAX_BYTES: Final = 64 * 1024
"""The maximum size of a body."""
MAX_HEAD_BYTES: Final = 32 * 1024
"""The maximum size of everything that is received besides."""
MAX_SECONDS: Final = 5
"""The maximum duration of a request, from resolving the host to the last byte."""
OK: Final = 200
_READ_BYTES: Final = 16 * 1024


class FetchError(Exception):
    """A document could not be fetched. The message says why, and contains neither the URL nor the response."""


@contextmanager
def _failures() -> Iterator[None]:
    """Convert an error of a request in the block to `FetchError`, whose message says the cause."""
    try:
        yield
    except TimeoutError:
        message = f"no complete response came within {MAX_SECONDS} seconds"
        raise FetchError(message) from None
    except ssl.SSLError as error:
        message = f"TLS failed: {error.reason or 'the connection was closed'}"
        raise FetchError(message) from None
    except (OSError, UnicodeError):
        message = "the host has no address, or does not accept connections"
        raise FetchError(message) from None
    except h11.ProtocolError:
        message = "the response is not valid HTTP/1.1"
        raise FetchError(message) from None


class Fetched(NamedTuple):
    """A response with status 200: the values of its header Cache-Control, and its body."""

    cache_control: list[str]
    body: bytes


class Outbound:
    """Sends requests to URLs that others provide. It takes no proxy from the environment, and sends no credentials."""

    def __init__(self, *, allow_loopback: bool, resolve: Resolve = resolve_host, trusted: str | None = None) -> None:
        """With `allow_loopback`, in development, http to this machine is allowed; `trusted` is a file of root certificates."""
        self._allow_loopback, self._resolve, self._trusted = allow_loopback, resolve, trusted

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """The TLS context; it is loaded when it is first needed, because that takes 30 ms."""
        return ssl.create_default_context(cafile=self._trusted)

    async def get(self, url: str) -> Fetched:
        """Return the response to a GET request; raise `RefusedUrlError` if the URL is not allowed, or `FetchError`."""
        target = parse_target(url, allow_loopback=self._allow_loopback)
        with _failures():
            async with asyncio.timeout(MAX_SECONDS):
                return await self.get_from(await checked_addresses(target, self._resolve), target)

    async def get_from(self, addresses: Sequence[str], target: Target) -> Fetched:
        """Return the response from the first of these addresses that accepts a connection; raise `FetchError`."""
        with _failures():
            reader, writer = await self._connect(addresses, target)
            try:
                return await _exchange(reader, writer, target)
            finally:
                writer.transport.abort()

    async def _connect(
        self, addresses: Sequence[str], target: Target
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        tls = self._tls if target.is_tls else None
        failure: OSError | None = None
        for address in addresses:
            try:
                return await asyncio.open_connection(
                    address, target.port, ssl=tls, server_hostname=target.host if tls else None
                )
            except OSError as error:
                failure = error
        raise failure or OSError


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: Target) -> Fetched:
    connection = h11.Connection(h11.CLIENT)
    headers = [
        ("Host", target.authority),
        ("Accept", "application/json"),
        ("Accept-Encoding", "identity"),
        ("Connection", "close"),
    ]
    request = connection.send(h11.Request(method="GET", target=target.path, headers=headers))
    connection.send(h11.EndOfMessage())
    writer.write(request or b"")
    cache_control: list[str] = []
    body = bytearray()
    received = 0
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            piece = await reader.read(_READ_BYTES)
            received += len(piece)
            _check_size(received, MAX_BYTES + MAX_HEAD_BYTES)
            connection.receive_data(piece)
        elif isinstance(event, h11.Response):
            cache_control = _check_head(event)
        elif isinstance(event, h11.Data):
            body += event.data
            _check_size(len(body), MAX_BYTES)
        elif isinstance(event, h11.EndOfMessage):
            return Fetched(cache_control, bytes(body))


def _check_head(response: h11.Response) -> list[str]:
    """Return the values of Cache-Control; raise `FetchError` if the response is not the document itself."""
    if response.status_code != OK:
        message = f"the response has the status {response.status_code} instead of {OK}; redirects are not followed"
        raise FetchError(message)
    if any(name == b"content-encoding" for name, _ in response.headers):
        message = "the response has a content encoding, which was not accepted"
        raise FetchError(message)
    return [value.decode("latin-1") for name, value in response.headers if name == b"cache-control"]


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        message = f"the response has more than {MAX_BYTES} bytes"
        raise FetchError(message)
