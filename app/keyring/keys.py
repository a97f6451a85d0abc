"""Signing keys: P-256 key pairs, each named by its thumbprint (RFC 7638)."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec


class State(StrEnum):
    """What a key is for: `next` is published, `current` signs too, `retired` is believed until its tokens have ended."""

    NEXT = "next"
    CURRENT = "current"
    RETIRED = "retired"


@dataclass(frozen=True)
class Key:
    """A key pair; a retired one is believed until `until`, and without it no more."""

    kid: str
    state: State
    pem: str
    until: datetime | None

    @property
    def jwk(self) -> dict[str, str]:
        """The public key as a JSON Web Key (RFC 7517)."""
        return {**_public_members(_loaded(self.pem)), "kid": self.kid, "alg": "ES256", "use": "sig"}

    def is_believed(self, now: datetime) -> bool:
        """Say whether tokens of this key are believed."""
        return self.state is not State.RETIRED or (self.until is not None and now < self.until)


def new_pem() -> str:
    """Return a new private key."""
    key = ec.generate_private_key(ec.SECP256R1())
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


def thumbprint(pem: str) -> str:
    """Return the key's thumbprint (RFC 7638)."""
    members = _public_members(_loaded(pem))
    digest = hashlib.sha256(orjson.dumps(members, option=orjson.OPT_SORT_KEYS)).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _loaded(pem: str) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise TypeError
    return key


def _public_members(key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    numbers = key.public_key().public_numbers()
    size = (key.curve.key_size + 7) // 8

    def spelled(number: int) -> str:
        return base64.urlsafe_b64encode(number.to_bytes(size, "big")).decode().rstrip("=")

    return {"crv": "P-256", "kty": "EC", "x": spelled(numbers.x), "y": spelled(numbers.y)}
