"""Clients of clinics, and the assertions with which they authenticate: made by PyJWT and from bytes."""

import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import httpx2 as httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.hashes import SHA384, HashAlgorithm

from app.clinics import administration
from app.clinics.administration import KeySource
from app.clinics.keys import read_key_set
from app.clinics.tables import Purpose
from app.db import Row
from app.ids import new_id_text
from tests.clinics.keys import PrivateKey, ec_key, key_set, public_jwk, rsa_key
from tests.serving import Server

Json = dict[str, Any]
SCOPES: Final = "system/Patient.crus system/Procedure.crus system/Goal.rs"
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
EC_BYTES: Final = 48


def base64url(content: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def add_client(server: Server, keys: KeySource | None = None, scopes: str = SCOPES) -> Row:
    """Add a clinic with a client that has an RSA key `rsa` and an EC key `ec`, or these keys; return the client."""
    own = KeySource(read_key_set(key_set(public_jwk(rsa_key(), "rsa"), public_jwk(ec_key(), "ec"))), None)

    async def add() -> Row | None:
        async with server.db.transaction() as tx:
            clinic = await administration.add_clinic(tx, "Wisteria House", None)
            return await administration.add_client(tx, clinic["id"], keys or own, scopes, Purpose.TREATMENT)

    client = server.run(add())
    assert client is not None
    return client


def end_client(server: Server, client: Row) -> None:
    """End a client."""

    async def end() -> bool:
        async with server.db.transaction() as tx:
            return await administration.end_client(tx, client["id"])

    assert server.run(end())


def end_clinic(server: Server, client: Row) -> None:
    """End the clinic of a client."""

    async def end() -> bool:
        async with server.db.transaction() as tx:
            return await administration.end_clinic(tx, client["clinic_id"])

    assert server.run(end())


@dataclass
class Assertions:
    """Makes assertions for a client, by default valid ones, so that only one thing is wrong with each."""

    url: str
    client: Row

    @property
    def id(self) -> str:
        """The client id."""
        client_id: UUID = self.client["id"]
        return str(client_id)

    @property
    def endpoint(self) -> str:
        """The URL of the token endpoint."""
        return f"{self.url}/oauth/token"

    def claims(self, **changes: Any) -> Json:
        """Return valid claims with these changes."""
        now = int(time.time())
        valid = {"iss": self.id, "sub": self.id, "aud": self.endpoint, "exp": now + 60, "jti": new_id_text()}
        return valid | changes

    def without(self, name: str) -> str:
        """Return an assertion without a claim."""
        return self.signed(json.dumps({key: value for key, value in self.claims().items() if key != name}).encode())

    def headed(self, **members: Any) -> str:
        """Return an assertion with other members in its header."""
        return self.signed(header={"alg": "ES384", "kid": "ec"} | members)

    def signed(
        self,
        payload: bytes | Json | None = None,
        header: bytes | Json | None = None,
        key: PrivateKey | None = None,
        digest: HashAlgorithm | None = None,
        **claims: Any,
    ) -> str:
        """Return an assertion of any bytes, signed by the client's EC key or another one."""
        said = self.claims(**claims) if payload is None else payload
        head = {"alg": "ES384", "kid": "ec"} if header is None else header
        parts = ".".join(
            base64url(part if isinstance(part, bytes) else json.dumps(part).encode()) for part in (head, said)
        )
        return f"{parts}.{base64url(_signature(key or ec_key(), parts.encode(), digest or SHA384()))}"

    def by(self, key: PrivateKey, algorithm: str, kid: str, **claims: Any) -> str:
        """Return an assertion made by PyJWT."""
        return jwt.encode(self.claims(**claims), key, algorithm, headers={"kid": kid})

    def valid(self, **claims: Any) -> str:
        """Return a valid assertion."""
        return self.by(ec_key(), "ES384", "ec", **claims)


def _signature(key: PrivateKey, content: bytes, digest: HashAlgorithm) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(content, padding.PKCS1v15(), digest)
    r, s = utils.decode_dss_signature(key.sign(content, ec.ECDSA(digest)))
    size = -(-key.key_size // 8)
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


Make = Callable[[Assertions], str]


def form(assertion: str, **changes: str | None) -> dict[str, str]:
    """Return the form of a request with an assertion; None removes a parameter."""
    valid = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion,
    }
    return {name: value for name, value in (valid | changes).items() if value is not None}


def request_token(server: Server, assertion: str, **changes: str | None) -> httpx.Response:
    """Request an access token."""
    return server.anyone.post("/oauth/token", data=form(assertion, **changes))
