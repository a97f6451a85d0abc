"""The command line: every command but `serve`, and every refusal as one clear line."""

import os
import re
import subprocess
from pathlib import Path

import orjson
import pytest

from app.db import schema
from app.identity.accounts import BY_EMAIL
from app.resources import RESOURCES
from app.settings import Settings
from tests.conftest import Databases
from tests.db.opened import over
from tests.house.commands import AFTERGLOW, PASSWORD, SECONDS, Said, afterglow, refused
from tests.waiting import later

COMMANDS = [
    "serve",
    "migrate",
    "purge",
    "restored",
    "account add",
    "keys create",
    "keys list",
    "keys rotate",
    "keys retire",
    "openapi",
]

pytestmark = pytest.mark.usefixtures("elsewhere")


def test_every_command_has_help_that_names_what_it_takes() -> None:
    for command in ["", *COMMANDS, "account", "keys"]:
        said = afterglow(*command.split(), "--help")
        assert said.status == 0
        assert f"Usage: root {command}".strip() in said.out
    assert {"--demo", "--host", "--port", "--workers"} <= set(re.findall(r"--\w+", afterglow("serve", "--help").out))
    assert "--role" in afterglow("account", "add", "--help").out


def test_the_installed_command_tells_what_there_is() -> None:
    said = subprocess.run([AFTERGLOW, "--help"], capture_output=True, text=True, check=True)
    for command in COMMANDS:
        assert command.split()[0] in said.stdout
    nothing = subprocess.run([AFTERGLOW], capture_output=True, text=True, check=False)
    assert nothing.returncode != 0
    assert "Traceback" not in nothing.stderr


def test_a_command_that_there_is_not_is_told_beside_the_nearest_one() -> None:
    said = afterglow("server")
    assert said.status == 2
    assert "No such command 'server'. Did you mean 'serve'?" in said.err


def test_openapi_prints_the_document() -> None:
    said = afterglow("openapi")
    document = orjson.loads(said.out)
    assert said.status == 0
    assert document["openapi"] == "3.1.0"
    assert {f"/v1/{resource.collection}" for resource in RESOURCES} <= set(document["paths"])


@pytest.mark.parametrize("command", [each for each in COMMANDS if each != "keys create"])  # which takes no setting
def test_a_setting_that_is_not_valid_is_named_without_its_value(command: str) -> None:
    words = [*command.split(), *{"account add": ["a@example.com"], "keys retire": ["wisteria"]}.get(command, [])]
    said = afterglow(*words, database_pool="wisteria", env="wisteria")
    refused(said, "these settings are not valid, see .env.example: AFTERGLOW_ENV, AFTERGLOW_DATABASE_POOL", 78)


def test_migrate_tells_what_it_did_and_can_be_repeated(databases: Databases, database: str) -> None:
    url = databases.fresh(database, migrated=False)
    first = afterglow("migrate", database_url=url)
    assert first.status == 0
    assert first.out.splitlines()[-1] == f"The schema is at {schema.HEAD}."
    assert len(first.out.splitlines()) == int(schema.HEAD) + 1
    assert afterglow("migrate", database_url=url).out == f"The schema is at {schema.HEAD}.\n"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://nobody:wisteria@127.0.0.1:1/nothing",
        "postgresql://nobody@nowhere.invalid/nothing",
        "sqlite:////nowhere/wisteria.db",
    ],
)
def test_migrate_and_account_add_tell_of_a_database_that_is_nowhere(url: str) -> None:
    refused(afterglow("migrate", database_url=url), "the database cannot be reached or changed: [^\n]+")
    said = afterglow("account", "add", "alice@example.com", given=PASSWORD, database_url=url)
    refused(said, "the database does not answer, or has no schema yet: [^\n]+")


def test_migrate_tells_of_a_database_that_does_not_exist(databases: Databases) -> None:
    url = databases.fresh("postgresql").replace("/fresh_", "/gone_")
    refused(afterglow("migrate", database_url=url), "the database cannot be reached or changed: [^\n]+")


