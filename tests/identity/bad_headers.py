"""Tokens that must be refused because of their header or key."""

import json
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from tests.identity.tokens import STRANGER, Forge, Make, base64url

RSA = rsa.generate_private_key(65537, 2048)
P384 = ec.generate_private_key(ec.SECP384R1())


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


def headed(name: str, value: object) -> Make:
    return lambda forge: forge.headed(**{name: value})


def unsigned(alg: str) -> Make:
    return lambda forge: forge.with_parts(
        header=base64url(json.dumps(forge.header | {"alg": alg}).encode()), signature=""
    )


def by_retired(forge: Forge) -> str:
    kid, key = forge.retired()
    return forge.signed(forge.header | {"kid": kid}, key=key)


ALGORITHMS: Final[dict[str, Make]] = {
    **{f"alg {alg}": headed("alg", alg) for alg in ("none", "None", "NONE", "nOnE", "", "es256", "ES384", "RS256")},
    **{f"alg {alg} unsigned": unsigned(alg) for alg in ("none", "None", "NONE", "nOnE", "")},
    **{f"alg as {alg!r}"[:24]: headed("alg", alg) for alg in (1, True, 1.5, ["ES256"], {"a": 1}, "ES256\0", "ES256 ")},
    "alg null": lambda f: f.signed(f.header | {"alg": None}),
    "alg missing": lambda f: f.headed(alg=None),
    "alg none by PyJWT": lambda f: f.by(None, "none"),
    "HS256 with our public key as PEM": lambda f: f.by_hmac(f.public_bytes(Encoding.PEM)),
    "HS256 with our public key as PEM, stripped": lambda f: f.by_hmac(f.public_bytes(Encoding.PEM).strip()),
    "HS256 with our public key as DER": lambda f: f.by_hmac(f.public_bytes(Encoding.DER)),
    "HS256 with our public key as JWK": lambda f: f.by_hmac(jwt.algorithms.ECAlgorithm.to_jwk(f.public).encode()),
    "HS256 with our public key as published": lambda f: f.by_hmac(
        json.dumps(f.server.services.keyring.current.jwk).encode()
    ),
    "HS256 with our kid": lambda f: f.by_hmac(f.kid.encode()),
    "HS256 with nothing": lambda f: f.by_hmac(b""),
    "RS256 by a key of its own under our kid": lambda f: f.by(RSA, "RS256"),
    "ES384 by a key of its own under our kid": lambda f: f.by(P384, "ES384"),
}
KEYS: Final[dict[str, Make]] = {
    "another key under our kid": lambda f: f.by(STRANGER, "ES256"),
    "another key, our parts": lambda f: f.with_parts(signature=f.by(STRANGER, "ES256").split(".")[2]),
    "another key under its own kid": lambda f: f.by(STRANGER, "ES256", {"kid": "wisteria"}),
    **{
        f"kid {kid!r}"[:32]: headed("kid", kid)
        for kid in ("", "../../etc/passwd", "/dev/null", "' OR 1=1 --", "\0", "x" * 400, 1, True, ["a"], {"a": 1})
    },
    "kid with a path to ours": lambda f: f.headed(kid=f"./{f.kid}"),
    "kid with SQL after ours": lambda f: f.headed(kid=f"{f.kid}' --"),
    "kid with NUL": lambda f: f.headed(kid=f"{f.kid}\0"),
    "kid as a lone surrogate": lambda f: f.headed(kid="\ud800"),
    "kid null": lambda f: f.signed(f.header | {"kid": None}),
    "kid missing": lambda f: f.headed(kid=None),
    "kid retired": by_retired,
    "kid retired, signed by the current key": lambda f: f.headed(kid=f.retired()[0]),
    "kid current, signed by a retired key": lambda f: f.signed(key=f.retired()[1]),
}
MEMBERS: Final[dict[str, Make]] = {
    **{
        name: headed(name, value)
        for name, value in {
            "jku": "https://wisteria.example.com/jwks.json",
            "x5u": "https://wisteria.example.com/c",
            "x5c": ["MII"],
            "x5t": "a",
            "jwk": {"kty": "EC"},
            "crit": ["exp"],
            "b64": False,
            "zip": "DEF",
            "cty": "JWT",
            "enc": "A256GCM",
        }.items()
    },
    "jwk of the key that signed": lambda f: f.signed(
        f.header | {"jwk": json.loads(jwt.algorithms.ECAlgorithm.to_jwk(STRANGER.public_key()))}, key=STRANGER
    ),
    "crit of nothing": headed("crit", []),
    "crit of what is known": headed("crit", ["alg", "typ", "kid"]),
    **{
        f"typ {typ!r}": headed("typ", typ)
        for typ in ("JWT", "at+JWT", "AT+JWT", "application/at+jwt", "at+jwt ", "", "refresh+jwt", 1, ["at+jwt"])
    },
    "typ as a lone surrogate": headed("typ", "\udfff"),
    "typ null": lambda f: f.signed(f.header | {"typ": None}),
    "typ missing": lambda f: f.headed(typ=None),
    "header with a member twice": lambda f: f.signed((json.dumps(f.header)[:-1] + ', "alg": "ES256"}').encode()),
    "header nested 200 deep": lambda f: f.signed(b'{"alg": ' + nested(200) + b"}"),
    "header nested 1 000 deep": lambda f: f.signed(b'{"alg": ' + nested(1000) + b"}"),
    "header of 1 000 lists": lambda f: f.with_parts(header=base64url(nested(1000))),
    "header a list": lambda f: f.signed(b'["ES256"]'),
    "header null": lambda f: f.signed(b"null"),
    "header no JSON": lambda f: f.signed(b"wisteria"),
    "header nothing": lambda f: f.with_parts(header=""),
    "header NaN": lambda f: f.signed(b"NaN"),
    "header over 512 bytes": lambda f: f.signed(json.dumps(f.header).encode() + b" " * 512),
    "header in UTF-16": lambda f: f.signed(json.dumps(f.header).encode("utf-16")),
    "header in UTF-16 without a mark": lambda f: f.signed(json.dumps(f.header).encode("utf-16-le")),
    "header with a BOM": lambda f: f.signed(b"\xef\xbb\xbf" + json.dumps(f.header).encode()),
    "header in bad UTF-8": lambda f: f.signed(b'{"alg": "\xff"}'),
}
