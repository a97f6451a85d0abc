"""Assertions that must be refused, by reason: `UNVERIFIED` before the signature is verified, `VERIFIED` after."""

import hmac
import json
import time
from typing import Any, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from app.ids import new_id_text
from tests.clinics.clients import Assertions, Make, base64url
from tests.clinics.keys import ec_key, public_jwk, rsa_key

ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973
"""How many points P-384 has (FIPS 186-4, D.1.2.4)."""
HS384: Final = b'{"alg":"HS384","kid":"ec"}'
BASE64URL: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def flipped(text: str) -> str:
    """Return a base64url text whose last character has another unused bit."""
    return text[:-1] + BASE64URL[BASE64URL.index(text[-1]) ^ 1]


def headed(name: str, value: object) -> Make:
    return lambda a: a.headed(**{name: value})


def claiming(name: str, value: object) -> Make:
    return lambda a: a.signed(a.claims(**{name: value}))


def lacking(name: str) -> Make:
    return lambda a: a.without(name)


def in_a_list(name: str) -> Make:
    return lambda a: a.signed(a.claims() | {name: [a.claims()[name]]})


def with_text(text: str) -> Make:
    """Return an assertion whose payload has this JSON text appended."""
    return lambda a: a.signed((json.dumps(a.claims())[:-1] + text + "}").encode())


def after(name: str, seconds: float) -> Make:
    return lambda a: a.signed(a.claims(**{name: int(time.time() + seconds)}))


def parts(a: Assertions, header: str | None = None, payload: str | None = None, signature: str | None = None) -> str:
    """Return a valid assertion with other parts."""
    given = zip((header, payload, signature), a.valid().split("."), strict=True)
    return ".".join(own if new is None else new for new, own in given)


def signature_of(r: int, s: int) -> Make:
    return lambda a: parts(a, signature=base64url(r.to_bytes(48, "big") + s.to_bytes(48, "big")))


def der(a: Assertions) -> str:
    head, payload, _ = a.valid().split(".")
    return f"{head}.{payload}.{base64url(ec_key().sign(f'{head}.{payload}'.encode(), ec.ECDSA(SHA256())))}"


def by_hmac(encoding: serialization.Encoding) -> Make:
    """Return an assertion with an HMAC whose secret is the client's public key, which is no secret."""

    def make(a: Assertions) -> str:
        secret = ec_key().public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
        content = f"{base64url(HS384)}.{base64url(json.dumps(a.claims()).encode())}"
        return f"{content}.{base64url(hmac.digest(secret, content.encode(), 'sha384'))}"

    return make


