"""Requests an access token for a client of a clinic, with the same request that the client itself would send."""

import json
import time
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from app.cli.errors import fail
from app.clinics.assertions import ALGORITHMS
from app.clinics.endpoints import TOKEN_PATH
from app.clinics.granting import ASSERTION_TYPE, GRANT_TYPE
from app.clinics.keys import MAX_BYTES
from app.db import Row
from app.identity import jws
from app.ids import new_id_text
from app.settings import Settings

SECONDS: Final = 10
_LIFETIME: Final = 60


class SigningKey(NamedTuple):
    """The private key of a client, with the algorithm for its signatures and its key id (`kid`)."""

    key: jws.Key
    algorithm: str
    kid: str


def read_signing_key(file: Path, client: Row) -> SigningKey:
    """Return the client's private key from a file in PEM format or in JWK format.

    The `kid` is that of the client's registered public key that belongs to the private key. If the client has
    registered a URL of its public keys instead, the file must be a JWK with a `kid`. Exit with an error line if the
    file contains no private key that the client can use.
    """
    try:
        with file.open(encoding="ascii") as content:
            text = content.read(MAX_BYTES)
    except (OSError, UnicodeDecodeError):
        fail(f"{file} cannot be read")
    key, algorithm, kid = _load(file, text)
    public = key.public_key().to_dict()
    own = {name: public.get(name) for name in ("n", "e", "x", "y")}
    registered = [each for each in client["jwks"] or () if {name: each.get(name) for name in own} == own]
    if client["jwks"] is not None and not registered:
        fail(f"{file}: the client has not registered this key (see `afterglow clinic client keys {client['id']}`)")
    kid = registered[0]["kid"] if registered else kid
    if not kid:
        fail(f"{file}: the client's keys are at a URL; give the key as a JWK with the kid that it has there")
    return SigningKey(key, algorithm, kid)


def _load(file: Path, text: str) -> tuple[jws.Key, str, str]:
    try:
        jwk: dict[str, Any] | None = json.loads(text) if text.lstrip().startswith("{") else None
    except (ValueError, RecursionError):
        fail(f"{file}: it is neither a private key in PEM format nor a JWK")
    loaded = [key for algorithm in ALGORITHMS for key in _private_keys(text if jwk is None else jwk, algorithm)]
    if not loaded:
        fail(f"{file}: it is not a private key (RSA, or EC on the curve P-384) in PEM format or as a JWK")
    key, algorithm = loaded[0]
    return key, algorithm, str((jwk or {}).get("kid") or "")


def _private_keys(content: str | dict[str, Any], algorithm: str) -> list[tuple[jws.Key, str]]:
    """Return the private key in `content` and the algorithm, as a list of one pair.

    Return an empty list if `content` has no private key for this algorithm.
    """
    try:
        key = jws.load_key(content, algorithm)
        members = key.to_dict()
    except Exception:  # noqa: BLE001 - it is no key for this algorithm
        return []
    return [(key, algorithm)] if "d" in members and members.get("crv", "P-384") == "P-384" else []


def default_url(settings: Settings) -> str:
    """Return the URL of the server that `afterglow clinic token` sends the request to without `--url`."""
    return settings.issuer if settings.has_issuer else f"http://127.0.0.1:8000{settings.root_path}"


def request_token(url: str, client: Row, key: SigningKey, audience: str, scope: str) -> dict[str, Any]:
    """Request an access token for a client from the server at `url`, and return the server's response.

    Exit with an error line if the server refuses the request or does not answer.
    """
    id = str(client["id"])
    claims = {"iss": id, "sub": id, "aud": audience, "exp": int(time.time()) + _LIFETIME, "jti": new_id_text()}
    form = {
        "grant_type": GRANT_TYPE,
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": jws.sign(claims, key.key, key.algorithm, kid=key.kid),
        "scope": scope,
    }
    if not url.startswith(("https://", "http://")):
        fail("the URL must begin with https:// or http://")
    request = Request(f"{url.rstrip('/')}{TOKEN_PATH}", urlencode(form).encode())  # noqa: S310 - checked above
    try:
        with urlopen(request, timeout=SECONDS) as response:  # noqa: S310 - checked above
            granted: dict[str, Any] = json.loads(response.read(MAX_BYTES))
    except HTTPError as error:
        with error:
            fail(f"{url} refused the request ({error.code}): {_reason(error.read(MAX_BYTES))}")
    except (URLError, OSError, ValueError):
        fail(f"no server answers at {url}: start it, or give its URL with --url")
    return granted


def _reason(content: bytes) -> str:
    try:
        return str(json.loads(content)["error_description"])
    except (ValueError, TypeError, KeyError):
        return "the response is not one of this API; perhaps a proxy sent it"
