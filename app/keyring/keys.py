"""The keys in a keyring: signing keys, which are P-256 key pairs, and key-encryption keys.

The id (`kid`) of a signing key is its thumbprint (RFC 7638).
"""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec


class State(StrEnum):
    """The state of a key in the keyring.

    A signing key is `next` until a rotation makes it `current`, and signs tokens while it is `current`. A `retired` key
    no longer signs; its tokens are accepted until its `until`. A key-encryption key is `current` or `retired`.
    """

    NEXT = "next"
    CURRENT = "current"
    RETIRED = "retired"


@dataclass(frozen=True)
class Key:
    """A signing key: a key pair that signs access tokens.

    Tokens of a retired key are accepted until `until`, or not at all if `until` is None.
    """

    kid: str
    state: State
    pem: str
    until: datetime | None

    @property
    def jwk(self) -> dict[str, str]:
        """The public key as a JSON Web Key (RFC 7517)."""
        return {**_public_members(_parsed(self.pem)), "kid": self.kid, "alg": "ES256", "use": "sig"}

    def is_accepted(self, now: datetime) -> bool:
        """Return whether tokens that this key signed are accepted at the time `now`."""
        return self.state is not State.RETIRED or (self.until is not None and now < self.until)


@dataclass(frozen=True)
class SealingKey:
    """A key-encryption key, which wraps the data keys of accounts.

    A retired key only unwraps data keys. It can be destroyed after `until`, if it wraps no data key any more.
    """

    id: str
    state: State
    key: bytes
    until: datetime | None


def new_pem() -> str:
    """Return a new private P-256 key in PEM format."""
    key = ec.generate_private_key(ec.SECP256R1())
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


def thumbprint(pem: str) -> str:
    """Return the thumbprint (RFC 7638) of a private key in PEM format."""
    members = _public_members(_parsed(pem))
    digest = hashlib.sha256(orjson.dumps(members, option=orjson.OPT_SORT_KEYS)).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _parsed(pem: str) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise TypeError
    return key


def _public_members(key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    numbers = key.public_key().public_numbers()
    size = (key.curve.key_size + 7) // 8

    def encode(number: int) -> str:
        return base64.urlsafe_b64encode(number.to_bytes(size, "big")).decode().rstrip("=")

    return {"crv": "P-256", "kty": "EC", "x": encode(numbers.x), "y": encode(numbers.y)}
