"""Unicode normalization of passwords and e-mail addresses, which devices encode differently."""

import asyncio

import pytest
from pwdlib import PasswordHash

from app.identity.fields import email_key
from app.identity.passwords import Passwords, hashed_now
from app.ids import new_id
from app.settings import Settings
from tests.serving import PASSWORD, Person, Server

COMPOSED, DECOMPOSED = "wist\u00e9ria by the gate", "wiste\u0301ria by the gate"


@pytest.mark.parametrize(
    ("registered", "typed"),
    [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)],
    ids=["registered composed", "registered decomposed"],
)
def test_a_password_is_accepted_in_either_form(server: Server, alice: Person, registered: str, typed: str) -> None:
    change = {"current": PASSWORD, "new": registered}
    assert alice.client.post("/v1/auth/password", json=change).status_code == 204
    login = {"email": alice.email, "password": typed}
    assert server.anyone.post("/v1/auth/login", json=login).status_code == 200


def test_a_hash_of_a_password_that_was_not_normalized_is_accepted_and_replaced() -> None:
    async def main() -> tuple[tuple[bool, str | None], ...]:
        passwords = Passwords(Settings())
        old = PasswordHash.recommended().hash(DECOMPOSED)
        found = [
            await passwords.verify_and_update(DECOMPOSED, old),
            await passwords.verify_and_update("wrong e\u0301", old),
        ]
        passwords.close()
        return tuple(found)

    (right, stronger), (wrong, nothing) = asyncio.run(main())
    assert (right, wrong, nothing) == (True, False, None)
    assert stronger is not None
    assert PasswordHash.recommended().verify(COMPOSED, stronger)


def test_a_password_is_hashed_in_its_composed_form() -> None:
    assert PasswordHash.recommended().verify(COMPOSED, hashed_now(DECOMPOSED))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ilse@example.com", "Ilse@EXAMPLE.com"),
        ("ilse@b\u00fccher.example", "ILSE@xn--bcher-kva.example"),
        ("ilse@bu\u0308cher.example", "ilse@b\u00fccher.example"),
        ("\u00e9lise@example.com", "e\u0301lise@example.com"),
    ],
    ids=["case", "IDNA", "domain in NFD", "local part in NFD"],
)
def test_two_forms_of_one_e_mail_address_have_one_key(one: str, other: str) -> None:
    assert email_key(one) == email_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("stra\u00dfe@example.com", "strasse@example.com"),
        ("stra\u1e9ee@example.com", "strasse@example.com"),
        ("ilse@stra\u00dfe.example", "ilse@strasse.example"),
        ("o\ufb03ce@example.com", "office@example.com"),
        ("\u0149ame@example.com", "\u02bcname@example.com"),
        ("\u1fb3lse@example.com", "\u03b1\u03b9lse@example.com"),
        ("\u0130lse@example.com", "i\u0307lse@example.com"),
        ("a@\u2024\u00df\ud7ff", "a@\u2024ss\ud7ff"),
    ],
    ids=["ss", "capital ss", "ss in the domain", "ffi", "n", "alpha iota", "dotted I", "ss in an invalid domain"],
)
def test_two_e_mail_addresses_of_different_letters_have_two_keys(one: str, other: str) -> None:
    assert email_key(one) != email_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("stra\u00dfe@a.example", "STRA\u1e9eE@A.example"), ("\u1f80lse@a.example", "\u1f88LSE@a.example")],
    ids=["ss", "alpha iota"],
)
def test_letters_whose_full_folding_is_two_letters_are_compared_without_case(one: str, other: str) -> None:
    assert email_key(one) == email_key(other)


def test_e_mails_about_one_account_are_never_sent_to_an_owner_of_similar_letters(server: Server) -> None:
    mark = new_id().hex
    sharp, double = f"stra\u00dfe.{mark}@example.com", f"strasse.{mark}@example.com"
    for email in (sharp, double):
        assert server.anyone.post("/v1/auth/register", json={"email": email, "password": COMPOSED}).status_code == 202
        code = server.mailbox.code_to(email)
        assert server.anyone.post("/v1/auth/verify", json={"email": email, "code": code}).status_code == 200
    for email, other in ((sharp, double), (double, sharp)):
        assert server.anyone.post("/v1/auth/password/forgot", json={"email": email}).status_code == 202
        body = {"code": server.mailbox.code_to(email), "new": DECOMPOSED}
        assert server.mailbox.is_empty(other)
        assert server.anyone.post("/v1/auth/password/reset", json=body | {"email": other}).status_code == 401
        assert server.anyone.post("/v1/auth/password/reset", json=body | {"email": email}).status_code == 204


def test_an_invalid_domain_is_compared_unchanged() -> None:
    assert email_key("a@\u2024\u00e9\ud7ff") == email_key("A@\u2024\u00e9\ud7ff")


def test_spaces_around_an_e_mail_address_are_removed(server: Server, alice: Person) -> None:
    login = {"email": f"  {alice.email}\n", "password": PASSWORD}
    assert server.anyone.post("/v1/auth/login", json=login).status_code == 200