ENCODINGS: Final[dict[str, Make]] = {
    "nothing but dots": lambda _: "..",
    "a word": lambda _: "wisteria",
    "1 part": lambda a: a.valid().split(".")[0],
    "2 parts": lambda a: ".".join(a.valid().split(".")[:2]),
    "4 parts": lambda a: f"{a.valid()}.",
    "5 empty parts": lambda _: "....",
    "over 8 KiB": lambda a: a.signed(note="w" * 8192),
    "far over 8 KiB": lambda a: a.signed(note="w" * 20_000),
    "padded": lambda a: f"{a.valid()}=",
    "padded header": lambda a: parts(a, header=base64url(b'{"alg":"ES384","kid":"ec"}') + "="),
    "another last character of the payload": lambda a: parts(a, payload=flipped(base64url(b"wisteria"))),
    "one character more": lambda a: f"{a.valid()}A",
    "one character less": lambda a: a.valid()[:-1],
    "a blank before": lambda a: f" {a.valid()}",
    "a blank after": lambda a: f"{a.valid()} ",
    "a line inside": lambda a: a.valid()[:40] + "\n" + a.valid()[40:],
    "other letters": lambda a: f"{a.valid()}\u00e9",
    "quoted": lambda a: f'"{a.valid()}"',
    "JWS as JSON": lambda a: json.dumps(
        dict(zip(("protected", "payload", "signature"), a.valid().split("."), strict=True))
    ),
}
HEADERS: Final[dict[str, Make]] = {
    "alg none": lambda a: a.headed(alg="none").rpartition(".")[0] + ".",
    "alg None with a signature": headed("alg", "None"),
    **{
        f"alg {alg!r}": headed("alg", alg)
        for alg in ("ES256", "ES512", "RS256", "PS384", "EdDSA", "es384", "ES384 ", "", None, 1, ["ES384"])
    },
    "alg missing": lambda a: a.signed(header={"kid": "ec"}),
    "alg RS384 with an EC key": headed("alg", "RS384"),
    "alg ES384 with an RSA key": lambda a: a.signed(header={"alg": "ES384", "kid": "rsa"}, key=rsa_key()),
    "alg RS384 with SHA-256": lambda a: a.signed(header={"alg": "RS384", "kid": "rsa"}, key=rsa_key(), digest=SHA256()),
    "alg ES384 with SHA-256": lambda a: a.signed(digest=SHA256()),
    "HS384 with the public key in PEM": by_hmac(serialization.Encoding.PEM),
    "HS384 with the public key in DER": by_hmac(serialization.Encoding.DER),
    "PS384 with the RSA key": lambda a: a.by(rsa_key(), "PS384", "rsa"),
    "RS256 with the RSA key": lambda a: a.by(rsa_key(), "RS256", "rsa"),
    "RS512 with the RSA key": lambda a: a.by(rsa_key(), "RS512", "rsa"),
    "kid missing": lambda a: a.signed(header={"alg": "ES384"}),
    **{
        f"kid {kid!r}"[:40]: headed("kid", kid)
        for kid in (None, "", 1, True, ["ec"], {"a": 1}, "EC", "ec ", "ec\0", "../ec", "' OR 1=1 --", "k" * 900)
    },
    "kid of the other key": headed("kid", "rsa"),
    "kid of an unknown key": headed("kid", "other"),
    **{
        f"typ {typ!r}": headed("typ", typ)
        for typ in (None, "", "jwt", "at+jwt", "JWT ", "client-authentication+jwt", 1)
    },
    "jku of an attacker": headed("jku", "https://wisteria.example/jwks.json"),
    "jku null": headed("jku", None),
    "jku in a list": headed("jku", ["https://wisteria.example/jwks.json"]),
    "x5u": headed("x5u", "https://wisteria.example/c"),
    "x5c": headed("x5c", ["MII"]),
    "jwk of the key that signed": lambda a: a.signed(
        header={"alg": "ES384", "kid": "ec", "jwk": public_jwk(ec_key(number=7))}, key=ec_key(number=7)
    ),
    "crit": headed("crit", ["exp"]),
    "b64": headed("b64", False),  # noqa: FBT003
    "zip": headed("zip", "DEF"),
    "cty": headed("cty", "JWT"),
    "enc": headed("enc", "A256GCM"),
    "a member of the header twice": lambda a: a.signed(header=b'{"alg":"ES384","kid":"ec","kid":"ec"}'),
    "a header over 1 KiB": lambda a: a.signed(header=b'{"alg":"ES384","kid":"ec"}' + b" " * 1024),
    "a header nested 1 000 deep": lambda a: a.signed(header=b'{"alg": ' + nested(300) + b"}"),
    "a header that is a list": lambda a: a.signed(header=b'["ES384"]'),
    "a header that is null": lambda a: a.signed(header=b"null"),
    "a header that is no JSON": lambda a: a.signed(header=b"wisteria"),
    "a header with a BOM": lambda a: a.signed(header=b'\xef\xbb\xbf{"alg":"ES384","kid":"ec"}'),
    "a header in UTF-16": lambda a: a.signed(header='{"alg":"ES384","kid":"ec"}'.encode("utf-16-le")),
    "a header in bad UTF-8": lambda a: a.signed(header=b'{"alg":"ES384","kid":"\xff"}'),
    "an empty header": lambda a: a.signed(header=b""),
}
SIGNATURES: Final[dict[str, Make]] = {
    "no signature": lambda a: parts(a, signature=""),
    "a signature of another key": lambda a: a.signed(key=ec_key(number=7)),
    "a signature of another RSA key": lambda a: a.by(rsa_key(number=7), "RS384", "rsa"),
    "a signature of another payload": lambda a: parts(a, payload=base64url(json.dumps(a.claims()).encode())),
    "a signature of zeros": lambda a: parts(a, signature=base64url(bytes(96))),
    "a signature of the order": signature_of(ORDER, ORDER),
    "a signature of ones": signature_of(1, 1),
    "a signature whose r is zero": signature_of(0, 1),
    "a signature in DER": der,
    "a signature that is too long": lambda a: parts(a, signature=base64url(bytes(97))),
    "a signature that is too short": lambda a: parts(a, signature=base64url(bytes(95))),
    "a signature on P-256": lambda a: a.signed(key=ec_key(ec.SECP256R1)),
}
ISSUERS: Final[dict[str, Make]] = {
    "iss missing": lacking("iss"),
    **{f"iss {iss!r}": claiming("iss", iss) for iss in (None, "", 1, True, {"a": 1}, "wisteria", "' OR 1=1 --")},
    "iss in a list": in_a_list("iss"),
    "iss of an unknown client": lambda a: a.signed(iss=new_id_text(), sub=a.id),
    "iss in capitals": lambda a: a.signed(iss=a.id.upper(), sub=a.id.upper()),
    "iss in braces": lambda a: a.signed(iss=f"{{{a.id}}}"),
    "iss with a blank": lambda a: a.signed(iss=f"{a.id} "),
    "claims in a list": lambda a: a.signed(b"[1]"),
    "claims null": lambda a: a.signed(b"null"),
    "no claims": lambda a: a.signed(b"{}"),
    "claims that are no JSON": lambda a: a.signed(b"wisteria"),
    "claims in bad UTF-8": lambda a: a.signed(b'{"iss":"\xff"}'),
    "claims with a lone surrogate": with_text(r', "note": "\ud800"'),
    "claims with NaN": with_text(', "note": NaN'),
    "claims with Infinity": with_text(', "note": Infinity'),
    "claims with an integer of 5 000 digits": with_text(', "note": ' + "9" * 5000),
    "claims nested 2 000 deep": with_text(', "note": ' + nested(2000).decode()),
}
UNVERIFIED: Final = ENCODINGS | HEADERS | SIGNATURES | ISSUERS
_SUBJECT = "iss and sub must both be"
_AUDIENCE = "aud must be the URL"
_EXP = "exp must be a whole number"
_PAST = "exp must be in the future"
_FAR = "exp must be at most 300 seconds"
_JTI = "jti must be a string"
_TWICE = "The claims must be a JSON object"