def test_account_add_makes_an_account_once(databases: Databases, database: str) -> None:
    url = databases.fresh(database)
    settings = Settings(database_url=url)
    added = afterglow(
        "account", "add", "Alice@example.com", "--role", "clinician", given=f"{PASSWORD}\n", database_url=url
    )
    assert added == Said(0, "Added Alice@example.com as clinician.\n", "")
    before = over(settings, lambda db: db.one(BY_EMAIL, email_key="alice@example.com"))
    again = afterglow("account", "add", "alice@EXAMPLE.com", given="another wisteria", database_url=url)
    refused(again, "an account with the address alice@EXAMPLE.com exists already; nothing was changed")
    assert over(settings, lambda db: db.one(BY_EMAIL, email_key="alice@example.com")) == before


@pytest.mark.parametrize(
    ("address", "password", "demand"),
    [
        ("wisteria", PASSWORD, "an e-mail address"),
        ("a@b@example.com", PASSWORD, "an e-mail address"),
        ("alice@example.com", "short", "a password of 8 to 256 characters that nobody would guess"),
        ("alice@example.com", "", "a password of 8 to 256 characters that nobody would guess"),
        ("alice@example.com", "w" * 257, "a password of 8 to 256 characters that nobody would guess"),
    ],
)
def test_account_add_refuses(databases: Databases, address: str, password: str, demand: str) -> None:
    said = afterglow("account", "add", address, given=password, database_url=databases.fresh("sqlite"))
    refused(said, f"this is not {demand}")


def test_account_add_without_a_schema_says_what_to_do(databases: Databases, database: str) -> None:
    url = databases.fresh(database, migrated=False)
    said = afterglow("account", "add", "alice@example.com", given=PASSWORD, database_url=url)
    refused(said, "the database does not answer, or has no schema yet: [^\n]+ `afterglow migrate`")


def test_account_add_asks_at_a_terminal_without_showing_the_password(databases: Databases) -> None:
    controller, terminal = os.openpty()
    process = subprocess.Popen(
        [AFTERGLOW, "account", "add", "alice@example.com"],
        env=os.environ | {"AFTERGLOW_DATABASE_URL": databases.fresh("sqlite")},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    shown = b""
    for asked in (b"Password: ", b"The same again: "):  # once the blank is there, nothing is echoed
        while asked not in shown:
            shown += os.read(controller, 1024)
        os.write(controller, f"{PASSWORD}\n".encode())
    while b"Added alice@example.com as person." not in shown:
        shown += os.read(controller, 1024)
    assert process.wait(SECONDS) == 0
    assert PASSWORD.encode() not in shown
    os.close(controller)
    os.close(terminal)


def test_keys_create_writes_a_keyring_once(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    assert afterglow("keys", "create", str(path)).status == 0
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.read_bytes()
    refused(afterglow("keys", "create", str(path)), f"{path} exists already; nothing was changed")
    assert path.read_bytes() == before
    nowhere = tmp_path / "nowhere" / "keys.json"
    refused(afterglow("keys", "create", str(nowhere)), f"{nowhere} cannot be written")


def test_keys_are_listed_rotated_and_retired(tmp_path: Path) -> None:
    path = str(tmp_path / "keys.json")
    for command in (("list",), ("rotate",), ("retire", "wisteria")):
        refused(afterglow("keys", *command, keyring=path), "AFTERGLOW_KEYRING names a file that cannot be read")
    afterglow("keys", "create", path)
    listed = afterglow("keys", "list", keyring=path).out
    signing, coming = (line.split("  ")[0] for line in listed.splitlines())
    assert listed == f"{signing}  current\n{coming}  next\n"
    refused(afterglow("keys", "rotate", keyring=path), "the next key is too new [^\n]+; rotate 2 seconds later")
    assert afterglow("keys", "list", keyring=path).out == listed
    with later(seconds=2):
        assert afterglow("keys", "rotate", keyring=path) == Said(0, f"{coming} signs now.\n", "")
    after = afterglow("keys", "list", keyring=path).out
    assert re.match(rf"{signing}  retired  until \S+Z\n{coming}  current\n\S+  next\n", after)
    assert afterglow("keys", "retire", coming, keyring=path).status == 0
    assert f"{coming}  retired\n" in afterglow("keys", "list", keyring=path).out
    for unknown in ("wisteria", "-PRhwisteria", "--wisteria"):  # one key in 64 begins with a hyphen
        refused(afterglow("keys", "retire", unknown, keyring=path), f"the keyring has no key {unknown}")
    with Path(path).open() as file:
        elsewhere = f"/proc/self/fd/{file.fileno()}"  # a file whose folder takes no other
        refused(afterglow("keys", "retire", coming, keyring=elsewhere), f"{elsewhere} cannot be changed")
