"""`afterglow account …`: what an operator does, and that a server notices it with the next request."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import orjson
import pytest

from app.identity.tables import Role
from app.resources import RESOURCES
from tests.conftest import Databases, Servers
from tests.drafts import create_record
from tests.house.commands import AFTERGLOW, PASSWORD, SECONDS, Result, afterglow, assert_fails
from tests.house.terminal import answer_at_terminal
from tests.identity.authenticator import turn_on
from tests.serving import PASSWORD as OLD_PASSWORD
from tests.serving import Person, Server

pytestmark = pytest.mark.usefixtures("empty_folder")
INVALID = "a password must have 8 to 256 characters and must not be a common one"
COMMANDS = {
    "show": [],
    "close": [],
    "reopen": [],
    "role": ["admin"],
    "sign-out": [],
    "set-password": [],
    "second-factor-off": [],
}
"""The commands on one account, each with its further arguments."""


def account(server: Server, command: str, *arguments: str, stdin: str = f"{PASSWORD}\n") -> Result:
    """Run `afterglow account …` on the server's database."""
    settings = {"database_url": server.settings.database_url, "keyring": str(server.settings.keyring)}
    return afterglow("account", command, *arguments, stdin=stdin, **settings)


def as_json(result: Result) -> dict[str, object]:
    """Return what a command printed as JSON."""
    assert result.status == 0, result.err
    value: dict[str, object] = orjson.loads(result.out)
    return value


def status_of_login(server: Server, person: Person, password: str) -> int:
    return server.anyone.post("/v1/auth/login", json={"email": person.email, "password": password}).status_code


@pytest.fixture
def throttled(servers: Servers, database: str) -> Iterator[Server]:
    """A server that throttles an account after two failures."""
    server = servers.shared(database, throttle_account=2)
    yield server
    server.end_test()


def test_show_names_devices_and_counts_records(server: Server, alice: Person) -> None:
    create_record(alice.client, RESOURCES[0], alice)
    removed = create_record(alice.client, RESOURCES[0], alice)
    path = f"{RESOURCES[0].path}/{removed['id']}"
    assert alice.client.delete(path, headers={"If-Match": "*"}).status_code == 204
    shown = as_json(account(server, "show", alice.email, "--json"))
    assert {name: shown[name] for name in ("id", "email", "role", "closed_at")} == {
        "id": str(alice.id),
        "email": alice.email,
        "role": "person",
        "closed_at": None,
    }
    (device,) = alice.client.get("/v1/auth/devices").json()["items"]
    assert shown["devices"] == [{name: value for name, value in device.items() if name != "current"}]
    assert shown["records"] == {each.collection: int(each is RESOURCES[0]) for each in RESOURCES}
    text = account(server, "show", str(alice.id)).out
    assert f"E-mail address: {alice.email}\n" in text
    assert "State:          open\n" in text
    assert f"Records:        {RESOURCES[0].collection} 1, " in text
    assert f"Devices:        1 signed in:\n  {device['id']}  phone  since " in text


def test_the_operator_turns_a_second_factor_off(server: Server, alice: Person) -> None:
    assert "Second factor:  off\n" in account(server, "show", alice.email).out
    assert as_json(account(server, "second-factor-off", alice.email, "--json"))["changed"] is False
    turn_on(alice)
    assert ", 10 recovery codes left\n" in account(server, "show", alice.email).out
    shown = as_json(account(server, "show", alice.email, "--json"))["second_factor"]
    assert isinstance(shown, dict)
    assert (shown["enabled"], shown["recovery_codes"]) == (True, 10)
    assert status_of_login(server, alice, OLD_PASSWORD) == 401
    result = account(server, "second-factor-off", alice.email)
    assert result.out == f"The second factor of {alice.email} is now off.\n"
    line = orjson.loads(result.err)
    assert (line["command"], line["account_id"]) == ("account second-factor-off", str(alice.id))
    assert account(server, "second-factor-off", alice.email).out.endswith("was already off.\n")
    assert status_of_login(server, alice, OLD_PASSWORD) == 200


@pytest.mark.parametrize("command", ["close", "second-factor-off"])
def test_a_command_that_is_not_confirmed_at_a_terminal_changes_nothing(
    server: Server, alice: Person, command: str
) -> None:
    turn_on(alice)
    keyring = str(server.settings.keyring)
    words = ["account", command, alice.email]
    status, shown = answer_at_terminal(words, server.settings.database_url, "n", AFTERGLOW_KEYRING=keyring)
    assert status == 1
    assert "afterglow: nothing was changed" in shown
    assert alice.client.get("/v1/me/totp").json()["enabled"]


