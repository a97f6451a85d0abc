"""JSON Web Signatures (RFC 7515), read strictly. Only this module imports jose.

python-jose verifies signatures, but it also accepts tokens that it should refuse: tokens with duplicate JSON members,
with unknown critical headers, or with base64url that is not canonical (another last character can encode the same
bytes). So callers first check the parts of a token (`split`, `read_members`) and its header. Then they verify the
signature, with the one key and the one algorithm that they choose (`verify`).
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
    """Load a key, in PEM format or as a JWK, for use with one algorithm.

    Loading takes longer than signing or verifying, so keep a key that is used again.
    """
    return jwk.construct(key, algorithm)


def sign(claims: Mapping[str, Any], key: Key, algorithm: str, **headers: str) -> str:
    """Return a signed token with these claims and headers."""
    token: str = jws.sign(claims, key, headers=headers, algorithm=algorithm)
    return token


def verify(token: str, key: Key, algorithm: str) -> bytes:
    """Return the payload of a token; raise an exception if its signature is not valid for this key and algorithm."""
    payload: bytes = jws.verify(token, key, [algorithm])
    return payload


def split(token: str, *, max_length: int, max_header_bytes: int) -> tuple[bytes, bytes]:
    """Return the decoded header and payload of a token.

    Raise `ValueError` if the token or its header is too long, or the token is not three parts in canonical base64url.
    """
    parts = token.split(".", PARTS) if len(token) <= max_length else []
    if len(parts) != PARTS:
        raise ValueError
    header, payload, _ = (_decode(part) for part in parts)
    if len(header) > max_header_bytes:
        raise ValueError
    return header, payload


def read_members(content: bytes) -> dict[str, Any]:
    """Return the members of a JSON object; raise an exception if `content` is no object or repeats a member name."""

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError
        return found

    orjson.loads(content)  # refuses lone surrogates, NaN and Infinity, which the standard library accepts
    value = json.loads(content.decode("utf-8"), object_pairs_hook=members)
    if not isinstance(value, dict):
        raise TypeError
    return value


def _decode(part: str) -> bytes:
    """Decode a part of a token from base64url; raise `ValueError` if its encoding is not canonical."""
    content = base64.b64decode(part.encode("ascii") + b"=" * (-len(part) % 4), b"-_", validate=True)
    if base64.urlsafe_b64encode(content).decode().rstrip("=") != part:
        raise binascii.Error
    return content
