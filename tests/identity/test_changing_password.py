"""Passwords: changed with the current one, reset by a code sent by e-mail; common ones are refused."""

from importlib import resources

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from app.identity.accounts import CHANGE_PASSWORD
from app.identity.accounts import PASSWORD as STORED
from app.identity.common_passwords import is_common, is_personal
from app.ids import new_id
from tests.identity.operator import close
from tests.parallel import at_once
from tests.serving import PASSWORD, Person, Server, password_hash
from tests.waiting import later
from tests.witness import Client

NEW = "wisteria over the door"


def can_sign_in(client: Client, email: str, password: str) -> bool:
    return client.post("/v1/auth/login", json={"email": email, "password": password}).status_code == 200


def request_code(server: Server, person: Person) -> str:
    """Request a reset code; return it."""
    assert server.anyone.post("/v1/auth/password/forgot", json={"email": person.email}).status_code == 202
    return server.mailbox.code_to(person.email)


def test_a_change_signs_out_only_the_other_devices(server: Server, anyone: Client, alice: Person) -> None:
    body = {"email": alice.email, "password": PASSWORD}
    other = server.client(anyone.post("/v1/auth/login", json=body).json()["access_token"])
    change = {"current": PASSWORD, "new": NEW}
    assert alice.client.post("/v1/auth/password", json=change).status_code == 204
    assert alice.client.get("/v1/me").status_code == 200
    assert other.get("/v1/me").status_code == 401
    assert not can_sign_in(anyone, alice.email, PASSWORD)
    assert can_sign_in(anyone, alice.email, NEW)


def test_a_wrong_current_password_changes_nothing(anyone: Client, alice: Person) -> None:
    response = alice.client.post("/v1/auth/password", json={"current": "wisteria?", "new": NEW})
    assert (response.status_code, response.json()["code"]) == (401, "wrong-credentials")
    assert can_sign_in(anyone, alice.email, PASSWORD)


def test_a_reset_code_sets_a_new_password_once_and_signs_out_all_devices(
    server: Server, anyone: Client, alice: Person
) -> None:
    code = request_code(server, alice)
    typed = f"{code[:5]}-{code[5:]}".lower().replace("0", "o").replace("1", "l")
    reset = {"email": alice.email.upper(), "code": typed, "new": NEW}
    assert anyone.post("/v1/auth/password/reset", json=reset).status_code == 204
    assert alice.client.get("/v1/me").status_code == 401
    assert can_sign_in(anyone, alice.email, NEW)
    again = anyone.post("/v1/auth/password/reset", json=reset | {"new": "wisteria by the well"})
    assert (again.status_code, again.json()["code"]) == (401, "wrong-credentials")
    assert can_sign_in(anyone, alice.email, NEW)


def test_a_code_ends_after_its_lifetime_and_not_after_wrong_attempts(
    server: Server, anyone: Client, alice: Person
) -> None:
    reset = {"email": alice.email, "code": request_code(server, alice), "new": NEW}
    with later(minutes=30, seconds=1):
        assert anyone.post("/v1/auth/password/reset", json=reset).status_code == 401
    reset["code"] = request_code(server, alice)
    for _ in range(5):
        assert anyone.post("/v1/auth/password/reset", json=reset | {"code": "WISTERIA00"}).status_code == 401
    assert anyone.post("/v1/auth/password/reset", json=reset).status_code == 204
    assert can_sign_in(anyone, alice.email, NEW)


@pytest.mark.parametrize("state", ["unknown", "closed"])
def test_an_unknown_or_closed_account_gets_an_e_mail_without_a_code(
    server: Server, anyone: Client, alice: Person, state: str
) -> None:
    email = alice.email if state == "closed" else f"nobody.{alice.email}"
    close(server, alice)
    anyone.post("/v1/auth/password/forgot", json={"email": email})
    text = server.mailbox.text_to(email)
    assert "has no account" in text
    assert "Code:" not in text
    reset = {"email": email, "code": "WISTERIA00", "new": NEW}
    assert anyone.post("/v1/auth/password/reset", json=reset).status_code == 401


def test_after_ten_codes_in_a_day_the_newest_is_sent_again(server: Server, anyone: Client, alice: Person) -> None:
    codes = [request_code(server, alice) for _ in range(20)]
    assert len({*codes}) == 10
    assert codes[10:] == [codes[9]] * 10
    assert anyone.post("/v1/auth/password/forgot", json={"email": alice.email}).status_code == 202
    assert server.mailbox.is_empty(alice.email)
    with later(minutes=30, seconds=1):
        newest = request_code(server, alice)
        assert newest not in codes
        assert request_code(server, alice) == newest
        reset = {"email": alice.email, "code": newest, "new": NEW}
        assert anyone.post("/v1/auth/password/reset", json=reset).status_code == 204


