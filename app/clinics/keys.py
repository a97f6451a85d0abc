"""The public keys of a client, as a JSON Web Key Set (RFC 7517): RSA of at least 2048 bits, or EC on the curve P-384.

When an operator registers a set, every key must be usable; otherwise the error describes the first one that is not. A
set that is fetched from a URL may contain keys for other purposes: unusable keys are ignored.
"""

import base64
import hashlib
from typing import Any, Final

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from app import json_strict
from app.problems import MalformedBody

MAX_KEYS: Final = 20
MAX_BYTES: Final = 64 * 1024
MAX_KID: Final = 200
MIN_RSA_BITS: Final = 2048
MAX_RSA_BITS: Final = 8192
MIN_EXPONENT: Final = 65_537
MAX_EXPONENT: Final = 2**32
EC_BYTES: Final = 48
PRIVATE: Final = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")
"""The members of a JWK that only a private or a secret key has."""

Jwk = dict[str, Any]


class KeySetError(ValueError):
    """A key set or a key is not usable. The message says which key, why, and what to do; it contains no key."""


def read_key_set(content: bytes) -> list[Jwk]:
    """Return the keys of a key set that an operator registers, each with only the members that are needed.

    Raise `KeySetError` if the content is not a key set, has no key or too many, or a key is not usable or repeats a
    `kid`.
    """
    keys = _members(content)
    if not keys:
        message = "the key set has no key"
        raise KeySetError(message)
    if len(keys) > MAX_KEYS:
        message = f"the key set has {len(keys)} keys; at most {MAX_KEYS} are allowed"
        raise KeySetError(message)
    found: list[Jwk] = []
    for number, key in enumerate(keys, 1):
        try:
            found.append(public_key(key))
        except KeySetError as error:
            message = f"key {number}: {error}"
            raise KeySetError(message) from None
    kids = [key["kid"] for key in found]
    for number, kid in enumerate(kids, 1):
        first = kids.index(kid) + 1
        if first != number:
            message = f"key {number}: key {first} has the same kid; give each key its own"
            raise KeySetError(message)
    return found


def usable_keys(content: bytes) -> list[Jwk]:
    """Return the usable keys among the first 20 of a key set that was fetched. Several of them may have the same `kid`.

    Raise `KeySetError` if the content is not a key set.
    """
    found: list[Jwk] = []
    for key in _members(content)[:MAX_KEYS]:
        try:
            found.append(public_key(key))
        except KeySetError:
            continue
    return found


def public_key(key: object) -> Jwk:
    """Return a key with only the members that are needed; raise `KeySetError` if the key is not usable."""
    if not isinstance(key, dict):
        message = "it is not a JSON object"
        raise KeySetError(message)
    private = [name for name in PRIVATE if name in key]
    if private:
        message = (
            f"it is a private key (it has the member {private[0]}), which must never leave the clinic's system: "
            "replace it with a new key pair, and register only the public key of that pair"
        )
        raise KeySetError(message)
    kid = key.get("kid")
    if not isinstance(kid, str) or not 1 <= len(kid) <= MAX_KID or not kid.isprintable():
        message = f"its kid must be a string of 1 to {MAX_KID} printable characters"
        raise KeySetError(message)
    operations = key.get("key_ops", ["verify"])
    if key.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        message = (
            "the key is not for signatures: set `use` to 'sig' or omit it, and include 'verify' in `key_ops` or omit it"
        )
        raise KeySetError(message)
    kind = key.get("kty")
    found = _rsa(key) if kind == "RSA" else _ec(key) if kind == "EC" else None
    if found is None:
        message = "its kty must be RSA or EC"
        raise KeySetError(message)
    if key.get("alg", found["alg"]) != found["alg"]:
        message = f"its alg must be {found['alg']}, or absent"
        raise KeySetError(message)
    return found | {"kid": kid}


def describe(key: Jwk) -> str:
    """Return the type and size of a key: `RSA 2048` or `EC P-384`."""
    return f"RSA {_number(key, 'n').bit_length()}" if key["kty"] == "RSA" else "EC P-384"


def thumbprint(key: Jwk) -> str:
    """Return the thumbprint of a key (RFC 7638)."""
    members = {name: value for name, value in key.items() if name not in {"kid", "alg"}}
    digest = hashlib.sha256(orjson.dumps(members, option=orjson.OPT_SORT_KEYS)).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _members(content: bytes) -> list[object]:
    if len(content) > MAX_BYTES:
        message = f"it has more than {MAX_BYTES} bytes"
        raise KeySetError(message)
    try:
        value = json_strict.parse(content)
    except MalformedBody:
        value = None
    keys = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(keys, list):
        message = 'it is not a JSON Web Key Set (RFC 7517): a JSON object such as {"keys": [{"kty": "EC", …}]}'
        raise KeySetError(message)
    return keys


def _rsa(key: Jwk) -> Jwk:
    modulus, exponent = _number(key, "n"), _number(key, "e")
    if not MIN_RSA_BITS <= modulus.bit_length() <= MAX_RSA_BITS:
        message = f"its modulus has {modulus.bit_length()} bits; {MIN_RSA_BITS} to {MAX_RSA_BITS} are allowed"
        raise KeySetError(message)
    if not MIN_EXPONENT <= exponent < MAX_EXPONENT:
        message = f"its exponent must be at least {MIN_EXPONENT} (the usual value) and below 2^32"
        raise KeySetError(message)
    _check_numbers(rsa.RSAPublicNumbers(exponent, modulus))
    return {"kty": "RSA", "alg": "RS384", "n": key["n"], "e": key["e"]}


def _ec(key: Jwk) -> Jwk:
    if key.get("crv") != "P-384":
        message = "its curve (crv) must be P-384"
        raise KeySetError(message)
    x, y = (_number(key, name, EC_BYTES) for name in ("x", "y"))
    _check_numbers(ec.EllipticCurvePublicNumbers(x, y, ec.SECP384R1()))
    return {"kty": "EC", "alg": "ES384", "crv": "P-384", "x": key["x"], "y": key["y"]}


def _check_numbers(numbers: rsa.RSAPublicNumbers | ec.EllipticCurvePublicNumbers) -> None:
    try:
        numbers.public_key()
    except (ValueError, UnsupportedAlgorithm):
        message = "its numbers do not form a valid public key"
        raise KeySetError(message) from None


def _number(key: Jwk, name: str, size: int | None = None) -> int:
    """Return the number in the member `name` of a key: base64url without padding (RFC 7518, sections 2 and 6).

    Raise `KeySetError` if the member is not such a number or, with `size`, does not have this number of bytes.
    """
    text = key.get(name)
    try:
        content = base64.b64decode(_padded(text), b"-_", validate=True) if isinstance(text, str) else b""
    except ValueError:
        content = b""
    canonical = base64.urlsafe_b64encode(content).decode().rstrip("=") == text
    if not content or not canonical or len(content) != (size or len(content)) or (size is None and not content[0]):
        message = f"its member {name} is not a number in base64url" + (f" of {size} bytes" if size else "")
        raise KeySetError(message)
    return int.from_bytes(content, "big")


def _padded(text: str) -> bytes:
    return text.encode("ascii") + b"=" * (-len(text) % 4)
