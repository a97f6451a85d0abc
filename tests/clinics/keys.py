"""Key pairs of clients."""

from functools import cache
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

Jwk = dict[str, Any]
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@cache
def rsa_key(bits: int = 2048, exponent: int = 65_537, number: int = 0) -> rsa.RSAPrivateKey:
    """Return a private RSA key; each `number` has its own."""
    del number
    return rsa.generate_private_key(exponent, bits)


@cache
def ec_key(curve: type[ec.EllipticCurve] = ec.SECP384R1, number: int = 0) -> ec.EllipticCurvePrivateKey:
    """Return a private key on a curve; each `number` has its own."""
    del number
    return ec.generate_private_key(curve())


def private_jwk(key: PrivateKey, kid: str = "wisteria") -> Jwk:
    """Return a private key as a JWK."""
    text = RSAAlgorithm.to_jwk(key) if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm.to_jwk(key)
    jwk: Jwk = orjson.loads(text)
    return jwk | {"kid": kid}


def public_jwk(key: PrivateKey, kid: str = "wisteria", **members: object) -> Jwk:
    """Return the public part of a key as a JWK, with further members."""
    private = private_jwk(key, kid)
    return {name: private[name] for name in ("kty", "crv", "x", "y", "n", "e", "kid") if name in private} | members


def key_set(*keys: object) -> bytes:
    """Return a JSON Web Key Set."""
    return orjson.dumps({"keys": keys})
