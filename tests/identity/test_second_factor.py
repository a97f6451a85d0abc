"""The second factor: codes of an authenticator app, recovery codes, tickets, and roles that require it."""

import base64
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa

from app import clock
from app.db import Statement
from app.identity import tickets
from app.identity.tables import RecoveryCode, Role, SecondFactor, Throttle
from tests.archive.packing import send
from tests.conftest import Servers
from tests.identity.authenticator import SECOND, TOTP, Authenticator, log_in, second, ticket_of, turn_on
from tests.identity.operator import appoint
from tests.parallel import at_once
from tests.refusals import refused
from tests.serving import PASSWORD, Person, Server

NEW = "wisteria over the door"
FACTORS, RECOVERY = (Statement(sa.select(table.table())) for table in (SecondFactor, RecoveryCode))


@pytest.fixture
def server(servers: Servers, database: str) -> Iterator[Server]:
    server = servers.shared(
        database,
        throttle_account=5,
        second_factor_roles="clinician,admin",
        notices="second-factor-on,second-factor-off,new-device",
    )
    yield server
    server.end_test()


FORGIVE = Statement(sa.delete(Throttle.table()))


def _status(server: Server, tickets: list[str], code: str, number: int) -> int:
    return int(second(server.client(), tickets[number], code).status_code)


def rows_of(server: Server, statement: Statement, person: Person) -> list[dict[str, Any]]:
    return [row for row in server.run(server.db.all(statement)) if row["account_id"] == person.id]


