"""Registering: an e-mail address is verified by a code sent to it; no response reveals whether it has an account."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from app.ids import new_id
from tests.serving import PASSWORD, Server
from tests.waiting import later
from tests.witness import Client

Json = dict[str, Any]


@pytest.fixture
def email() -> str:
    return f"wisteria.{new_id().hex}@example.com"


def register(client: Client, email: str, **members: object) -> Json:
    response = client.post("/v1/auth/register", json={"email": email, "password": PASSWORD, **members})
    assert response.status_code == 202
    answer: Json = response.json()
    return answer


def verify(client: Client, email: str, code: str) -> int:
    return client.post("/v1/auth/verify", json={"email": email, "code": code}).status_code


def login(client: Client, email: str, password: str = PASSWORD) -> int:
    return client.post("/v1/auth/login", json={"email": email, "password": password}).status_code


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


def test_the_code_creates_the_account_and_signs_in(server: Server, anyone: Client, email: str) -> None:
    register(anyone, email, display_name="wisteria", timezone="Europe/Berlin", locale="de-CH")
    assert login(anyone, email) == 401
    code = server.mailbox.code_to(email)
    tokens = anyone.post("/v1/auth/verify", json={"email": email.upper(), "code": code}).json()
    account = server.client(tokens["access_token"]).get("/v1/me").json()
    assert account == tokens["account"] | {"usage": account["usage"]}
    assert (account["email"], account["display_name"], account["role"]) == (email, "wisteria", "person")
    assert (account["timezone"], account["locale"]) == ("Europe/Berlin", "de-CH")
    assert verify(anyone, email, code) == 401
    assert login(anyone, email) == 200


REGIONS: dict[str, tuple[Json, str | None]] = {
    "that of the language tag": ({"locale": "de-CH"}, "CH"),
    "after a script": ({"locale": "zh-Hant-TW"}, "TW"),
    "in lower case": ({"locale": "pt-br"}, "BR"),
    "none in the tag": ({"locale": "en"}, None),
    "of several countries": ({"locale": "es-419"}, None),
    "no country": ({"locale": "en-UK"}, None),
    "in an extension": ({"locale": "en-x-us"}, None),
    "as sent": ({"locale": "de-CH", "region": "AT"}, "AT"),
    "null": ({"locale": "de-CH", "region": None}, "CH"),
}


@pytest.mark.parametrize(("members", "region"), REGIONS.values(), ids=REGIONS)
def test_the_region_is_that_of_the_language_tag_unless_another_is_sent(
    server: Server, anyone: Client, email: str, members: Json, region: str | None
) -> None:
    register(anyone, email, **members)
    tokens = anyone.post("/v1/auth/verify", json={"email": email, "code": server.mailbox.code_to(email)}).json()
    assert tokens["account"]["region"] == region


def test_a_known_e_mail_address_gets_the_same_response_and_another_e_mail(
    server: Server, anyone: Client, email: str
) -> None:
    first = register(anyone, email)
    assert verify(anyone, email, server.mailbox.code_to(email)) == 200
    again = register(anyone, email.upper(), password="another wisteria password", display_name="somebody else")
    assert again == first
    text = server.mailbox.text_to(email)
    assert server.mailbox.is_empty(email.upper())
    assert "already has an account" in text
    assert "Code:" not in text
    assert login(anyone, email, "another wisteria password") == 401
    assert login(anyone, email) == 200


def test_a_code_activates_the_password_that_came_with_it_and_discards_the_others(
    server: Server, anyone: Client, email: str
) -> None:
    codes = []
    for password in ("the stranger's wisteria", "the owner's wisteria"):
        register(anyone, email, password=password)
        codes.append(server.mailbox.code_to(email))
    assert verify(anyone, email, codes[1]) == 200
    assert verify(anyone, email, codes[0]) == 401
    assert login(anyone, email, "the stranger's wisteria") == 401
    assert login(anyone, email, "the owner's wisteria") == 200


def test_five_wrong_attempts_of_the_network_that_registered_end_a_code(
    server: Server, anyone: Client, email: str
) -> None:
    register(anyone, email)
    code = server.mailbox.code_to(email)
    assert [verify(anyone, email, other_than(code)) for _ in range(5)] == [401] * 5
    assert verify(anyone, email, code) == 401
    register(anyone, email)
    fresh = server.mailbox.code_to(email)
    assert [verify(anyone, email, other_than(fresh)) for _ in range(4)] == [401] * 4
    assert verify(anyone, email, fresh) == 200


def test_a_code_is_valid_for_half_an_hour_and_for_its_e_mail_address(
    server: Server, anyone: Client, email: str
) -> None:
    register(anyone, email)
    code = server.mailbox.code_to(email)
    assert verify(anyone, f"other.{email}", code) == 401
    with later(seconds=server.settings.code_seconds + 1):
        assert verify(anyone, email, code) == 401
    with later(seconds=server.settings.code_seconds - 30):
        assert verify(anyone, email, code) == 200


def test_an_e_mail_address_gets_ten_codes_a_day_and_ten_more_in_half_an_hour_for_a_network(
    server: Server, anyone: Client, email: str
) -> None:
    for _ in range(2 * server.settings.codes_a_day):
        register(anyone, email)
        server.mailbox.code_to(email)
    register(anyone, email)
    witness = f"last.{email}"
    register(anyone, witness)
    server.mailbox.code_to(witness)
    assert server.mailbox.is_empty(email)
    with later(days=1, seconds=1):
        register(anyone, email)
        assert verify(anyone, email, server.mailbox.code_to(email)) == 200


def test_concurrent_uses_of_a_code_create_one_account(server: Server, anyone: Client, email: str) -> None:
    register(anyone, email)
    code = server.mailbox.code_to(email)
    with ThreadPoolExecutor(10) as threads:
        answers = sorted(threads.map(lambda _: verify(anyone, email, code), range(10)))
    assert answers == [200] + [401] * 9


@pytest.mark.parametrize(
    "address",
    ["a", "a@", "@example.com", "a b@example.com", "a @example.com", "a@b@example.com", "a" * 255 + "@example.com"],
)
def test_an_invalid_e_mail_address_is_refused(anyone: Client, address: str) -> None:
    response = anyone.post("/v1/auth/register", json={"email": address, "password": "short"})
    assert response.status_code == 422
    assert [fault["pointer"] for fault in response.json()["errors"]] == ["/email", "/password"]
