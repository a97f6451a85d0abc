"""Access tokens made by hand: PyJWT and plain bytes stand beside the application's own maker, and know nothing of it."""

import base64
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256

from app.ids import new_id
from tests.serving import Person, Server

Json = dict[str, Any]
Make = Callable[["Forge"], str]
STRANGER = ec.generate_private_key(ec.SECP256R1())


def spelled(content: bytes) -> str:
    """Return base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def flipped(text: str) -> str:
    """Return the text with the lowest bit of its last base64url character the other way round."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + alphabet[alphabet.index(text[-1]) ^ 1]


class Forge:
    """Makes tokens for a person, with the server's own key where asked, so that only what is odd can be the reason."""

    def __init__(self, server: Server, person: Person) -> None:
        self.person = person
        self.kid = server.site.keyring.current.kid
        key = serialization.load_pem_private_key(server.site.keyring.current.pem.encode(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        self.key = key
        self.claims: Json = jwt.decode(person.token, options={"verify_signature": False})
        self.header: Json = {"alg": "ES256", "typ": "at+jwt", "kid": self.kid}

    @property
    def now(self) -> int:
        """The present second."""
        return int(time.time())

    @property
    def public(self) -> ec.EllipticCurvePublicKey:
        """The key that verifies."""
        return self.key.public_key()

    def signed(self, header: bytes | Json | None = None, claims: bytes | Json | None = None, **more: Any) -> str:
        """Return a token that the server's key signed, whatever it says."""
        said = self.claims if claims is None else claims
        payload = said if isinstance(said, bytes) else json.dumps(said | more).encode()
        head = self.header if header is None else header
        parts = f"{spelled(head if isinstance(head, bytes) else json.dumps(head).encode())}.{spelled(payload)}"
        r, s = utils.decode_dss_signature(self.key.sign(parts.encode(), ec.ECDSA(SHA256())))
        return f"{parts}.{spelled(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    def headed(self, **members: Any) -> str:
        """Return a token whose header has other members; None takes one away."""
        header = self.header | members
        return self.signed({name: value for name, value in header.items() if value is not None})

    def without(self, claim: str) -> str:
        """Return a token without a claim."""
        return self.signed(claims={name: value for name, value in self.claims.items() if name != claim})

    def claiming(self, text: str) -> str:
        """Return a token whose payload has more JSON text at its end."""
        return self.signed(claims=(json.dumps(self.claims)[:-1] + text + "}").encode())

    def by(self, key: Any, algorithm: str, headers: Mapping[str, Any] | None = None) -> str:
        """Return a token as PyJWT makes it."""
        return jwt.encode(self.claims, key, algorithm, headers={"typ": "at+jwt", "kid": self.kid, **(headers or {})})

    def by_hmac(self, secret: bytes, algorithm: str = "HS256") -> str:
        """Return a token with a keyed hash in place of the signature; PyJWT would refuse to make it."""
        parts = f"{spelled(json.dumps(self.header | {'alg': algorithm}).encode())}.{self.parts[1]}"
        block = (secret if len(secret) <= 64 else hashlib.sha256(secret).digest()).ljust(64, b"\0")
        inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + parts.encode()).digest()
        return f"{parts}.{spelled(hashlib.sha256(bytes(byte ^ 0x5C for byte in block) + inner).digest())}"

    @property
    def parts(self) -> list[str]:
        """The three parts of a good token."""
        return self.person.token.split(".")

    def with_parts(self, *, header: str | None = None, payload: str | None = None, signature: str | None = None) -> str:
        """Return the good token with a part in place of its own."""
        parts = self.parts
        new = (header, payload, signature)
        return ".".join(old if part is None else part for old, part in zip(parts, new, strict=True))

    def public_bytes(self, encoding: serialization.Encoding) -> bytes:
        """Return the public key as anybody could have it."""
        return self.public.public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)

    def der(self) -> str:
        """Return a signature of the good token's own parts, but in DER."""
        return spelled(self.key.sign(".".join(self.parts[:2]).encode(), ec.ECDSA(SHA256())))

    def other_id(self) -> str:
        """Return an id of nobody."""
        return str(new_id())