def test_show_prints_no_control_characters_of_names(server: Server, bob: Person) -> None:
    bob.client.patch("/v1/me", json={"display_name": "wisteria\x1b[2J\u202e\nRole: admin"})
    name = next(line for line in account(server, "show", bob.email).out.splitlines() if line.startswith("Name:"))
    assert name == "Name:           wisteria�[2J��Role: admin"


def test_list_filters_and_pages(server: Server) -> None:
    mark = uuid4().hex
    people = [server.person(f"{mark}_{n}", role=role) for n, role in enumerate([Role.PERSON, Role.CLINICIAN] * 2)]
    newest_first = [str(each.id) for each in reversed(people)]
    account(server, "close", people[0].email)

    def ids(*arguments: str) -> list[object]:
        found = as_json(account(server, "list", "--email", mark, "--json", *arguments))
        assert found["next"] is None
        assert isinstance(found["items"], list)
        return [each["id"] for each in found["items"]]

    assert ids() == newest_first
    assert ids("--role", "clinician") == [newest_first[0], newest_first[2]]
    assert ids("--closed") == newest_first[3:]
    assert ids("--open") == newest_first[:3]
    assert ids("--after", newest_first[1]) == newest_first[2:]
    first = as_json(account(server, "list", "--email", mark.upper(), "--limit", "3", "--json"))
    assert first["next"] == newest_first[2]
    lines = account(server, "list", "--email", mark, "--limit", "3").out.splitlines()
    assert lines[0] == f"{people[3].id}  {people[3].email}  clinician  open"
    assert lines[3] == f"There are more: repeat the command with --after {newest_first[2]}."
    assert f"{people[0].email}  person  closed 20" in account(server, "list", "--email", mark, "--closed").out
    assert account(server, "list", "--email", "%").out == "No account matches.\n"


def test_a_closed_account_is_signed_out_at_once_until_it_is_reopened(server: Server, alice: Person) -> None:
    closed = as_json(account(server, "close", alice.email, "--json"))
    assert (closed["changed"], closed["devices_signed_out"]) == (True, 1)
    assert isinstance(closed["account"], dict)
    assert closed["account"]["closed_at"] == closed["account"]["updated_at"]
    assert alice.client.get("/v1/me").status_code == 401
    refreshed = server.anyone.post("/v1/auth/refresh", json={"refresh_token": alice.tokens["refresh_token"]})
    assert refreshed.status_code == 401
    assert status_of_login(server, alice, OLD_PASSWORD) == 401
    assert account(server, "close", str(alice.id)).out == f"{alice.email} is already closed.\n"
    refused = account(server, "set-password", alice.email)
    assert_fails(refused, r"the account is closed; nothing was changed \(see `afterglow account reopen`\)")
    assert account(server, "reopen", alice.email).out == f"Reopened {alice.email}.\n"
    assert account(server, "reopen", alice.email).out == f"{alice.email} is not closed.\n"
    assert alice.client.get("/v1/me").status_code == 401
    assert status_of_login(server, alice, OLD_PASSWORD) == 200


def test_a_role_is_in_force_with_the_next_request(server: Server, bob: Person) -> None:
    assert account(server, "role", bob.email, "clinician").out == f"{bob.email} is now clinician.\n"
    assert bob.client.get("/v1/me").json()["role"] == "clinician"
    again = account(server, "role", bob.email, "clinician")
    assert again.out == f"{bob.email} already has the role clinician.\n"
    assert account(server, "role", bob.email, "king").status == 2
    tokens = server.anyone.post("/v1/auth/refresh", json={"refresh_token": bob.tokens["refresh_token"]}).json()
    assert server.services.tokens.verify(tokens["access_token"]).scope == "clinician"


def test_sign_out_ends_one_device_or_all(server: Server, alice: Person, bob: Person) -> None:
    def login() -> str:
        draft = {"email": alice.email, "password": OLD_PASSWORD}
        return str(server.anyone.post("/v1/auth/login", json=draft).json()["access_token"])

    other, last = server.client(login()), server.client(login())
    device = next(each["id"] for each in other.get("/v1/auth/devices").json()["items"] if each["current"])
    one = account(server, "sign-out", alice.email, "--device", device)
    assert one.out == f"Signed out {alice.email}. Devices signed out: 1.\n"
    assert [each.get("/v1/me").status_code for each in (other, last, alice.client)] == [401, 200, 200]
    gone = account(server, "sign-out", alice.email, "--device", device)
    assert_fails(gone, f"the account has no signed-in device {device}; nothing was changed")
    assert as_json(account(server, "sign-out", str(alice.id), "--json"))["devices_signed_out"] == 2
    assert [each.get("/v1/me").status_code for each in (last, alice.client, bob.client)] == [401, 401, 200]
    assert account(server, "sign-out", alice.email).out == "No device is signed in.\n"


