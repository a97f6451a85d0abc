"""Sends requests to URLs that other parties provide, to fetch a document (GET) or to send a message (POST).

The requests go over TLS to public addresses, do not follow redirects, and have limits on time and size.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property, partial
from typing import Final, NamedTuple, TypeVar

import h11

from app.outbound.addresses import Resolve, checked_addresses, resolve_host
from app.outbound.target import Target, parse_target

T = TypeVar("T")
MAX_BYTES: Final = 64 * 1024
"""The maximum size of a response's body."""
MAX_HEAD_BYTES: Final = 32 * 1024
"""The maximum size of the rest of a response, such as its headers."""
MAX_SECONDS: Final = 5
"""The maximum duration of a GET request, from resolving the host to the last byte."""
MAX_POST_SECONDS: Final = 10
"""The maximum duration of a POST request, from resolving the host to the head of the response."""
CHECK_SECONDS: Final = 2
"""The maximum time that a check of a URL waits for the addresses of its host."""
OK: Final = 200
_READ_BYTES: Final = 16 * 1024


class FetchError(Exception):
    """Raised if a request fails. The message says why, and contains neither the URL nor the response."""


@contextmanager
def _failures(seconds: float) -> Iterator[None]:
    """Convert errors of a request in the block to `FetchError`. At a timeout, the message names the limit `seconds`."""
    try:
        yield
    except TimeoutError:
        message = f"no complete response came within {seconds} seconds"
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
    """Sends requests to URLs that other parties provide.

    It ignores the environment variables that name proxies, and sends no credentials.
    """

    def __init__(self, *, allow_loopback: bool, resolve: Resolve = resolve_host, trusted: str | None = None) -> None:
        """`allow_loopback` allows http to this machine, for development. `trusted` is a file of root certificates."""
        self._allow_loopback, self._resolve, self._trusted = allow_loopback, resolve, trusted

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """The TLS context. It is loaded when it is first needed, because loading takes 30 ms."""
        return ssl.create_default_context(cafile=self._trusted)

    async def check(self, url: str) -> None:
        """Raise `RefusedUrlError` if no request may be sent to a URL. Accept a host that has no address at present.

        Call it when a URL is registered. Each request checks the addresses again.
        """
        target = parse_target(url, allow_loopback=self._allow_loopback)
        with suppress(OSError, UnicodeError):  # TimeoutError is an OSError
            async with asyncio.timeout(CHECK_SECONDS):
                await checked_addresses(target, self._resolve)

    async def get(self, url: str) -> Fetched:
        """Send a GET request and return the response.

        Raise `RefusedUrlError` if the URL is not allowed, and `FetchError` if the request fails or the status is not
        200.
        """
        return await self._request(url, MAX_SECONDS, self.get_from)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """Send a POST request and return the status of the response.

        Redirects are not followed, and the body of the response is not read. Raise `RefusedUrlError` if the URL is not
        allowed, and `FetchError` if the request fails.
        """
        return await self._request(url, MAX_POST_SECONDS, partial(self.post_to, headers=headers, body=body))

    async def _request(self, url: str, seconds: float, send: Callable[[Sequence[str], Target], Awaitable[T]]) -> T:
        """Check the addresses of a URL, send a request with `send`, and return its result, all within `seconds`."""
        target = parse_target(url, allow_loopback=self._allow_loopback)
        with _failures(seconds):
            async with asyncio.timeout(seconds):
                return await send(await checked_addresses(target, self._resolve), target)

    async def get_from(self, addresses: Sequence[str], target: Target) -> Fetched:
        """Send a GET request to the first of these addresses that accepts a connection; return the response.

        Raise `FetchError` if the request fails or the status of the response is not 200.
        """
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        with _failures(MAX_SECONDS):
            exchange = await self._connect(addresses, target)
            try:
                exchange.send("GET", target, headers, b"")
                return await _document(exchange)
            finally:
                exchange.close()

    async def post_to(self, addresses: Sequence[str], target: Target, headers: Mapping[str, str], body: bytes) -> int:
        """Send a POST request to the first of these addresses that accepts a connection; return the response's status.

        Raise `FetchError` if the request fails.
        """
        with _failures(MAX_POST_SECONDS):
            exchange = await self._connect(addresses, target)
            try:
                exchange.send("POST", target, {**headers, "Content-Length": str(len(body))}, body)
                while not isinstance(event := await exchange.next_event(), h11.Response):
                    pass  # an informational response
                return event.status_code
            finally:
                exchange.close()

    async def _connect(self, addresses: Sequence[str], target: Target) -> "_Exchange":
        tls = self._tls if target.is_tls else None
        failure: OSError | None = None
        for address in addresses:
            try:
                return _Exchange(
                    *await asyncio.open_connection(
                        address, target.port, ssl=tls, server_hostname=target.host if tls else None
                    )
                )
            except OSError as error:
                failure = error
        raise failure or OSError


class _Exchange:
    """A connection with one request and its response."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._http = h11.Connection(h11.CLIENT)
        self._received = 0

    def send(self, method: str, target: Target, headers: Mapping[str, str], body: bytes) -> None:
        """Send the only request of the connection."""
        lines = [("Host", target.authority), *headers.items(), ("Connection", "close")]
        head = self._http.send(h11.Request(method=method, target=target.path, headers=lines)) or b""
        content = self._http.send(h11.Data(data=body)) or b""
        self._http.send(h11.EndOfMessage())
        self._writer.write(head + content)

    async def next_event(self) -> object:
        """Return the next event of the response, such as its head, a piece of its body, or its end (an h11 event).

        Raise `FetchError` if the response is too large, and `h11.ProtocolError` if it is not valid HTTP.
        """
        while (event := self._http.next_event()) is h11.NEED_DATA:
            piece = await self._reader.read(_READ_BYTES)
            self._received += len(piece)
            _check_size(self._received, MAX_BYTES + MAX_HEAD_BYTES)
            self._http.receive_data(piece)
        return event

    def close(self) -> None:
        """Close the connection at once."""
        self._writer.transport.abort()


async def _document(exchange: _Exchange) -> Fetched:
    cache_control: list[str] = []
    body = bytearray()
    while True:
        event = await exchange.next_event()
        if isinstance(event, h11.Response):
            cache_control = _check_head(event)
        elif isinstance(event, h11.Data):
            body += event.data
            _check_size(len(body), MAX_BYTES)
        elif isinstance(event, h11.EndOfMessage):
            return Fetched(cache_control, bytes(body))


def _check_head(response: h11.Response) -> list[str]:
    """Return the values of Cache-Control. Raise `FetchError` if the status is not 200 or Content-Encoding is set."""
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
