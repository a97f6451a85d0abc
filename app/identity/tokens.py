"""Access tokens: JWS, ES256, `typ: at+jwt` (RFC 9068), of a person's device or of a clinic's client.

A token is checked in this order: length → three canonical base64url parts → a flat header of exactly three known
members → a known key → the signature, with that one key and that one algorithm → flat claims with exact types → times.
A token that fails a check gets 401. A device's token has the claim `sid`; a client's token has the claim `client_id`
instead.
"""

import secrets
import time
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from app import ids
from app.identity import jws
from app.keyring import Keyring
from app.keyring.keys import Key
from app.problems import NotSignedIn
from app.services import TAG_BYTES, Claims, ClientClaims
from app.settings import Settings

MAX_TOKEN_LENGTH: Final = 4096
MAX_HEADER_BYTES: Final = 512
MAX_CACHED_TOKENS: Final = 10_000
CLIENT_SECONDS: Final = 300
"""The lifetime of a client's access token, in seconds."""
CLOCK_SKEW_SECONDS: Final = 5
"""The number of seconds by which the clock of the issuing host may be ahead of this host's clock.

Only the issue time has this tolerance; the expiry has none.
"""
_ALGORITHM: Final = "ES256"
_COMMON: Final = {"iss": str, "aud": str, "sub": str, "scope": str, "iat": int, "exp": int, "jti": str}
_OF_DEVICE: Final = _COMMON | {"sid": str}
_OF_CLIENT: Final = _COMMON | {"client_id": str}


class Tokens:
    """Issues access tokens, and verifies them."""

    def __init__(self, settings: Settings, keyring: Keyring) -> None:
        """Start with an empty cache of verified tokens."""
        self._settings = settings
        self._keyring = keyring
        self._keys: dict[str, tuple[jws.Key, jws.Key]] = {}
        self._verified: dict[str, tuple[Claims | ClientClaims, str]] = {}

    def issue(self, account_id: UUID, device_id: UUID, scope: str, tag: bytes | None = None) -> str:
        """Return a new access token of a device.

        Its `jti` ends with `tag`, the tag of the refresh token that it is issued with, or with random bytes.
        """
        id = UUID(bytes=ids.new_id().bytes[:-TAG_BYTES] + (tag or secrets.token_bytes(TAG_BYTES)))
        own = {"sid": str(device_id), "jti": str(id)}
        return self._issue(str(account_id), own, scope, self._settings.access_seconds)

    def issue_to_client(self, client_id: UUID, scope: str) -> str:
        """Return a new access token of a clinic's client."""
        own = {"client_id": str(client_id), "jti": str(ids.new_id())}
        return self._issue(str(client_id), own, scope, CLIENT_SECONDS)

    def _issue(self, subject: str, own: Mapping[str, str], scope: str, seconds: int) -> str:
        now = int(time.time())
        claims = {
            "iss": self._settings.issuer,
            "aud": self._settings.audience,
            "sub": subject,
            **own,
            "scope": scope,
            "iat": now,
            "exp": now + seconds,
        }
        key = self._keyring.current
        return jws.sign(claims, self._pair(key)[0], _ALGORITHM, typ="at+jwt", kid=key.kid)

    def verify(self, token: str) -> Claims | ClientClaims:
        """Return the claims of a token; raise `NotSignedIn` if the token fails a check, or has expired."""
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

    def _checked(self, token: str) -> tuple[Claims | ClientClaims, str]:
        try:
            key = self._key_of(token)
            payload = jws.verify(token, self._pair(key)[1], _ALGORITHM)
            return self._claims(jws.read_members(payload)), key.kid
        except Exception:  # noqa: BLE001 - any failure means that the token is not valid
            raise NotSignedIn from None

    def _key_of(self, token: str) -> Key:
        """Return the key that a token's header names; raise an exception if this API does not issue such a header."""
        header, _ = jws.split(token, max_length=MAX_TOKEN_LENGTH, max_header_bytes=MAX_HEADER_BYTES)
        members = jws.read_members(header)
        key = self._keyring.verification_keys[members["kid"]]
        if members != {"alg": _ALGORITHM, "typ": "at+jwt", "kid": key.kid}:
            raise NotSignedIn
        return key

    def _claims(self, claims: dict[str, Any]) -> Claims | ClientClaims:
        is_client = "client_id" in claims
        types = _OF_CLIENT if is_client else _OF_DEVICE
        if any(type(claims.get(name)) is not kind for name, kind in types.items()):
            raise NotSignedIn
        begins, expires = claims["iat"], claims["exp"]
        if (
            set(claims) != set(types)
            or claims["iss"] != self._settings.issuer
            or claims["aud"] != self._settings.audience
            or begins > time.time() + CLOCK_SKEW_SECONDS
            or expires - begins > (CLIENT_SECONDS if is_client else self._settings.access_seconds)
        ):
            raise NotSignedIn
        subject = ids.parse_canonical(claims["sub"])
        if not is_client:
            tag = ids.parse_canonical(claims["jti"]).bytes[-TAG_BYTES:]
            return Claims(subject, ids.parse_canonical(claims["sid"]), claims["scope"], expires, tag)
        if claims["client_id"] != claims["sub"]:
            raise NotSignedIn
        return ClientClaims(subject, claims["scope"], expires)

    def _pair(self, key: Key) -> tuple[jws.Key, jws.Key]:
        """Return the private and the public key of a signing key, loaded once for each `kid`."""
        pair = self._keys.get(key.kid)
        if pair is None:
            private = jws.load_key(key.pem, _ALGORITHM)
            pair = self._keys[key.kid] = (private, private.public_key())
        return pair
