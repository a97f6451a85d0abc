"""Assertions: how a client authenticates (RFC 7523, private_key_jwt).

An assertion is a JWT that the client signs with its own key. It is checked in this order: length → three canonical
base64url parts → header and algorithm → key → signature → claims → not used before. Up to the signature, all failures
get the same error, so that nobody can find out which clients and keys exist. After that, the error names the rule that
failed.
"""

import hashlib
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson
import sqlalchemy as sa

from app import clock
from app.clinics.caller import ACTIVE
from app.clinics.keys import Jwk
from app.clinics.oauth import OAuthError
from app.clinics.tables import AssertionRecord, ClientRecord
from app.db import Database, Row, Statement, Transaction, bind
from app.identity import jws
from app.ids import parse_canonical
from app.services import Services

MAX_LENGTH: Final = 8192
MAX_HEADER_BYTES: Final = 1024
MAX_SECONDS: Final = 300
"""The maximum number of seconds from the request until the expiry of its assertion."""
SKEW_SECONDS: Final = 5
MAX_JTI: Final = 200
ALGORITHMS: Final = ("RS384", "ES384")
_HEADER: Final = frozenset({"alg", "kid", "typ", "jku"})
_client, _assertion = ClientRecord.table(), AssertionRecord.table()
_CLIENT: Final = Statement(ACTIVE.with_only_columns(_client.c.id, _client.c.jwks, _client.c.jwks_uri, _client.c.scopes))
_INSERT: Final = Statement(
    sa.text(
        "INSERT INTO assertion (client_id, jti, expires_at) VALUES (:client_id, :jti, :expires_at)"
        " ON CONFLICT (client_id, jti) DO NOTHING RETURNING client_id"
    )
    .bindparams(*(bind(column) for column in _assertion.c))
    .columns(_assertion.c.client_id)
)
_DELETE_EXPIRED: Final = Statement(
    sa.delete(_assertion).where(_assertion.c.expires_at <= bind(_assertion.c.expires_at, "now"))
)


class NotAuthenticatedError(OAuthError):
    """The assertion does not authenticate a client (`invalid_client`)."""

    def __init__(self, rule: str = "") -> None:
        """Take the description of the failed rule. Without it, the error does not say which check failed."""
        unsigned = "The assertion does not authenticate a client. Check its form, its client id, key and signature."
        super().__init__("invalid_client", rule or unsigned, 401)


class Assertion(NamedTuple):
    """A valid assertion: the client's row, the SHA-256 of the claim `jti`, and the expiry.

    The hash is stored until the expiry, to refuse a second use.
    """

    client: Row
    jti: bytes
    expires_at: datetime


async def verify(services: Services, assertion: str, client_id: str | None, audiences: set[str]) -> Assertion:
    """Return the assertion if it is valid, otherwise raise `NotAuthenticatedError`. `use` checks for an earlier use.

    `client_id` is the parameter of the request, or None. `audiences` are the allowed values of `aud`.
    """
    header, payload = _parts(assertion)
    client = await _named_client(services.db, payload)
    key = await _key(services, client, header)
    try:
        jws.verify(assertion, jws.load_key(key, key["alg"]), key["alg"])
    except Exception:  # noqa: BLE001 - any failure means that the signature is not valid
        raise NotAuthenticatedError from None
    claims = _claims(payload)
    id = str(client["id"])
    for rule, holds in _RULES.items():
        if not holds(claims, id if client_id is None else client_id, audiences):
            raise NotAuthenticatedError(rule)
    digest = hashlib.sha256(claims["jti"].encode()).digest()
    return Assertion(client, digest, datetime.fromtimestamp(claims["exp"], UTC))


async def use(tx: Transaction, assertion: Assertion) -> None:
    """Store that an assertion is used; raise `NotAuthenticatedError` if it was used before, on any worker."""
    row = await tx.one(_INSERT, client_id=assertion.client["id"], jti=assertion.jti, expires_at=assertion.expires_at)
    if row is None:
        raise NotAuthenticatedError("The assertion was used before: sign a new one with another jti for each request.")


async def delete_expired(db: Database) -> None:
    """Delete the stored assertions that have expired: `verify` refuses an expired assertion, so they are not needed."""
    await db.run(_DELETE_EXPIRED, now=clock.now())


