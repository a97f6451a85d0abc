"""Access tokens made by PyJWT and from bytes, independent of the application's code."""

import base64
import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash

from app.identity.device_sessions import end_device, sign_in
from app.ids import new_id
from app.keyring.keys import State
from tests.identity.operator import close
from tests.serving import Person, Server

Json = dict[str, Any]
Make = Callable[["Forge"], str]
STRANGER = ec.generate_private_key(ec.SECP256R1())
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""How many points P-256 has (FIPS 186-4, D.1.2.3)."""


def base64url(content: bytes) -> str:
    """Return base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def flipped(text: str) -> str:
    """Return the text with the lowest bit of its last base64url character flipped."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + alphabet[alphabet.index(text[-1]) ^ 1]


def signature(r: int, s: int) -> str:
    """Return a JWS signature (RFC 7518, section 3.4)."""
    return base64url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def loaded(pem: str) -> ec.EllipticCurvePrivateKey:
    """Load a private key."""
    key = serialization.load_pem_private_key(pem.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


class Forge:
    """Makes tokens for a person, by default with the server's key, so that only one thing is wrong with each."""

    def __init__(self, server: Server, person: Person) -> None:
        self.server, self.person = server, person
        self.kid = server.services.keyring.current.kid
        self.key = loaded(server.services.keyring.current.pem)
        self.claims: Json = jwt.decode(person.token, options={"verify_signature": False})
        self.header: Json = {"alg": "ES256", "typ": "at+jwt", "kid": self.kid}

    @property
    def now(self) -> int:
        """The current time in whole seconds."""
        return int(time.time())

    @property
    def public(self) -> ec.EllipticCurvePublicKey:
        """The public key."""
        return self.key.public_key()

    def signed(
        self,
        header: bytes | Json | None = None,
        claims: bytes | Json | None = None,
        key: ec.EllipticCurvePrivateKey | None = None,
        **more: Any,
    ) -> str:
        """Return a token with any header and payload, signed by the server's key or another one."""
        said = self.claims if claims is None else claims
        payload = said if isinstance(said, bytes) else json.dumps(said | more).encode()
        head = self.header if header is None else header
        parts = f"{base64url(head if isinstance(head, bytes) else json.dumps(head).encode())}.{base64url(payload)}"
        r, s = utils.decode_dss_signature((key or self.key).sign(parts.encode(), ec.ECDSA(SHA256())))
        return f"{parts}.{signature(r, s)}"

    def headed(self, **members: Any) -> str:
        """Return a token with other header members; None removes one."""
        header = self.header | members
        return self.signed({name: value for name, value in header.items() if value is not None})

    def without(self, claim: str) -> str:
        """Return a token without a claim."""
        return self.signed(claims={name: value for name, value in self.claims.items() if name != claim})

    def claiming(self, text: str) -> str:
        """Return a token whose payload has this JSON text appended."""
        return self.signed(claims=(json.dumps(self.claims)[:-1] + text + "}").encode())

    def by(self, key: Any, algorithm: str, headers: Mapping[str, Any] | None = None) -> str:
        """Return a token made by PyJWT."""
        return jwt.encode(self.claims, key, algorithm, headers={"typ": "at+jwt", "kid": self.kid, **(headers or {})})

    def by_hmac(self, secret: bytes) -> str:
        """Return a token with an HMAC instead of the signature, which PyJWT refuses to make."""
        parts = f"{base64url(json.dumps(self.header | {'alg': 'HS256'}).encode())}.{self.parts[1]}"
        block = (secret if len(secret) <= 64 else hashlib.sha256(secret).digest()).ljust(64, b"\0")
        inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + parts.encode()).digest()
        return f"{parts}.{base64url(hashlib.sha256(bytes(byte ^ 0x5C for byte in block) + inner).digest())}"

    @property
    def parts(self) -> list[str]:
        """The three parts of a valid token."""
        return self.person.token.split(".")

    def with_parts(self, *, header: str | None = None, payload: str | None = None, signature: str | None = None) -> str:
        """Return the valid token with one part replaced."""
        parts = self.parts
        new = (header, payload, signature)
        return ".".join(old if part is None else part for old, part in zip(parts, new, strict=True))

    def public_bytes(self, encoding: serialization.Encoding) -> bytes:
        """Return the bytes of the public key, which is known to everyone."""
        return self.public.public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)

    def der(self) -> str:
        """Return the signature of the valid token in DER."""
        return base64url(self.key.sign(".".join(self.parts[:2]).encode(), ec.ECDSA(SHA256())))

    def other_id(self) -> str:
        """Return an unknown id."""
        return str(new_id())

    def retired(self) -> tuple[str, ec.EllipticCurvePrivateKey]:
        """Return a retired key of the server."""
        found = next(each for each in self.server.services.keyring.keys if each.state is State.RETIRED)
        return found.kid, loaded(found.pem)

    def assertion(self, key: ec.EllipticCurvePrivateKey, **headers: str) -> str:
        """Return a client assertion (RFC 7523, section 2.2) made by PyJWT."""
        client = f"client-{self.other_id()}"
        token_endpoint = f"{self.server.settings.issuer}/v1/auth/token"
        claims = {"iss": client, "sub": client, "aud": token_endpoint, "exp": self.now + 60, "jti": self.other_id()}
        return jwt.encode(claims, key, "ES256", headers)

    def encrypted(self, alg: str) -> str:
        """Return the claims as JWE (RFC 7516), encrypted for the server's key."""
        header: Json = {"alg": alg, "enc": "A256GCM", "typ": "at+jwt", "kid": self.kid}
        key = hashlib.sha256(self.public_bytes(serialization.Encoding.DER)).digest()
        if alg == "ECDH-ES":  # RFC 7518, section 4.6
            sender = ec.generate_private_key(ec.SECP256R1())
            header["epk"] = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(sender.public_key()))
            names = len(header["enc"]).to_bytes(4, "big") + header["enc"].encode() + bytes(8)
            derive = ConcatKDFHash(SHA256(), 32, names + (256).to_bytes(4, "big"))
            key = derive.derive(sender.exchange(ec.ECDH(), self.public))
        head, nonce = base64url(json.dumps(header).encode()), os.urandom(12)
        sealed = AESGCM(key).encrypt(nonce, json.dumps(self.claims).encode(), head.encode())
        return f"{head}..{base64url(nonce)}.{base64url(sealed[:-16])}.{base64url(sealed[-16:])}"

    def of_ended_device(self) -> str:
        """Return a valid token of a device that was signed out since."""
        tokens = self.server.run(sign_in(self.server.services, self.person.id, "tablet"))
        device = jwt.decode(tokens["access_token"], options={"verify_signature": False})["sid"]
        self._remember_claims(tokens["access_token"])
        assert self.server.run(end_device(self.server.db, self.person.id, UUID(device)))
        return str(tokens["access_token"])

    def of_closed_account(self) -> str:
        """Return a valid token of an account that was closed since."""
        other = self.server.person("somebody")
        self._remember_claims(other.token)
        close(self.server, other)
        return other.token

    def _remember_claims(self, token: str) -> None:
        assert self.server.client(token).get("/v1/me").status_code == 200