def test_another_accounts_device_is_not_signed_out(server: Server, alice: Person, bob: Person) -> None:
    (device,) = bob.client.get("/v1/auth/devices").json()["items"]
    refused = account(server, "sign-out", alice.email, "--device", device["id"])
    assert_fails(refused, "the account has no signed-in device [^\n]+; nothing was changed")
    assert bob.client.get("/v1/me").status_code == 200


def test_set_password_signs_out_and_resets_failed_attempts(throttled: Server, tmp_path: Path) -> None:
    alice = throttled.person("alice")
    statuses = [status_of_login(throttled, alice, "wisteria no more") for _ in range(3)]
    assert statuses == [401, 401, 429]
    result = account(throttled, "set-password", alice.email)
    assert result.out == f"Set the password of {alice.email}. Devices signed out: 1.\n"
    assert alice.client.get("/v1/me").status_code == 401
    assert status_of_login(throttled, alice, PASSWORD) == 200
    assert status_of_login(throttled, alice, OLD_PASSWORD) == 401
    file = tmp_path / "password"
    file.write_text("glicinia nel vento\n")
    changed = as_json(account(throttled, "set-password", alice.email, "--password-file", str(file), "--json"))
    assert changed["devices_signed_out"] == 1
    assert status_of_login(throttled, alice, "glicinia nel vento") == 200


def test_set_password_works_before_the_first_start_and_not_with_a_broken_keyring(databases: Databases) -> None:
    url = databases.fresh("sqlite")
    assert afterglow("account", "add", "alice@example.com", stdin=PASSWORD, database_url=url).status == 0
    settings = {"database_url": url, "keyring": "keys.json"}
    first = afterglow("account", "set-password", "alice@example.com", stdin=PASSWORD, **settings)
    assert first.out == "Set the password of alice@example.com.\n"
    Path("keys.json").write_text("wisteria")
    broken = afterglow("account", "set-password", "alice@example.com", stdin=PASSWORD, **settings)
    assert_fails(broken, "AFTERGLOW_KEYRING [^\n]+; nothing was changed")


@pytest.mark.parametrize("content", [b"short", b"", b"\xff" * 20, b"w" * 257], ids=["short", "empty", "bytes", "long"])
@pytest.mark.parametrize("command", [["add", "new@example.com"], ["set-password", "alice@example.com"]], ids=" ".join)
def test_invalid_passwords_in_a_file_are_refused(databases: Databases, command: list[str], content: bytes) -> None:
    url = databases.fresh("sqlite")
    afterglow("account", "add", "alice@example.com", stdin=PASSWORD, database_url=url)
    Path("password").write_bytes(content)
    settings = {"database_url": url, "keyring": "none.json"}
    assert_fails(afterglow("account", *command, "--password-file", "password", **settings), INVALID)
    missing = afterglow("account", *command, "--password-file", "none", **settings)
    assert_fails(missing, "none cannot be read")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", ["nobody@example.com", str(UUID(int=7)), "wisteria", "", "%"])
def test_an_unknown_account_is_refused(databases: Databases, command: str, name: str) -> None:
    settings = {"database_url": databases.fresh("sqlite"), "keyring": "none.json"}
    result = afterglow("account", command, name, *COMMANDS[command], stdin=PASSWORD, **settings)
    assert_fails(result, f"no account has the e-mail address or id {name}; nothing was changed")


@pytest.mark.parametrize("command", ["list", *COMMANDS])
def test_without_a_schema_each_command_says_what_to_run(databases: Databases, database: str, command: str) -> None:
    settings = {"database_url": databases.fresh(database, migrated=False), "keyring": "none.json"}
    words = [] if command == "list" else ["alice@example.com", *COMMANDS[command]]
    result = afterglow("account", command, *words, stdin=PASSWORD, **settings)
    assert_fails(result, "[^\n]+ `afterglow migrate`[^\n]*", status=78)


@pytest.mark.parametrize(("answer", "said"), [("n", "nothing was changed"), ("y", "Closed alice@example.com.")])
def test_close_asks_at_a_terminal(databases: Databases, answer: str, said: str) -> None:
    url = databases.fresh("sqlite")
    afterglow("account", "add", "alice@example.com", stdin=PASSWORD, database_url=url)
    controller, terminal = os.openpty()
    process = subprocess.Popen(
        [AFTERGLOW, "account", "close", "alice@example.com"],
        env=os.environ | {"AFTERGLOW_DATABASE_URL": url},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    shown = b""
    while b"[y/N]: " not in shown:
        shown += os.read(controller, 1024)
    os.write(controller, f"{answer}\n".encode())
    while said.encode() not in shown:
        shown += os.read(controller, 1024)
    assert process.wait(SECONDS) == int(answer == "n")
    os.close(controller)
    os.close(terminal)
