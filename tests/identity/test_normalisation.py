"""Unicode normalization of passwords and e-mail addresses, which devices encode differently."""

import asyncio

import pytest
from pwdlib import PasswordHash

from app.identity.fields import email_key
from app.identity.passwords import Passwords, hashed_now
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
        found = [await passwords.checked(DECOMPOSED, old), await passwords.checked("wrong e\u0301", old)]
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


def test_an_invalid_domain_is_compared_unchanged() -> None:
    assert email_key("a@\u2024\u00e9\ud7ff") == email_key("A@\u2024\u00e9\ud7ff")


def test_spaces_around_an_e_mail_address_are_removed(server: Server, alice: Person) -> None:
    login = {"email": f"  {alice.email}\n", "password": PASSWORD}
    assert server.anyone.post("/v1/auth/login", json=login).status_code == 200
