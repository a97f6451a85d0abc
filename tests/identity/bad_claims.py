"""Tokens that must be refused because of their claims."""

import json
from typing import Final

from tests.identity.tokens import Make

REQUIRED: Final = ("iss", "aud", "sub", "sid", "scope", "iat", "exp", "jti")


def claiming(name: str, value: object) -> Make:
    return lambda forge: forge.signed(claims=forge.claims | {name: value})


def in_a_list(name: str) -> Make:
    return lambda forge: forge.signed(claims=forge.claims | {name: [forge.claims[name]]})


def lacking(name: str) -> Make:
    return lambda forge: forge.without(name)


def exp_as(text: str) -> Make:
    return lambda forge: forge.signed(
        claims=json.dumps(forge.claims).replace(f'"exp": {forge.claims["exp"]}', f'"exp": {text}').encode()
    )


CLAIMS: Final[dict[str, Make]] = {
    **{f"without {name}": lacking(name) for name in REQUIRED},
    **{f"{name} as null": claiming(name, None) for name in REQUIRED},
    **{f"{name} in a list": in_a_list(name) for name in REQUIRED},
    **{
        f"{name} as {value!r}"[:48]: claiming(name, value)
        for name, value in [
            ("aud", "afterglow "),
            ("aud", "AFTERGLOW"),
            ("aud", ""),
            ("aud", ["afterglow", "somebody-else"]),
            ("iss", "https://afterglow.invalid/"),
            ("iss", "http://afterglow.invalid"),
            ("iss", "https://afterglow.invalid.example.com"),
            ("iss", "https://afterglow.invalid@example.com"),
            ("iss", "https://Afterglow.invalid"),
            ("iss", "https://\u0430fterglow.invalid"),
            ("sub", 1),
            ("sub", ""),
            ("sub", "wisteria"),
            ("sub", {"a": 1}),
            ("sid", "wisteria"),
            ("jti", 1),
            ("exp", "9999999999"),
            ("exp", True),
            ("exp", 0),
            ("exp", -1),
            ("exp", 2**63),
            ("exp", 10**400),
            ("exp", float("inf")),
            ("exp", float("-inf")),
            ("exp", float("nan")),
            ("iat", "0"),
            ("iat", False),
            ("iat", 1.5),
            ("nbf", 0),
            ("role", "admin"),
            ("act", {"sub": "a"}),
        ]
    },
    **{
        f"{name} as a lone surrogate": claiming(name, "\ud800") for name in ("iss", "aud", "sub", "sid", "scope", "jti")
    },
    "a lone surrogate as a name": lambda f: f.claiming(', "\\ud800": "wisteria"'),
    "sub in capitals": lambda f: f.signed(sub=f.claims["sub"].upper()),
    "sub in braces": lambda f: f.signed(sub=f"{{{f.claims['sub']}}}"),
    "sid as a URN": lambda f: f.signed(sid=f"urn:uuid:{f.claims['sid']}"),
    "exp as a string": lambda f: f.signed(exp=str(f.claims["exp"])),
    "exp as a fraction": lambda f: f.signed(exp=f.claims["exp"] + 0.5),
    "exp as Infinity": exp_as("Infinity"),
    "exp as 1e400": exp_as("1e400"),
    "exp as 1e9": exp_as("1e9"),
    "exp of 2 500 digits": exp_as("9" * 2500),
    "expired": lambda f: f.signed(iat=f.now - 601, exp=f.now - 1),
    "issued ahead": lambda f: f.signed(iat=f.now + 60, exp=f.now + 300),
    "nbf ahead": lambda f: f.signed(nbf=f.now + 60),
    "life longer than policy": lambda f: f.signed(exp=f.claims["iat"] + 601),
    "life before its beginning": lambda f: f.signed(iat=f.now + 300, exp=f.now + 60),
    "duplicate claim": lambda f: f.claiming(f', "sub": "{f.person.id}"'),
    "duplicate claim by escape": lambda f: f.claiming(f', "s\\u0075b": "{f.person.id}"'),
    "duplicate claim of another value": lambda f: f.claiming(f', "exp": {f.claims["exp"] - 1}'),
    "payload nested": lambda f: f.claiming(', "act": {"sub": {"sub": 1}}'),
    "payload nested 1 000 deep": lambda f: f.claiming(', "act": ' + "[" * 1000 + "]" * 1000),
    "payload of 1 400 lists": lambda f: f.signed(claims=b"[" * 1400 + b"]" * 1400),
    "payload a list": lambda f: f.signed(claims=b"[]"),
    "payload null": lambda f: f.signed(claims=b"null"),
    "payload nothing": lambda f: f.signed(claims=b""),
    "payload no JSON": lambda f: f.signed(claims=b"wisteria"),
    "payload in UTF-16": lambda f: f.signed(claims=json.dumps(f.claims).encode("utf-16")),
    "payload in UTF-16 without a mark": lambda f: f.signed(claims=json.dumps(f.claims).encode("utf-16-be")),
    "payload with a BOM": lambda f: f.signed(claims=b"\xef\xbb\xbf" + json.dumps(f.claims).encode()),
    "payload in bad UTF-8": lambda f: f.signed(claims=json.dumps(f.claims).encode().replace(b"person", b"\xff")),
    "an unknown account": lambda f: f.signed(sub=f.other_id()),
    "a device that is none": lambda f: f.signed(sid=f.other_id()),
    "a device of another account": lambda f: f.signed(sub=str(f.server.person("somebody").id)),
    "a device that has ended": lambda f: f.of_ended_device(),
    "an account that is closed": lambda f: f.of_closed_account(),
}
