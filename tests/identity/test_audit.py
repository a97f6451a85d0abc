"""Audit lines: each event of an account's security is logged once, with ids and a keyed hash of the network."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.identity.audit import Event
from app.ids import new_id
from tests.conftest import Servers
from tests.house.commands import afterglow
from tests.identity.authenticator import TOTP, second, ticket_of, turn_on
from tests.rows import device_of
from tests.serving import PASSWORD, Person, Server

NEW = "wisteria over the door"
WRONG = "WISTERIA00"
SECURITY = Path(__file__).parents[2] / ".github" / "SECURITY.md"
Line = dict[str, Any]
Lines = Callable[[], list[Line]]


@pytest.fixture
def server(servers: Servers, database: str) -> Iterator[Server]:
    server = servers.shared(database, throttle_account=5, throttle_client=1000)
    yield server
    server.end_test()


@pytest.fixture
def lines(server: Server, every_log_line: list[str]) -> Lines:
    """Return the audit lines since the last call."""
    assert server
    begin = [len(every_log_line)]

    def read() -> list[Line]:
        found = [json.loads(line) for line in every_log_line[begin[0] :]]
        begin[0] = len(every_log_line)
        return [line for line in found if line["logger"] == "afterglow.audit"]

    return read


def login(server: Server, person: Person, password: str = PASSWORD, **more: str) -> int:
    body = {"email": person.email, "password": password, **more}
    return server.anyone.post("/v1/auth/login", json=body).status_code


def test_a_sign_in_and_its_failures_are_recorded(server: Server, alice: Person, lines: Lines) -> None:
    assert [login(server, alice, "wisteria?") for _ in range(6)] == [401] * 5 + [429]
    *failed, throttled = lines()
    assert [(line["event"], line["kind"], line["account_id"], line["level"]) for line in failed] == [
        ("attempt-failed", "password", str(alice.id), "warning")
    ] * 5
    assert (throttled["event"], throttled["kind"]) == ("throttled", "password")
    assert re.fullmatch(r"[0-9a-f]{16}", throttled["bucket"])
    assert login(server, alice, refresh_token=alice.tokens["refresh_token"]) == 200
    (signed_in,) = lines()
    assert (signed_in["event"], signed_in["account_id"]) == ("signed-in", str(alice.id))
    assert (signed_in["by"], signed_in["is_new_device"]) == ("password", False)
    assert {line["network"] for line in (*failed, throttled, signed_in)} == {signed_in["network"]}
    assert re.fullmatch(r"[0-9a-f]{16}", signed_in["network"])


def test_an_unknown_account_is_recorded_without_an_id(server: Server, alice: Person, lines: Lines) -> None:
    body = {"email": f"nobody.{alice.email}", "password": PASSWORD}
    assert server.anyone.post("/v1/auth/login", json=body).status_code == 401
    (failed,) = lines()
    assert (failed["event"], failed["account_id"]) == ("attempt-failed", None)


def test_another_network_has_another_hash(server: Server, alice: Person, lines: Lines) -> None:
    login(server, alice)
    here = lines()[0]["network"]
    body = {"email": alice.email, "password": PASSWORD}
    assert server.client(address="127.3.3.3").post("/v1/auth/login", json=body).status_code == 200
    assert lines()[0]["network"] != here


def names(found: list[Line], person: Person) -> list[str]:
    assert {line["account_id"] for line in found} == {str(person.id)}
    return [line["event"] for line in found]


def test_passwords_and_e_mail_addresses_are_recorded(server: Server, alice: Person, lines: Lines) -> None:
    new = f"new.{alice.email}"
    assert alice.client.post("/v1/me/email", json={"email": new, "password": PASSWORD}).status_code == 202
    assert alice.client.post("/v1/me/email/confirm", json={"code": server.mailbox.code_to(new)}).status_code == 200
    assert alice.client.post("/v1/auth/password", json={"current": PASSWORD, "new": NEW}).status_code == 204
    assert server.anyone.post("/v1/auth/password/forgot", json={"email": new}).status_code == 202
    reset = {"email": new, "code": server.mailbox.code_to(new), "new": f"{NEW}, again"}
    assert server.anyone.post("/v1/auth/password/reset", json=reset).status_code == 204
    assert names(lines(), alice) == [
        "email-change-requested",
        "email-changed",
        "password-changed",
        "password-changed",
    ]


def test_devices_and_the_end_of_an_account_are_recorded(server: Server, alice: Person, lines: Lines) -> None:
    tablet, watch = server.on_another_device(alice), server.on_another_device(alice)
    listed = alice.client.get("/v1/auth/devices").json()["items"]
    assert alice.client.delete(f"/v1/auth/devices/{listed[0]['id']}").status_code == 204
    assert alice.client.delete(f"/v1/auth/devices/{new_id()}").status_code == 404
    assert tablet.client.post("/v1/auth/logout").status_code == 204
    assert sorted(each.client.get("/v1/me").status_code for each in (tablet, watch)) == [401, 401]
    assert names(lines(), alice) == ["device-ended", "device-ended"]
    assert alice.client.post("/v1/me/close", json={"password": PASSWORD}).status_code == 202
    reopening = {"email": alice.email, "code": server.mailbox.code_to(alice.email)}
    tokens = server.anyone.post("/v1/auth/reopen", json=reopening).json()
    client = server.client(tokens["access_token"])
    assert client.post("/v1/auth/logout-all").status_code == 204
    assert names(lines(), alice)[-3:] == ["account-closed", "account-reopened", "devices-ended"]


def test_a_registration_and_wrong_codes_are_recorded(server: Server, lines: Lines) -> None:
    email = f"wisteria.{new_id().hex}@example.com"
    assert server.anyone.post("/v1/auth/register", json={"email": email, "password": PASSWORD}).status_code == 202
    code = server.mailbox.code_to(email)
    wrong = f"{(int(code) + 1) % 10**6:06}"
    for sent, status in ((wrong, 401), (code, 200)):
        assert server.anyone.post("/v1/auth/verify", json={"email": email, "code": sent}).status_code == status
    reset = {"email": email, "code": WRONG, "new": NEW}
    assert server.anyone.post("/v1/auth/password/reset", json=reset).status_code == 401
    assert server.anyone.post("/v1/auth/refresh", json={"refresh_token": "wisteria"}).status_code == 401
    assert [(line["event"], line.get("kind")) for line in lines()] == [
        ("attempt-failed", "registration code"),
        ("registered", None),
        ("signed-in", None),
        ("attempt-failed", "reset code"),
        ("attempt-failed", "refresh token"),
    ]


def test_a_reused_refresh_token_is_recorded(server: Server, alice: Person, lines: Lines) -> None:
    first = {"refresh_token": alice.tokens["refresh_token"]}
    second = server.anyone.post("/v1/auth/refresh", json=first).json()
    body = {"refresh_token": second["refresh_token"]}
    assert server.anyone.post("/v1/auth/refresh", json=body).status_code == 200
    assert server.anyone.post("/v1/auth/refresh", json=first).status_code == 401
    assert [line["event"] for line in lines()] == ["refresh-token-reused", "attempt-failed"]


def test_the_second_factor_is_recorded(server: Server, alice: Person, lines: Lines) -> None:
    authenticator, recovery_codes = turn_on(alice)
    for code in ("000000", authenticator.code(), recovery_codes[0]):
        second(server.anyone, ticket_of(server, alice), code)
    body = {"password": PASSWORD, "code": recovery_codes[1]}
    assert alice.client.request("DELETE", TOTP, json=body).status_code == 204
    found = lines()
    assert {line["account_id"] for line in found} == {str(alice.id)}
    assert [(line["event"], line.get("kind") or line.get("by")) for line in found] == [
        ("second-factor-on", None),
        ("second-factor-required", None),
        ("attempt-failed", "second factor"),
        ("second-factor-required", None),
        ("signed-in", "totp"),
        ("second-factor-required", None),
        ("recovery-code-used", None),
        ("signed-in", "recovery-code"),
        ("second-factor-off", None),
    ]


def test_a_device_that_makes_room_is_recorded(servers: Servers, database: str, every_log_line: list[str]) -> None:
    server = servers.shared(database, quota_devices=2)
    alice = server.person("alice")
    begin = len(every_log_line)
    server.on_another_device(alice)
    server.on_another_device(alice)
    found = [json.loads(line) for line in every_log_line[begin:]]
    (line,) = [line for line in found if line.get("account_id") == str(alice.id) and line["event"] == "device-ended"]
    assert (line["device_id"], line["made_room"]) == (str(device_of(alice)), True)


def test_an_export_is_recorded(alice: Person, lines: Lines) -> None:
    assert alice.client.get("/v1/export").status_code == 200
    (line,) = lines()
    assert (line["event"], line["account_id"], line["network"]) == ("exported", str(alice.id), None)


def test_the_document_lists_every_event() -> None:
    listed = re.findall(r"^\| `([a-z-]+)` \|", SECURITY.read_text(), re.MULTILINE)
    assert listed == [*Event, "operator"]


def test_an_operators_command_prints_its_line(server: Server, alice: Person, tmp_path: Path) -> None:
    settings = {"database_url": server.settings.database_url, "keyring": str(server.settings.keyring)}
    result = afterglow("account", "sign-out", alice.email, **settings)
    line = json.loads(result.err)
    assert (line["logger"], line["event"], line["command"]) == ("afterglow.audit", "operator", "account sign-out")
    assert line["account_id"] == str(alice.id)
    assert alice.email not in result.err
    assert afterglow("account", "sign-out", alice.email, **settings).err == ""  # nothing changed
    created = afterglow("keys", "create", str(tmp_path / "new.json"))
    assert json.loads(created.err)["command"] == "keys create"