def _parts(assertion: str) -> tuple[dict[str, Any], bytes]:
    """Return the members of the header, and the payload, before the signature is verified.

    Raise `NotAuthenticatedError` if the assertion is malformed, or its header has a wrong algorithm, type or member.
    """
    try:
        raw, payload = jws.split(assertion, max_length=MAX_LENGTH, max_header_bytes=MAX_HEADER_BYTES)
        header = jws.read_members(raw)
    except Exception:  # noqa: BLE001 - any failure means that it is not an assertion
        raise NotAuthenticatedError from None
    if not set(header) <= _HEADER or header.get("typ", "JWT") != "JWT" or header.get("alg") not in ALGORITHMS:
        raise NotAuthenticatedError
    return header, payload


async def _named_client(db: Database, payload: bytes) -> Row:
    """Return the row of the client that the claim `iss` of a payload names. The payload is not verified yet.

    Raise `NotAuthenticatedError` if the client does not exist, or it or its clinic has ended.
    """
    try:
        claims = orjson.loads(payload)
        id: UUID = parse_canonical(claims["iss"])
    except (ValueError, TypeError, KeyError, IndexError):
        raise NotAuthenticatedError from None
    client = await db.one(_CLIENT, client_id=id)
    if client is None:
        raise NotAuthenticatedError
    return client


async def _key(services: Services, client: Row, header: Mapping[str, Any]) -> Jwk:
    """Return the client's key that the header names; raise `NotAuthenticatedError` unless exactly one matches."""
    url, kid = client["jwks_uri"], header.get("kid")
    if "jku" in header and (url is None or header["jku"] != url):
        raise NotAuthenticatedError
    keys: list[Jwk] = (
        [key for key in client["jwks"] if key["kid"] == kid]
        if url is None
        else await services.clients.keys_at(url, kid)
    )
    if len(keys) != 1 or keys[0]["alg"] != header["alg"]:
        raise NotAuthenticatedError
    return keys[0]


def _claims(payload: bytes) -> dict[str, Any]:
    try:
        return jws.read_members(payload)
    except Exception:  # noqa: BLE001 - any failure means that the claims are malformed
        message = "The claims must be a JSON object (RFC 8259) in which no name occurs twice."
        raise NotAuthenticatedError(message) from None


def _is_int(value: object) -> bool:
    return type(value) is int


def _has_begun(claims: Mapping[str, Any], name: str) -> bool:
    value = claims.get(name, 0)
    return type(value) in {int, float} and bool(value <= time.time() + SKEW_SECONDS)


Rule = Callable[[Mapping[str, Any], str, set[str]], bool]
_RULES: Final[dict[str, Rule]] = {
    "iss and sub must both be the client_id, and the request's client_id, if sent, must be the same.": (
        lambda claims, client_id, _: claims.get("iss") == claims.get("sub") == client_id
    ),
    "aud must be the URL of the token endpoint or the issuer, as a text or as a list of one text.": (
        lambda claims, _, audiences: _audience(claims.get("aud")) in audiences
    ),
    "exp must be a whole number of seconds.": lambda claims, *_: _is_int(claims.get("exp")),
    "exp must be in the future: the assertion has expired.": lambda claims, *_: claims["exp"] > time.time(),
    f"exp must be at most {MAX_SECONDS} seconds in the future.": (
        lambda claims, *_: claims["exp"] <= time.time() + MAX_SECONDS + SKEW_SECONDS
    ),
    "nbf must be a number of seconds that is not in the future.": lambda claims, *_: _has_begun(claims, "nbf"),
    "iat must be a number of seconds that is not in the future.": lambda claims, *_: _has_begun(claims, "iat"),
    f"jti must be a string of 1 to {MAX_JTI} characters.": (
        lambda claims, *_: isinstance(claims.get("jti"), str) and 1 <= len(claims["jti"]) <= MAX_JTI
    ),
}
"""The rules for the claims, in the order in which they are checked. Each key is the error's description of the rule."""


def _audience(value: object) -> str:
    """Return the audience in a claim `aud`, which is a text or a list of one text; an empty text for other values."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, str) else ""