def _values(name: str, values: list[Any], rule: str) -> dict[str, tuple[Make, str]]:
    return {f"{name} {value!r}"[:48]: (claiming(name, value), rule) for value in values}


VERIFIED: Final[dict[str, tuple[Make, str]]] = {
    "sub missing": (lacking("sub"), _SUBJECT),
    "sub in a list": (in_a_list("sub"), _SUBJECT),
    "sub of another client": (lambda a: a.signed(sub=new_id_text()), _SUBJECT),
    "sub in capitals": (lambda a: a.signed(sub=a.id.upper()), _SUBJECT),
    **_values("sub", [None, "", 1], _SUBJECT),
    "aud missing": (lacking("aud"), _AUDIENCE),
    "aud with a slash": (lambda a: a.signed(aud=f"{a.endpoint}/"), _AUDIENCE),
    "aud with a query": (lambda a: a.signed(aud=f"{a.endpoint}?a=b"), _AUDIENCE),
    "aud in capitals": (lambda a: a.signed(aud=a.endpoint.upper()), _AUDIENCE),
    "aud of another server": (lambda a: a.signed(aud="https://wisteria.example/oauth/token"), _AUDIENCE),
    "aud of two": (lambda a: a.signed(aud=[a.endpoint, a.url]), _AUDIENCE),
    "aud of one twice": (lambda a: a.signed(aud=[a.endpoint] * 2), _AUDIENCE),
    "aud of another path": (lambda a: a.signed(aud=f"{a.url}/oauth"), _AUDIENCE),
    "aud in a list in a list": (lambda a: a.signed(aud=[[a.endpoint]]), _AUDIENCE),
    **_values("aud", [None, "", [], 1, {"a": 1}, "afterglow", [None]], _AUDIENCE),
    "exp missing": (lacking("exp"), _EXP),
    "exp in a list": (in_a_list("exp"), _EXP),
    "exp as a fraction": (lambda a: a.signed(exp=int(time.time()) + 60.5), _EXP),
    "exp as a text": (lambda a: a.signed(exp=str(int(time.time()) + 60)), _EXP),
    **_values("exp", [None, True, "", {"a": 1}, 9e9], _EXP),
    "exp now": (after("exp", 0), _PAST),
    "exp a minute ago": (after("exp", -60), _PAST),
    **_values("exp", [0, -1], _PAST),
    "exp in 310 seconds": (after("exp", 310), _FAR),
    "exp in a day": (after("exp", 86_400), _FAR),
    **_values("exp", [2**53, 2**63], _FAR),
    "nbf in a minute": (after("nbf", 60), "nbf must be"),
    **_values("nbf", [None, "0", True, [0], 1e300], "nbf must be"),
    "iat in a minute": (after("iat", 60), "iat must be"),
    **_values("iat", [None, "0", True, [0], 2**64], "iat must be"),
    "jti missing": (lacking("jti"), _JTI),
    "jti in a list": (in_a_list("jti"), _JTI),
    "jti of 201 characters": (claiming("jti", "j" * 201), _JTI),
    **_values("jti", [None, "", 1, True, {"a": 1}], _JTI),
    "exp twice": (with_text(', "exp": 1'), _TWICE),
    "iss twice": (lambda a: a.signed(f'{{"iss": "x", {json.dumps(a.claims())[1:]}'.encode()), _TWICE),
    "an unknown claim twice": (with_text(', "note": 1, "note": 1'), _TWICE),
    "a member of a nested claim twice": (with_text(', "note": {"a": 1, "a": 1}'), _TWICE),
}
