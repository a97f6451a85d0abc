"""JSON Web Signatures (RFC 7515), read strictly. The one module that imports jose.

python-jose verifies signatures well, but accepts too much besides: duplicate members, unknown critical headers, and a
changed last character. So the parts of a token are checked here first, and then its signature is verified with the one
key and the one algorithm that the caller chooses.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, Final

import orjson
from jose import jwk, jws
from jose.backends.base import Key

PARTS: Final = 3
__all__ = ["Key", "load_key", "read_members", "sign", "split", "verify"]


def load_key(key: str | Mapping[str, Any], algorithm: str) -> Key:
    """Return a key in PEM format or as a JWK, ready for use with one algorithm. Loading takes longer than using it."""
    return jwk.construct(key, algorithm)


def sign(claims: Mapping[str, Any], key: Key, algorithm: str, **headers: str) -> str:
    """Return a token with these claims and headers."""
    token: str = jws.sign(claims, key, headers=headers, algorithm=algorithm)
    return token


def verify(token: str, key: Key, algorithm: str) -> bytes:
    """Return the payload of a token; raise an exception if its signature is not valid for this key and algorithm."""
    payload: bytes = jws.verify(token, key, [algorithm])
    return payload


def split(token: str, *, max_length: int, max_header_bytes: int) -> tuple[bytes, bytes]:
    """Return the header and the payload of a token whose three parts are canonical base64url; raise `ValueError` if not."""
    parts = token.split(".", PARTS) if len(token) <= max_length else []
    if len(parts) != PARTS:
        raise ValueError
    header, payload, _ = (_decode(part) for part in parts)
    if len(header) > max_header_bytes:
        raise ValueError
    return header, payload


def read_members(content: bytes) -> dict[str, Any]:
    """Return the members of a JSON object; raise an exception if it is none, or if a name occurs twice."""

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError
        return found

    orjson.loads(content)  # refuses lone surrogates, NaN and Infinity, which the standard library lets pass
    value = json.loads(content.decode("utf-8"), object_pairs_hook=members)
    if not isinstance(value, dict):
        raise TypeError
    return value


def _decode(part: str) -> bytes:
    """Return the bytes of a base64url part; raise `ValueError` if it is not the canonical encoding."""
    content = base64.b64decode(part.encode("ascii") + b"=" * (-len(part) % 4), b"-_", validate=True)
    if base64.urlsafe_b64encode(content).decode().rstrip("=") != part:
        raise binascii.Error
    return content
