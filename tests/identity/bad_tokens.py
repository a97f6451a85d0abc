"""All tokens that must be refused, by reason: header, claims or, in this module, encoding."""

import base64
import json
from typing import Final

from tests.identity.bad_claims import CLAIMS
from tests.identity.bad_headers import ALGORITHMS, KEYS, MEMBERS
from tests.identity.tokens import ORDER, STRANGER, Forge, Make, base64url, flipped, signature

LONGEST: Final = 4096


def of_length(forge: Forge, length: int) -> str:
    """Return a valid token of this length in bytes, or of one more if base64 has no such length."""
    empty = len(forge.signed(scope=""))
    words = next(count for count in range(length) if empty + -(-count * 4 // 3) >= length - 2)
    tokens = (forge.signed(scope="w" * count) for count in range(words, length))
    return next(token for token in tokens if len(token) >= length)


def split(token: str, *positions: int) -> str:
    """Return a token with a space at some positions."""
    return " ".join(token[begin:end] for begin, end in zip((0, *positions), (*positions, len(token)), strict=True))


ENCODINGS: Final[dict[str, Make]] = {
    "over 4 KB": lambda f: of_length(f, LONGEST + 1),
    "over 4 KB by far": lambda f: f.signed(scope="w" * 8000),
    "padded": lambda f: f"{f.person.token}=",
    "padded twice": lambda f: f"{f.person.token}==",
    "padded header": lambda f: f.with_parts(header=f.parts[0] + "=" * (-len(f.parts[0]) % 4 or 4)),
    "padded payload": lambda f: f.with_parts(payload=f.parts[1] + "=" * (-len(f.parts[1]) % 4 or 4)),
    "last character of the header": lambda f: f.with_parts(header=flipped(f.parts[0])),
    "last character of the payload": lambda f: f.with_parts(payload=flipped(f.parts[1])),
    "last character of the signature": lambda f: f.with_parts(signature=flipped(f.parts[2])),
    "one character more": lambda f: f"{f.person.token}A",
    "one character less": lambda f: f.person.token[:-1],
    "standard base64": lambda f: f.with_parts(signature=base64.b64encode(b"\xfb\xff" * 32).decode()),
    "space before": lambda f: f" {f.person.token}",
    "space inside": lambda f: split(f.person.token, 50),
    "space before a dot": lambda f: split(f.person.token, len(f.parts[0])),
    "space after a dot": lambda f: split(f.person.token, len(f.parts[0]) + 1),
    "tab inside": lambda f: f"{f.person.token[:50]}\t{f.person.token[50:]}",
    "no-break space after": lambda f: f"{f.person.token}\u00a0",
    "quoted": lambda f: f'"{f.person.token}"',
    "Latin-1": lambda f: f"{f.person.token}\u00e9",
    "percent": lambda f: f.person.token.replace(".", "%2E"),
    "1 segment": lambda f: f.parts[0],
    "2 segments": lambda f: ".".join(f.parts[:2]),
    "2 segments and a dot": lambda f: ".".join([*f.parts[:2], ""]),
    "4 segments": lambda f: f"{f.person.token}.",
    "4 segments, the first empty": lambda f: f".{f.person.token}",
    "5 segments": lambda f: f"{f.person.token}.{f.parts[1]}.{f.parts[2]}",
    "5 empty segments": lambda _: "....",
    "JWE of a key agreed with ours": lambda f: f.encrypted("ECDH-ES"),
    "JWE of a key made from ours": lambda f: f.encrypted("dir"),
    "JWS as JSON": lambda f: json.dumps(dict(zip(("protected", "payload", "signature"), f.parts, strict=True))),
    "nothing": lambda _: "",
    "dots": lambda _: "..",
    "signature missing": lambda f: f.with_parts(signature=""),
    "signature zero": lambda f: f.with_parts(signature=base64url(bytes(64))),
    "signature of the order": lambda f: f.with_parts(signature=signature(ORDER, ORDER)),
    "signature of ones": lambda f: f.with_parts(signature=signature(1, 1)),
    "signature r zero": lambda f: f.with_parts(signature=signature(0, 1)),
    "signature in DER": lambda f: f.with_parts(signature=f.der()),
    "signature too long": lambda f: f.with_parts(signature=base64url(bytes(65))),
    "signature too short": lambda f: f.with_parts(signature=base64url(bytes(63))),
    "signature of another payload": lambda f: f.with_parts(payload=f.signed(scope="admin").split(".")[1]),
}
OTHERS: Final[dict[str, Make]] = {
    "refresh token": lambda f: str(f.person.tokens["refresh_token"]),
    "client assertion": lambda f: f.assertion(STRANGER),
    "client assertion under our kid": lambda f: f.assertion(STRANGER, kid=f.kid),
    "client assertion that our key signed": lambda f: f.assertion(f.key, kid=f.kid),
    "client assertion that says it is an access token": lambda f: f.assertion(f.key, kid=f.kid, typ="at+jwt"),
}
BAD: Final = ALGORITHMS | KEYS | MEMBERS | CLAIMS | ENCODINGS | OTHERS