@pytest.mark.parametrize(
    "password",
    [
        "password",
        "Passw0rd!",
        "12345678",
        "11111111",
        "qwertyuiop",
        "abcabcabc",
        "iloveyou1",
        "P@ssword2026",
        "asdfghjkl;",
        "zaq12wsx",
        "11223344",
        "12.03.1984",
        "abc12345678",
        "hellohello",
        "corvette",
        "Samantha!",
        "trustno1",
        "gwerty123",
        "homelesspa",
    ],
)
def test_common_passwords_are_refused(alice: Person, anyone: Client, password: str) -> None:
    assert is_common(password)
    reset = {"email": alice.email, "code": "WISTERIA00", "new": password}
    responses = [
        anyone.post("/v1/auth/register", json={"email": f"new.{alice.email}", "password": password}),
        alice.client.post("/v1/auth/password", json={"current": PASSWORD, "new": password}),
        anyone.post("/v1/auth/password/reset", json=reset),
    ]
    assert [response.status_code for response in responses] == [422] * 3
    found = [(each["pointer"], each["code"]) for response in responses for each in response.json()["errors"]]
    assert found == [(pointer, "common-password") for pointer in ("/password", "/new", "/new")]


@pytest.mark.parametrize(
    "password",
    [PASSWORD, NEW, "tulpenbollen", "правда и дождь", "xkcd-staple-horse", "7hq2-kd93", "8h2q9k41", "7402958137460192"],
)
def test_uncommon_passwords_are_accepted(password: str) -> None:
    assert not is_common(password)
    assert not is_personal(password, "wisteria@example.com")


@pytest.mark.parametrize(
    "password",
    [
        "lovelace1984",
        "AdaLovelace!",
        "ada.lovelace.84",
        "l0vel4ce-12.03",
        "Babbage1984",
        "lovelaceADA",
        "10121815ada",
        "adaada99",
    ],
)
def test_a_password_of_the_own_e_mail_address_is_refused(anyone: Client, server: Server, password: str) -> None:
    email = f"ada.lovelace.10121815@{new_id().hex[:6]}.babbage.example"
    assert is_personal(password, email)
    register = {"email": email, "password": password}
    reset = {"email": email, "code": "WISTERIA00", "new": password}
    person = server.person("ada.lovelace.10121815+babbage")
    change = {"current": PASSWORD, "new": password}
    for client, path, body, pointer in (
        (anyone, "register", register, "/password"),
        (anyone, "password/reset", reset, "/new"),
        (person.client, "password", change, "/new"),
    ):
        response = client.post(f"/v1/auth/{path}", json=body)
        assert response.status_code == 422, path
        assert [(each["pointer"], each["code"]) for each in response.json()["errors"]] == [(pointer, "common-password")]


@pytest.mark.parametrize(
    ("password", "email"),
    [
        ("lovelace over the door", "ada.lovelace@example.com"),
        ("a lantern by the door", "ada@example.com"),
        ("tulpenbollen", "tul@example.com"),
        ("wisteria by the gate", "wisteria@example.com"),
        ("7402958137460192", "ada.7402@example.com"),
        ("anything at all", ""),
    ],
)
def test_a_password_that_only_contains_a_part_of_the_e_mail_address_is_accepted(password: str, email: str) -> None:
    assert not is_personal(password, email)


def test_the_most_used_passwords_are_refused() -> None:
    listed = resources.files("app.identity").joinpath("most_used_passwords.txt").read_text("utf-8").split()
    assert len(listed) > 3000
    assert all(len(password) >= 8 and is_common(password) for password in listed)


@pytest.mark.usefixtures("real_password_hashes")
def test_a_weaker_hash_is_replaced_at_sign_in(server: Server, anyone: Client, alice: Person) -> None:
    weak = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=1024, parallelism=1),)).hash(PASSWORD)
    server.run(server.db.run(CHANGE_PASSWORD, id=alice.id, password_hash=weak))
    assert can_sign_in(anyone, alice.email, PASSWORD)
    stored = server.run(server.db.only(STORED, id=alice.id))["password_hash"]
    assert stored != weak
    assert "m=1024" not in stored
    assert can_sign_in(anyone, alice.email, PASSWORD)


def test_one_of_two_concurrent_changes_succeeds(server: Server, anyone: Client, alice: Person) -> None:
    def change(device: int) -> int:
        body = {"current": PASSWORD, "new": f"{NEW} {device}"}
        return server.client(alice.token).post("/v1/auth/password", json=body).status_code

    statuses = at_once(change, 2)
    assert sorted(statuses) == [204, 401]
    assert can_sign_in(anyone, alice.email, f"{NEW} {statuses.index(204)}")


def test_concurrent_requests_get_at_most_ten_codes(server: Server, anyone: Client, alice: Person) -> None:
    def forget(_device: int) -> int:
        return server.client().post("/v1/auth/password/forgot", json={"email": alice.email}).status_code

    assert set(at_once(forget, 16)) == {202}
    reset = {"email": alice.email, "new": NEW}
    codes = [server.mailbox.code_to(alice.email) for _ in range(16)]
    assert len({*codes}) == 10
    assert server.mailbox.is_empty(alice.email)
    assert anyone.post("/v1/auth/password/reset", json=reset | {"code": codes[0]}).status_code == 204


def test_a_code_of_an_account_that_was_closed_since_is_invalid(server: Server, anyone: Client, alice: Person) -> None:
    reset = {"email": alice.email, "code": request_code(server, alice), "new": NEW}
    close(server, alice)
    assert anyone.post("/v1/auth/password/reset", json=reset).status_code == 401
    assert server.run(server.db.only(STORED, id=alice.id))["password_hash"] == password_hash()
