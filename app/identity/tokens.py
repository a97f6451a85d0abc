"""Access tokens: JWS, ES256, `typ: at+jwt` (RFC 9068). The one module that imports jose.

python-jose verifies signatures well, but accepts too much besides: a missing expiry, any type, unknown critical headers,
duplicate claims and a changed last character. So a token is checked here in this order: length → three canonical
base64url parts → a flat header of exactly three known members → a known key → the signature, with that one key and that
one algorithm → flat claims with exact types → times. Any failure is 401.
"""

import base64
import binascii
import json
import time
from typing import Any, Final
from uuid import UUID

import orjson
from jose import jwk, jws
from jose.backends.base import Key as JoseKey

from app import ids
from app.keyring import Keyring
from app.keyring.keys import Key
from app.problems import NotSignedIn
from app.services import Claims
from app.settings import Settings

MAX_TOKEN_LENGTH: Final = 4096
MAX_HEADER_BYTES: Final = 512
PARTS: Final = 3
MAX_CACHED_TOKENS: Final = 10_000
_TYPES: Final = {"iss": str, "aud": str, "sub": str, "sid": str, "scope": str, "iat": int, "exp": int, "jti": str}


class Tokens:
    """Issues access tokens, and verifies them."""

    def __init__(self, settings: Settings, keyring: Keyring) -> None:
        """Start with an empty cache of verified tokens."""
        self._settings = settings
        self._keyring = keyring
        self._keys: dict[str, tuple[JoseKey, JoseKey]] = {}
        self._verified: dict[str, tuple[Claims, str]] = {}

    def issue(self, account_id: UUID, device_id: UUID, scope: str) -> str:
        """Return a new token."""
        now = int(time.time())
        claims = {
            "iss": self._settings.issuer,
            "aud": self._settings.audience,
            "sub": str(account_id),
            "sid": str(device_id),
            "scope": scope,
            "iat": now,
            "exp": now + self._settings.access_seconds,
            "jti": str(ids.new_id()),
        }
        key = self._keyring.current
        signer = self._pair(key)[0]
        token: str = jws.sign(claims, signer, headers={"typ": "at+jwt", "kid": key.kid}, algorithm="ES256")
        return token

    def verify(self, token: str) -> Claims:
        """Return the claims of a token; raise `NotSignedIn` if it is not valid or not exactly as this API issues tokens."""
        found = self._verified.get(token)
        if found is None or found[1] not in self._keyring.verification_keys:
            found = self._checked(token)
            if len(self._verified) >= MAX_CACHED_TOKENS:
                self._verified.clear()
            self._verified[token] = found
        claims = found[0]
        if claims.expires <= time.time():
            self._verified.pop(token, None)
            raise NotSignedIn
        return claims

    def _checked(self, token: str) -> tuple[Claims, str]:
        try:
            key = self._key_of(token)
            payload = jws.verify(token, self._pair(key)[1], ["ES256"])
            return self._claims(_members(payload)), key.kid
        except Exception:  # noqa: BLE001 - any failure means that the token is not valid
            raise NotSignedIn from None

    def _key_of(self, token: str) -> Key:
        """Return the key that the header names; raise if the header differs from those that this API issues."""
        if len(token) > MAX_TOKEN_LENGTH:
            raise NotSignedIn
        parts = token.split(".")
        if len(parts) != PARTS:
            raise NotSignedIn
        header, _, _ = (_canonical(part) for part in parts)
        if len(header) > MAX_HEADER_BYTES:
            raise NotSignedIn
        members = _members(header)
        key = self._keyring.verification_keys[members["kid"]]
        if members != {"alg": "ES256", "typ": "at+jwt", "kid": key.kid}:
            raise NotSignedIn
        return key

    def _claims(self, claims: dict[str, Any]) -> Claims:
        if any(type(claims.get(name)) is not kind for name, kind in _TYPES.items()):
            raise NotSignedIn
        begins, expires = claims["iat"], claims["exp"]
        if (
            set(claims) != set(_TYPES)
            or claims["iss"] != self._settings.issuer
            or claims["aud"] != self._settings.audience
            or begins > time.time()
            or expires - begins > self._settings.access_seconds
        ):
            raise NotSignedIn
        return Claims(ids.parse_canonical(claims["sub"]), ids.parse_canonical(claims["sid"]), claims["scope"], expires)

    def _pair(self, key: Key) -> tuple[JoseKey, JoseKey]:
        """Return the private and the public key, each constructed once."""
        pair = self._keys.get(key.kid)
        if pair is None:
            private = jwk.construct(key.pem, "ES256")
            pair = self._keys[key.kid] = (private, private.public_key())
        return pair


def _canonical(part: str) -> bytes:
    """Return the bytes of a base64url part; raise if it is not the canonical encoding."""
    content = base64.b64decode(part.encode("ascii") + b"=" * (-len(part) % 4), b"-_", validate=True)
    if base64.urlsafe_b64encode(content).decode().rstrip("=") != part:
        raise binascii.Error
    return content


def _members(content: bytes) -> dict[str, Any]:
    """Return the members of a JSON object; raise if a name occurs twice."""

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
