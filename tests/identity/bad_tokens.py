"""Every token that has to be refused, by what is wrong with it."""

import base64
import json
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from tests.identity.tokens import STRANGER, Make, flipped, spelled

RSA = rsa.generate_private_key(65537, 2048)
DEEP = b"[" * 1000 + b"]" * 1000


def headed(name: str, value: object) -> Make:
    return lambda forge: forge.headed(**{name: value})


def unsigned(alg: str) -> Make:
    return lambda forge: forge.with_parts(
        header=spelled(json.dumps(forge.header | {"alg": alg}).encode()), signature=""
    )


def claiming(name: str, value: object) -> Make:
    return lambda forge: forge.signed(claims=forge.claims | {name: value})


def lacking(name: str) -> Make:
    return lambda forge: forge.without(name)


BAD: Final[dict[str, Make]] = {
    **{f"alg {alg}": headed("alg", alg) for alg in ("none", "None", "NONE", "nOnE", "", "es256", "ES384")},
    **{f"alg {alg} unsigned": unsigned(alg) for alg in ("none", "NonE")},
    **{f"alg as {alg!r}"[:24]: headed("alg", alg) for alg in (1, True, 1.5, ["ES256"], {"a": 1}, "ES256\0", "ES256 ")},
    "alg none by PyJWT": lambda f: f.by(None, "none"),
    "alg missing": lambda f: f.headed(alg=None),
    "HS256 with our key as PEM": lambda f: f.by_hmac(f.public_bytes(Encoding.PEM)),
    "HS256 with our key as PEM, stripped": lambda f: f.by_hmac(f.public_bytes(Encoding.PEM).strip()),
    "HS256 with our key as DER": lambda f: f.by_hmac(f.public_bytes(Encoding.DER)),
    "HS256 with our key as JWK": lambda f: f.by_hmac(jwt.algorithms.ECAlgorithm.to_jwk(f.public).encode()),
    "HS256 with nothing": lambda f: f.by_hmac(b""),
    "RS256 under our kid": lambda f: f.by(RSA, "RS256"),
    "another key under our kid": lambda f: f.by(STRANGER, "ES256"),
    "another key, our parts": lambda f: f.with_parts(signature=f.by(STRANGER, "ES256").split(".")[2]),
    **{
        f"kid {kid!r}"[:32]: headed("kid", kid)
        for kid in ("", "../../etc/passwd", "/dev/null", "' OR 1=1 --", "\0", "x" * 400, 1, True, ["a"], {"a": 1})
    },
    "kid missing": lambda f: f.headed(kid=None),
    "kid with NUL": lambda f: f.headed(kid=f"{f.kid}\0"),
    "kid as a lone surrogate": lambda f: f.headed(kid="\ud800"),
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
    "crit of nothing": lambda f: f.headed(crit=[]),
    **{
        f"typ {typ!r}": headed("typ", typ)
        for typ in ("JWT", "at+JWT", "application/at+jwt", "", "refresh+jwt", 1, ["at+jwt"])
    },
    "typ missing": lambda f: f.headed(typ=None),
    "header twice the member": lambda f: f.signed((json.dumps(f.header)[:-1] + ', "alg": "ES256"}').encode()),
    "header nested": lambda f: f.signed(b'{"alg": ' + DEEP + b"}"),
    "header deeply nested": lambda f: f.with_parts(header=spelled(DEEP)),
    "header a list": lambda f: f.signed(b'["ES256"]'),
    "header no JSON": lambda f: f.signed(b"wisteria"),
    "header nothing": lambda f: f.with_parts(header=""),
    "header NaN": lambda f: f.signed(b"NaN"),
    "header over 512 bytes": lambda f: f.signed(json.dumps(f.header).encode() + b" " * 512),
    "header in UTF-16": lambda f: f.signed(json.dumps(f.header).encode("utf-16")),
    "header with a mark": lambda f: f.signed(b"\xef\xbb\xbf" + json.dumps(f.header).encode()),
    "header in bad UTF-8": lambda f: f.signed(b'{"alg": "\xff"}'),
    **{f"without {name}": lacking(name) for name in ("iss", "aud", "sub", "sid", "scope", "iat", "exp", "jti")},
    **{
        f"{name} as {value!r}"[:32]: claiming(name, value)
        for name, value in [
            ("aud", ["afterglow"]),
            ("aud", "afterglow "),
            ("aud", "AFTERGLOW"),
            ("aud", None),
            ("iss", "https://afterglow.invalid/"),
            ("iss", "http://afterglow.invalid"),
            ("iss", "https://afterglow.invalid.example.com"),
            ("iss", ["a"]),
            ("sub", 1),
            ("sub", None),
            ("sub", ""),
            ("sub", "wisteria"),
            ("sub", "\ud800"),
            ("sub", {"a": 1}),
            ("sid", "wisteria"),
            ("sid", None),
            ("sid", ["a"]),
            ("scope", None),
            ("scope", ["person"]),
            ("jti", 1),
            ("jti", None),
            ("exp", "9999999999"),
            ("exp", None),
            ("exp", True),
            ("exp", 0),
            ("exp", -1),
            ("exp", 2**63),
            ("exp", 10**400),
            ("exp", float("inf")),
            ("exp", float("nan")),
            ("iat", "0"),
            ("iat", None),
            ("iat", False),
            ("iat", 1.5),
            ("nbf", 0),
            ("role", "admin"),
            ("act", {"sub": "a"}),
        ]
    },
    "exp as a fraction": lambda f: f.signed(exp=f.claims["exp"] + 0.5),
    "exp as 1e400": lambda f: f.signed(claims=json.dumps(f.claims).replace(str(f.claims["exp"]), "1e400").encode()),
    "exp of 5 000 digits": lambda f: f.signed(
        claims=json.dumps(f.claims).replace(str(f.claims["exp"]), "9" * 2500).encode()
    ),
    "expired": lambda f: f.signed(iat=f.now - 601, exp=f.now - 1),
    "exactly now": lambda f: f.signed(iat=f.now - 600, exp=f.now),
    "issued ahead": lambda f: f.signed(iat=f.now + 60, exp=f.now + 300),
    "not before later": lambda f: f.signed(nbf=f.now + 60),
    "longer than policy": lambda f: f.signed(exp=f.claims["iat"] + 601),
    "duplicate claim": lambda f: f.claiming(f', "sub": "{f.person.id}"'),
    "duplicate claim by escape": lambda f: f.claiming(f', "s\\u0075b": "{f.person.id}"'),
    "payload nested": lambda f: f.claiming(', "jti": ' + "[" * 100 + "]" * 100),
    "payload a list": lambda f: f.signed(claims=b"[]"),
    "payload null": lambda f: f.signed(claims=b"null"),
    "payload nothing": lambda f: f.signed(claims=b""),
    "payload in UTF-16": lambda f: f.signed(claims=json.dumps(f.claims).encode("utf-16")),
    "payload with a mark": lambda f: f.signed(claims=b"\xef\xbb\xbf" + json.dumps(f.claims).encode()),
    "somebody who is nobody": lambda f: f.signed(sub=f.other_id()),
    "a device that is none": lambda f: f.signed(sid=f.other_id()),
    "over 4 KB": lambda f: f.signed(scope="w" * 4096),
    "padded": lambda f: f"{f.person.token}=",
    "padded header": lambda f: f.with_parts(header=f.parts[0] + "=" * (-len(f.parts[0]) % 4 or 4)),
    "last character": lambda f: f.with_parts(signature=flipped(f.parts[2])),
    "last character of the payload": lambda f: f.with_parts(payload=flipped(f.parts[1])),
    "standard base64": lambda f: f.with_parts(signature=base64.b64encode(b"\xfb\xff" * 32).decode()),
    "line break inside": lambda f: f"{f.person.token[:50]}\t{f.person.token[50:]}",
    "space before": lambda f: f" {f.person.token}",
    "quoted": lambda f: f'"{f.person.token}"',
    "Latin-1": lambda f: f"{f.person.token}\u00e9",
    "1 segment": lambda f: f.parts[0],
    "2 segments": lambda f: ".".join(f.parts[:2]),
    "4 segments": lambda f: f"{f.person.token}.",
    "5 segments as in JWE": lambda f: f"{f.person.token}.{f.parts[1]}.{f.parts[2]}",
    "5 empty segments": lambda _: "....",
    "nothing": lambda _: "",
    "signature missing": lambda f: f.with_parts(signature=""),
    "signature zero": lambda f: f.with_parts(signature=spelled(bytes(64))),
    "signature in DER": lambda f: f.with_parts(signature=f.der()),
    "signature too long": lambda f: f.with_parts(signature=spelled(bytes(65))),
    "refresh token": lambda f: str(f.person.tokens["refresh_token"]),
}
