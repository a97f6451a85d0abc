"""Key sets: which keys a client may register, and which are taken of a set that is fetched."""

import base64
from collections.abc import Callable
from functools import partial

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from app.clinics.keys import MAX_BYTES, KeySetError, read_key_set, usable_keys
from tests.clinics.keys import Jwk, ec_key, key_set, private_jwk, public_jwk, rsa_key


def number(value: int, size: int = 0) -> str:
    content = value.to_bytes(size or (value.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def an_rsa(**members: object) -> Jwk:
    return public_jwk(rsa_key()) | members


def an_ec(**members: object) -> Jwk:
    return public_jwk(ec_key()) | members


def without(key: Jwk, name: str) -> Jwk:
    return {each: value for each, value in key.items() if each != name}


REFUSED_KEYS: dict[str, tuple[Callable[[], object], str]] = {
    "a text": (lambda: "wisteria", "it is not a JSON object"),
    "null": (lambda: None, "it is not a JSON object"),
    "a private RSA key": (lambda: private_jwk(rsa_key()), r"it is a private key \(it has the member d\).+replace it"),
    "a private EC key": (lambda: private_jwk(ec_key()), r"it is a private key \(it has the member d\).+replace it"),
    **{
        f"the private member {name}": (
            partial(an_rsa, **{name: None}),
            rf"it is a private key \(it has the member {name}\).+replace it",
        )
        for name in ("d", "p", "q", "dp", "dq", "qi", "oth", "k")
    },
    "a secret key": (lambda: {"kty": "oct", "k": "d2lzdGVyaWE", "kid": "a"}, "it is a private key .+member k"),
    "no kid": (lambda: without(an_ec(), "kid"), "its kid must be a string of 1 to 200 printable characters"),
    "an empty kid": (lambda: an_ec(kid=""), "its kid must be"),
    "a kid that is a number": (lambda: an_ec(kid=7), "its kid must be"),
    "a kid of 201 characters": (lambda: an_ec(kid="k" * 201), "its kid must be"),
    "a kid with NUL": (lambda: an_ec(kid="a\0b"), "its kid must be"),
    "no kty": (lambda: without(an_ec(), "kty"), "its kty must be RSA or EC"),
    "an Ed25519 key": (lambda: {"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "a"}, "its kty must be RSA or EC"),
    "a kty that is a list": (lambda: an_ec(kty=["EC"]), "its kty must be RSA or EC"),
    "RSA of 1024 bits": (lambda: public_jwk(rsa_key(1024)), "its modulus has 1024 bits; 2048 to 8192 are allowed"),
    "RSA of 2047 bits": (lambda: an_rsa(n=number((1 << 2047) - 1)), "its modulus has 2047 bits"),
    "RSA of 8193 bits": (lambda: an_rsa(n=number((1 << 8192) + 1)), "its modulus has 8193 bits"),
    "the exponent 3": (lambda: an_rsa(e=number(3)), "its exponent must be at least 65537"),
    "the exponent 1": (lambda: an_rsa(e=number(1)), "its exponent must be at least 65537"),
    "the exponent 65535": (lambda: an_rsa(e=number(65_535)), "its exponent must be at least 65537"),
    "an even exponent": (lambda: an_rsa(e=number(65_538)), "its numbers do not form a valid public key"),
    "an exponent of 33 bits": (lambda: an_rsa(e=number(2**32 + 1)), "its exponent must be .+ below 2\\^32"),
    "no modulus": (lambda: without(an_rsa(), "n"), "its member n is not a number in base64url"),
    "an empty modulus": (lambda: an_rsa(n=""), "its member n is not a number in base64url"),
    "a modulus that is a number": (lambda: an_rsa(n=5), "its member n is not a number in base64url"),
    "a modulus with padding": (lambda: an_rsa(n=an_rsa()["n"] + "=="), "its member n is not a number in base64url"),
    "a modulus with a blank": (lambda: an_rsa(n=" " + an_rsa()["n"]), "its member n is not a number in base64url"),
    "a modulus in base64": (lambda: an_rsa(n="+/+/"), "its member n is not a number in base64url"),
    "a modulus in other letters": (lambda: an_rsa(n="\u0430" * 342), "its member n is not a number in base64url"),
    "a modulus with leading zeros": (lambda: an_rsa(n="AAAA" + an_rsa()["n"]), "its member n is not a number"),
    "the curve P-256": (lambda: public_jwk(ec_key(ec.SECP256R1)), r"its curve \(crv\) must be P-384"),
    "the curve P-521": (lambda: public_jwk(ec_key(ec.SECP521R1)), r"its curve \(crv\) must be P-384"),
    "the curve secp256k1": (lambda: public_jwk(ec_key(ec.SECP256K1)), r"its curve \(crv\) must be P-384"),
    "P-256 that claims to be P-384": (
        lambda: public_jwk(ec_key(ec.SECP256R1)) | {"crv": "P-384"},
        "its member x is not a number in base64url of 48 bytes",
    ),
    "a point that is not on the curve": (lambda: an_ec(x=number(5, 48)), "its numbers do not form a valid public key"),
    "the point at infinity": (lambda: an_ec(x=number(0, 48), y=number(0, 48)), "its numbers do not form a valid"),
    "no y": (lambda: without(an_ec(), "y"), "its member y is not a number in base64url of 48 bytes"),
    "a short x": (lambda: an_ec(x="AQAB"), "its member x is not a number in base64url of 48 bytes"),
    "RS256": (lambda: an_rsa(alg="RS256"), "its alg must be RS384, or absent"),
    "PS384": (lambda: an_rsa(alg="PS384"), "its alg must be RS384, or absent"),
    "ES256": (lambda: an_ec(alg="ES256"), "its alg must be ES384, or absent"),
    "ES384 of an RSA key": (lambda: an_rsa(alg="ES384"), "its alg must be RS384, or absent"),
    "for encryption": (
        lambda: an_rsa(use="enc"),
        "the key is not for signatures: set `use` to 'sig' or omit it, and include 'verify' in `key_ops` or omit it",
    ),
    "for other operations": (
        lambda: an_ec(key_ops=["sign"]),
        "the key is not for signatures: set `use` to 'sig' or omit it, and include 'verify' in `key_ops` or omit it",
    ),
    "operations that are a number": (
        lambda: an_ec(key_ops=5),
        "the key is not for signatures: set `use` to 'sig' or omit it, and include 'verify' in `key_ops` or omit it",
    ),
}
NO_SETS: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"wisteria",
    "a PEM file": b"-----BEGIN PUBLIC KEY-----\n",
    "a list": b"[]",
    "null": b"null",
    "a single key": orjson.dumps({"kty": "EC", "kid": "a"}),
    "keys that are an object": b'{"keys": {}}',
    "keys twice": b'{"keys": [], "keys": []}',
    "bytes": b"\xff\xfe\x00",
    "deep": b"[" * 50_000,
}


@pytest.mark.parametrize("case", REFUSED_KEYS)
def test_an_unusable_key_is_refused_with_a_reason_and_not_taken_of_a_fetched_set(case: str) -> None:
    make, reason = REFUSED_KEYS[case]
    key = make()
    with pytest.raises(KeySetError, match=rf"^key 2: {reason}"):
        read_key_set(key_set(public_jwk(rsa_key(), "first"), key))
    assert [each["kid"] for each in usable_keys(key_set(key, public_jwk(rsa_key(), "first")))] == ["first"]


@pytest.mark.parametrize("case", NO_SETS)
def test_what_is_no_key_set_is_refused(case: str) -> None:
    for read in (read_key_set, usable_keys):
        with pytest.raises(KeySetError, match=r"^it is not a JSON Web Key Set"):
            read(NO_SETS[case])


@pytest.mark.parametrize(
    "members",
    [{}, {"use": "sig"}, {"key_ops": ["verify"]}, {"x5c": ["AA=="], "x5t": "AA"}, {"ext": True}],
    ids=["plain", "use", "key_ops", "certificate", "ext"],
)
def test_usable_keys_keep_only_what_is_needed(members: Jwk) -> None:
    rsa_jwk, ec_jwk = public_jwk(rsa_key(), "a", alg="RS384"), public_jwk(ec_key(), "b")
    expected = [
        {"kty": "RSA", "alg": "RS384", "n": rsa_jwk["n"], "e": "AQAB", "kid": "a"},
        {"kty": "EC", "alg": "ES384", "crv": "P-384", "x": ec_jwk["x"], "y": ec_jwk["y"], "kid": "b"},
    ]
    content = key_set(rsa_jwk | members, ec_jwk | members)
    assert read_key_set(content) == expected
    assert usable_keys(content) == expected


def test_a_set_has_one_to_twenty_keys_each_with_its_own_kid() -> None:
    keys = [an_ec(kid=f"key {n}") for n in range(21)]
    assert len(read_key_set(key_set(*keys[:20]))) == 20
    with pytest.raises(KeySetError, match=r"^the key set has 21 keys; at most 20 are allowed$"):
        read_key_set(key_set(*keys))
    assert len(usable_keys(key_set(*keys))) == 20
    with pytest.raises(KeySetError, match=r"^the key set has no key$"):
        read_key_set(key_set())
    twice = key_set(an_ec(kid="a"), an_rsa(kid="b"), an_rsa(kid="a"))
    with pytest.raises(KeySetError, match=r"^key 3: key 1 has the same kid; give each key its own$"):
        read_key_set(twice)
    assert [each["kid"] for each in usable_keys(twice)] == ["a", "b", "a"]


def test_a_set_has_at_most_64_kib() -> None:
    content = key_set(an_ec())
    assert len(read_key_set(content + b" " * (MAX_BYTES - len(content)))) == 1
    with pytest.raises(KeySetError, match=r"^it has more than 65536 bytes$"):
        read_key_set(content + b" " * (MAX_BYTES + 1 - len(content)))
