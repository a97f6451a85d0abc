"""The keyring: one file with the keys that sign access tokens and the secret that everything else derives from.

The file has mode 600 and is read again within two seconds of a change, so that several workers and hosts can share
one. In development it is made on the first start; production wants one that was made on purpose
(`afterglow keys create`), and refuses to start on a generated one.
"""

import base64
import hashlib
import hmac
import os
import secrets
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app import clock, observability

_SECONDS_BETWEEN_LOOKS: Final = 1.0
_SHORTEST_SECRET: Final = 32


class State(StrEnum):
    """What a key is for: `next` is published, `current` signs too, `retired` is refused."""

    NEXT = "next"
    CURRENT = "current"
    RETIRED = "retired"


@dataclass(frozen=True)
class Key:
    """A P-256 key pair; `kid` is its thumbprint (RFC 7638)."""

    kid: str
    state: State
    pem: str

    @property
    def jwk(self) -> dict[str, str]:
        """The public key as a JSON Web Key (RFC 7517)."""
        return {**_public_members(_loaded(self.pem)), "kid": self.kid, "alg": "ES256", "use": "sig"}


class KeyringError(Exception):
    """The keyring cannot be used; the message says why, without any value."""


class Keyring:
    """The keys and the secret, as the file has them now."""

    def __init__(self, path: Path) -> None:
        """Read the file."""
        self._path = path
        self._looked = 0.0
        self._stamp: tuple[int, int] | None = None
        self._read()

    def derived(self, purpose: str) -> bytes:
        """Return 32 bytes that only this server knows, for one purpose."""
        return hmac.digest(self.secret, purpose.encode(), hashlib.sha256)

    @property
    def current(self) -> Key:
        """The key that signs."""
        self._look()
        return self._current

    @property
    def verifying(self) -> dict[str, Key]:
        """The keys whose tokens are believed, by kid."""
        self._look()
        return self._verifying

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked > _SECONDS_BETWEEN_LOOKS:
            self._looked = now
            try:
                status = self._path.stat()
                if (status.st_mtime_ns, status.st_ino) != self._stamp:
                    self._read()
            except (OSError, KeyringError) as error:  # what was read before stays in force
                observability.happened("keyring-unreadable", error=type(error).__name__)

    def _read(self) -> None:
        try:
            status = self._path.stat()
            content: dict[str, Any] = orjson.loads(self._path.read_bytes())
            keys = [Key(thumbprint(each["pem"]), State(each["state"]), each["pem"]) for each in content["keys"]]
            secret = base64.b64decode(content["secret"])
            current = next(key for key in keys if key.state is State.CURRENT)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, StopIteration, UnsupportedAlgorithm):
            message = "AFTERGLOW_KEYRING names a file that cannot be read"
            raise KeyringError(message) from None
        if len(secret) < _SHORTEST_SECRET:
            message = "AFTERGLOW_KEYRING names a file whose secret is too short"
            raise KeyringError(message)
        self.secret = secret
        self.generated = bool(content.get("generated"))
        self._current = current
        self._verifying = {key.kid: key for key in keys if key.state is not State.RETIRED}
        self._stamp = (status.st_mtime_ns, status.st_ino)


def create_keyring(path: Path, *, generated: bool) -> None:
    """Write a new keyring; where two starters race, the first one's file stays. Raise `FileExistsError` then."""
    pem = (
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        .decode()
    )
    content = {
        "generated": generated,
        "secret": base64.b64encode(secrets.token_bytes(_SHORTEST_SECRET)).decode(),
        "keys": [
            {"kid": thumbprint(pem), "state": State.CURRENT, "created_at": clock.spelled(clock.now()), "pem": pem}
        ],
    }
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    draft.touch(0o600)
    try:
        draft.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))
        os.link(draft, path)
    finally:
        draft.unlink()


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
