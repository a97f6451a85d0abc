"""Compression of responses: zstd or gzip, as `Accept-Encoding` prefers (RFC 9110, 8.4 and 12.5.3; decision 043).

Text of at least 1 KiB is compressed. A stream is not compressed, so that each event arrives at once. The responses of a
`SecretRoute` are not compressed, either.
"""

import asyncio
import gzip
import re
import sys
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Final, NamedTuple

from app.http.response import PUBLIC, Response

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MIN_BYTES: Final = 1024
"""The minimum size of a body to compress. A smaller one fits into one packet with its headers, so there is no gain."""
MIN_THREAD_BYTES: Final = 64 * 1024
"""The minimum size of a body to compress in a thread, which costs 50 µs. For this size, zstd takes 0.15 ms and gzip
takes 0.6 ms; for a page of 1 000 changes, they take 2 ms and 7 ms."""
VARY: Final = (b"vary", b"Accept-Encoding")

_CODECS: Final[Mapping[bytes, Callable[[bytes], bytes]]] = {
    b"zstd": partial(zstd.compress, level=3),
    b"gzip": partial(gzip.compress, compresslevel=4, mtime=0),
}
"""The compressors by content coding, the preferred one first. zstd's window at level 3 is within RFC 9659's 8 MiB."""
_member = re.compile(
    rb"\s*([!#$%&'*+.^_`|~0-9a-z-]+)\s*(?:;\s*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*)?", re.IGNORECASE
).fullmatch
_text = re.compile(
    rb"\s*(?:text/(?!event-stream\b)[\w.+-]+|application/(?:[\w.-]+\+)?json|image/svg\+xml)\s*(?:;.*)?",
    re.IGNORECASE,
).fullmatch


@lru_cache(maxsize=64)
def _is_text(content_type: bytes) -> bool:
    return _text(content_type) is not None


class Preference(NamedTuple):
    """The preference of a client for the content coding of a response."""

    coding: bytes | None
    """The content coding to use; None to send the body as it is."""
    refuses_identity: bool = False
    """Whether the client refuses a body without a content coding. Then a small body is compressed, too."""


@lru_cache(maxsize=64)
def preference(accept_encoding: bytes) -> Preference:
    """Return the preference that the value of Accept-Encoding expresses. Malformed members are ignored.

    The coding with the highest weight wins. If weights are equal, the order of `_CODECS` decides, and a coding wins
    over no coding. If the client accepts no coding that the server has, the body is not encoded, because the client may
    still be able to read it.
    """
    weights: dict[bytes, float] = {}
    for member in accept_encoding.split(b","):
        if found := _member(member):
            weights[found[1].lower().removeprefix(b"x-")] = float(found[2] or 1)
    any_other = weights.get(b"*")
    best = max(_CODECS, key=lambda coding: weights.get(coding, any_other or 0))
    weight = weights.get(best, any_other or 0)
    identity = weights.get(b"identity", any_other)
    return Preference(best if weight and weight >= (identity or 0) else None, refuses_identity=identity == 0)


def is_compressible(response: Response) -> bool:
    """Return whether a response is complete, is text, and is not encoded yet."""
    content_type = b""
    for name, value in response.headers:
        if name == b"content-type":
            content_type = value
        elif name == b"content-encoding":
            return False
    return response.is_complete and _is_text(content_type)


async def compress(response: Response, accept_encoding: bytes) -> None:
    """Compress the body of a response, if it is compressible and the client accepts a content coding.

    Make a strong ETag of the compressed response weak, because a strong ETag identifies one sequence of bytes (RFC
    9110, 8.8.3.3). Add Vary to every response that depends on Accept-Encoding, even if it is not compressed.
    """
    coding, refuses_identity = preference(accept_encoding)
    size = len(response.body)
    if (size < MIN_BYTES and not refuses_identity) or not is_compressible(response):
        return
    response.headers.append(VARY)
    if coding is None:
        return
    encode = _encode_public if PUBLIC in response.headers else _encode
    if size < MIN_THREAD_BYTES:
        body = encode(response.body, coding)
    else:
        body = await asyncio.get_running_loop().run_in_executor(None, encode, response.body, coding)
    if len(body) < size or refuses_identity:
        response.body = body
        response.headers = [_weakened(*header) for header in response.headers]
        response.headers.append((b"content-encoding", coding))


def _encode(body: bytes, coding: bytes) -> bytes:
    return _CODECS[coding](body)


_encode_public = lru_cache(maxsize=32)(_encode)
"""`_encode` with a cache, for bodies that are the same for every client, such as the scripts of the docs pages."""


def _weakened(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    return (name, b"W/" + value) if name == b"etag" and value.startswith(b'"') else (name, value)