def test_a_sign_in_needs_a_code_once_the_second_factor_is_on(server: Server, alice: Person, bob: Person) -> None:
    assert alice.client.get(TOTP).json() == {"enabled": False, "enabled_at": None, "recovery_codes": 0}
    authenticator, recovery_codes = turn_on(alice)
    state = alice.client.get(TOTP).json()
    assert (state["enabled"], state["recovery_codes"]) == (True, len(set(recovery_codes))) == (True, 10)
    devices = len(alice.client.get("/v1/auth/devices").json()["items"])
    problem = refused(log_in(server, alice, device_name="wisteria phone"), 401, "second-factor-required")
    assert (problem["setup"], problem["expires_in"]) == (False, 300)
    assert len(alice.client.get("/v1/auth/devices").json()["items"]) == devices
    response = second(server.anyone, problem["ticket"], authenticator.code())
    assert response.status_code == 200
    assert response.json()["recovery_codes"] is None
    tokens = response.json()
    newest = server.client(tokens["access_token"]).get("/v1/auth/devices").json()["items"][0]
    assert (newest["name"], newest["current"]) == ("wisteria phone", True)
    assert log_in(server, bob).status_code == 200
    refreshed = server.anyone.post("/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    assert refreshed.status_code == 200


def test_the_uri_is_one_that_an_authenticator_app_reads(alice: Person) -> None:
    made = alice.client.post(TOTP, json={"password": PASSWORD}).json()
    parts = urlsplit(made["uri"])
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert parse_qs(parts.query) == {"secret": [made["secret"]], "issuer": ["Afterglow"]}
    assert len(base64.b32decode(made["secret"])) == 20


def test_nothing_changes_until_a_code_is_confirmed(server: Server, alice: Person) -> None:
    first = alice.client.post(TOTP, json={"password": PASSWORD}).json()
    other = alice.client.post(TOTP, json={"password": PASSWORD}).json()
    assert first["secret"] != other["secret"]
    refused(alice.client.post(f"{TOTP}/confirm", json={"code": "000000"}), 401, "wrong-credentials")
    assert log_in(server, alice).status_code == 200
    assert not alice.client.get(TOTP).json()["enabled"]


def test_setting_up_needs_the_password_and_that_none_is_on(alice: Person) -> None:
    refused(alice.client.post(TOTP, json={"password": "wisteria?"}), 401, "wrong-credentials")
    authenticator, _ = turn_on(alice)
    refused(alice.client.post(TOTP, json={"password": PASSWORD}), 409, "second-factor-on")
    refused(alice.client.post(f"{TOTP}/confirm", json={"code": authenticator.code()}), 401, "wrong-credentials")


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_code_of_an_adjacent_period_is_accepted(server: Server, alice: Person, steps: int) -> None:
    authenticator, _ = turn_on(alice)
    if steps == -1:  # that period was used to turn it on
        refused(second(server.anyone, ticket_of(server, alice), authenticator.code(-1)), 401, "wrong-credentials")
    else:
        assert second(server.anyone, ticket_of(server, alice), authenticator.code(steps)).status_code == 200


@pytest.mark.parametrize("steps", [-3, 3])
def test_a_code_of_another_period_is_refused(server: Server, alice: Person, steps: int) -> None:
    authenticator, _ = turn_on(alice)
    refused(second(server.anyone, ticket_of(server, alice), authenticator.code(steps)), 401, "wrong-credentials")


def test_a_code_works_once_and_none_of_an_earlier_period_after_it(server: Server, alice: Person) -> None:
    authenticator, _ = turn_on(alice)
    latest, earlier = authenticator.code(1), authenticator.code(0)
    assert second(server.anyone, ticket_of(server, alice), latest).status_code == 200
    for code in (latest, earlier):
        refused(second(server.anyone, ticket_of(server, alice), code), 401, "wrong-credentials")


def test_of_many_requests_with_one_code_one_signs_in(server: Server, alice: Person) -> None:
    authenticator, recovery_codes = turn_on(alice)
    tickets = [ticket_of(server, alice) for _ in range(4)]
    for code in (authenticator.code(), recovery_codes[0]):
        send_code = partial(_status, server, tickets, code)
        statuses = at_once(send_code, 4)
        assert sorted(statuses) == [200, 401, 401, 401]
        server.run(server.db.run(FORGIVE))


def test_a_recovery_code_works_once_in_any_spelling(server: Server, alice: Person) -> None:
    _, recovery_codes = turn_on(alice)
    code = recovery_codes[3]
    assert second(server.anyone, ticket_of(server, alice), code.lower().replace("-", "")).status_code == 200
    refused(second(server.anyone, ticket_of(server, alice), code), 401, "wrong-credentials")
    assert alice.client.get(TOTP).json()["recovery_codes"] == 9
    assert second(server.anyone, ticket_of(server, alice), recovery_codes[4]).status_code == 200


def test_a_code_of_another_person_is_refused(server: Server, alice: Person, bob: Person) -> None:
    turn_on(alice)
    authenticator, recovery_codes = turn_on(bob)
    for code in (authenticator.code(), recovery_codes[0]):
        refused(second(server.anyone, ticket_of(server, alice), code), 401, "wrong-credentials")


def test_wrong_codes_are_throttled_also_with_new_tickets(server: Server, alice: Person) -> None:
    authenticator, recovery_codes = turn_on(alice)
    for _ in range(5):
        refused(second(server.anyone, ticket_of(server, alice), "000000"), 401, "wrong-credentials")
    for code in (authenticator.code(), recovery_codes[0]):
        assert "retry-after" in second(server.anyone, ticket_of(server, alice), code).headers
    held = ticket_of(server, alice, refresh_token=alice.tokens["refresh_token"])
    assert second(server.anyone, held, authenticator.code()).status_code == 200


@pytest.mark.parametrize("broken", ["", "d2lzdGVyaWE", "wisteria?", "ä", "=", "A" * 2000])
def test_a_text_that_is_no_ticket_is_refused(server: Server, broken: str) -> None:
    response = server.anyone.post(SECOND, json={"ticket": broken, "code": "123456"})
    assert response.status_code == (401 if broken else 422)
    response = server.anyone.post(f"{SECOND}/setup", json={"ticket": broken})
    assert response.status_code == (401 if broken else 422)


def test_a_changed_or_expired_ticket_is_refused(server: Server, alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    authenticator, _ = turn_on(alice)
    ticket = ticket_of(server, alice)
    changed = ticket[:-4] + ("AAAA" if ticket[-4:] != "AAAA" else "BBBB")
    refused(second(server.anyone, changed, authenticator.code(0)), 401, "wrong-credentials")
    monkeypatch.setattr(tickets, "SECONDS", 0)
    refused(second(server.anyone, ticket_of(server, alice), authenticator.code(0)), 401, "wrong-credentials")
    assert second(server.anyone, ticket, authenticator.code(0)).status_code == 200


def test_a_ticket_ends_with_the_password_and_with_the_account(server: Server, alice: Person) -> None:
    authenticator, _ = turn_on(alice)
    ticket = ticket_of(server, alice)
    assert alice.client.post("/v1/auth/password", json={"current": PASSWORD, "new": NEW}).status_code == 204
    refused(second(server.anyone, ticket, authenticator.code(0)), 401, "wrong-credentials")
    login = server.anyone.post("/v1/auth/login", json={"email": alice.email, "password": NEW}).json()
    assert alice.client.post("/v1/me/close", json={"password": NEW}).status_code == 202
    refused(second(server.anyone, login["ticket"], authenticator.code(0)), 401, "wrong-credentials")


def test_a_closed_account_with_a_second_factor_cannot_be_told_from_a_wrong_password(
    server: Server, alice: Person
) -> None:
    turn_on(alice)
    assert alice.client.post("/v1/me/close", json={"password": PASSWORD}).status_code == 202
    login = server.anyone.post("/v1/auth/login", json={"email": alice.email, "password": PASSWORD})
    refused(login, 401, "wrong-credentials")


def test_a_password_reset_does_not_replace_it(server: Server, alice: Person) -> None:
    turn_on(alice)
    server.mailbox.text_to(alice.email)
    assert server.anyone.post("/v1/auth/password/forgot", json={"email": alice.email}).status_code == 202
    body = {"email": alice.email, "code": server.mailbox.code_to(alice.email), "new": NEW}
    assert server.anyone.post("/v1/auth/password/reset", json=body).status_code == 204
    login = server.anyone.post("/v1/auth/login", json={"email": alice.email, "password": NEW})
    refused(login, 401, "second-factor-required")


def test_reopening_an_account_needs_it(server: Server, alice: Person) -> None:
    authenticator, _ = turn_on(alice)
    server.mailbox.text_to(alice.email)
    assert alice.client.post("/v1/me/close", json={"password": PASSWORD}).status_code == 202
    body = {"email": alice.email, "code": server.mailbox.code_to(alice.email)}
    problem = refused(server.anyone.post("/v1/auth/reopen", json=body), 401, "second-factor-required")
    assert second(server.anyone, problem["ticket"], authenticator.code()).status_code == 200


def test_turning_it_off_needs_the_password_and_a_code(server: Server, alice: Person) -> None:
    def turn_off(password: str, code: str) -> Any:
        return alice.client.request("DELETE", TOTP, json={"password": password, "code": code})

    refused(turn_off(PASSWORD, "123456"), 404, "not-found")
    authenticator, recovery_codes = turn_on(alice)
    refused(turn_off("wisteria?", recovery_codes[0]), 401, "wrong-credentials")
    refused(turn_off(PASSWORD, "WISTERIA00"), 401, "wrong-credentials")
    assert alice.client.get(TOTP).json()["recovery_codes"] == 10
    assert turn_off(PASSWORD, authenticator.code()).status_code == 204
    assert alice.client.get(TOTP).json() == {"enabled": False, "enabled_at": None, "recovery_codes": 0}
    assert rows_of(server, FACTORS, alice) + rows_of(server, RECOVERY, alice) == []
    assert log_in(server, alice).status_code == 200


def test_the_owner_gets_an_e_mail_when_it_is_turned_on_and_off(server: Server, alice: Person) -> None:
    _, recovery_codes = turn_on(alice)
    assert "now needs a code" in server.mailbox.text_to(alice.email)
    body = {"password": PASSWORD, "code": recovery_codes[0]}
    assert alice.client.request("DELETE", TOTP, json=body).status_code == 204
    assert "needs your password only" in server.mailbox.text_to(alice.email)


def test_neither_the_secret_nor_a_recovery_code_is_stored_in_clear(server: Server, alice: Person) -> None:
    secret = alice.client.post(TOTP, json={"password": PASSWORD}).json()["secret"]
    (row,) = rows_of(server, FACTORS, alice)
    assert base64.b32decode(secret) not in row["secret"]
    assert len(row["secret"]) == 12 + 20 + 16
    assert "secret" not in alice.client.get(TOTP).text


def test_a_role_that_requires_it_sets_it_up_at_the_next_sign_in(server: Server, alice: Person) -> None:
    appoint(server, alice, Role.CLINICIAN)
    refresh = server.anyone.post("/v1/auth/refresh", json={"refresh_token": alice.tokens["refresh_token"]})
    refused(refresh, 401, "wrong-credentials")
    problem = refused(log_in(server, alice), 401, "second-factor-required")
    assert problem["setup"]
    made = server.anyone.post(f"{SECOND}/setup", json={"ticket": problem["ticket"]})
    assert made.status_code == 200
    refused(second(server.anyone, problem["ticket"], "000000"), 401, "wrong-credentials")
    authenticator = Authenticator(made.json()["secret"])
    tokens = second(server.anyone, problem["ticket"], authenticator.code())
    assert tokens.status_code == 200
    assert len(tokens.json()["recovery_codes"]) == 10
    assert not refused(log_in(server, alice), 401, "second-factor-required")["setup"]
    refused(server.anyone.post(f"{SECOND}/setup", json={"ticket": problem["ticket"]}), 409, "second-factor-on")
    refreshed = server.anyone.post("/v1/auth/refresh", json={"refresh_token": tokens.json()["refresh_token"]})
    assert refreshed.status_code == 200


def test_a_ticket_for_a_code_does_not_set_up_another_secret(server: Server, alice: Person) -> None:
    turn_on(alice)
    refused(server.anyone.post(f"{SECOND}/setup", json={"ticket": ticket_of(server, alice)}), 409, "second-factor-on")


def test_an_export_says_since_when_it_is_on_and_not_its_secret(alice: Person) -> None:
    turn_on(alice)
    content = alice.client.get("/v1/export").content
    manifest = json.loads(zipfile.ZipFile(io.BytesIO(content)).read("manifest.json"))
    assert manifest["account"]["second_factor_since"] == alice.client.get(TOTP).json()["enabled_at"]
    assert not {"secret", "recovery_codes"} & manifest["account"].keys()
    assert send(alice, content).status_code == 200


def test_an_expired_period_is_over(server: Server, alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    authenticator, _ = turn_on(alice)
    code, real = authenticator.code(1), clock.now
    ticket = ticket_of(server, alice)
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(seconds=120))
    refused(second(server.anyone, ticket, code), 401, "wrong-credentials")
