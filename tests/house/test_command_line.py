"""The command line: every command except `serve`. Every error is one line on the standard error."""

import os
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

import orjson
import pytest

from app.db import schema
from app.identity.accounts import BY_EMAIL
from app.resources import RESOURCES
from app.settings import Settings
from tests.conftest import Databases
from tests.db.helpers import with_database
from tests.house.commands import AFTERGLOW, PASSWORD, SECONDS, afterglow, assert_fails
from tests.waiting import later

NO_ID = "019aa2c4-7b00-7000-8000-000000000000"
COMMANDS = [
    "serve",
    "migrate",
    "purge",
    "prune",
    "restored",
    "account add",
    "account list",
    "account show",
    "account close",
    "account reopen",
    "account role",
    "account sign-out",
    "account set-password",
    "clinic add",
    "clinic list",
    "clinic end",
    "clinic client add",
    "clinic client list",
    "clinic client keys",
    "clinic client end",
    "keys create",
    "keys list",
    "keys rotate",
    "keys retire",
    "openapi",
]
ARGUMENTS = {
    "account add": ["a@example.com"],
    "account show": ["a@example.com"],
    "account close": ["a@example.com"],
    "account reopen": ["a@example.com"],
    "account role": ["a@example.com", "admin"],
    "account sign-out": ["a@example.com"],
    "account set-password": ["a@example.com"],
    "clinic add": ["Wisteria"],
    "clinic end": [NO_ID],
    "clinic client add": [NO_ID, "--jwks", "keys.json", "--scope", "system/*.*"],
    "clinic client keys": [NO_ID],
    "clinic client end": [NO_ID],
    "keys retire": ["wisteria"],
}
"""The arguments that a command requires."""

pytestmark = pytest.mark.usefixtures("empty_folder")


@pytest.mark.parametrize("command", ["", *COMMANDS, "account", "clinic", "clinic client", "keys"])
def test_every_command_has_help(command: str) -> None:
    result = afterglow(*command.split(), "--help")
    assert result.status == 0
    assert f"Usage: root {command}".strip() in result.out


def test_help_lists_the_options() -> None:
    assert {"--demo", "--host", "--port", "--workers"} <= set(re.findall(r"--\w+", afterglow("serve", "--help").out))
    assert "--role" in afterglow("account", "add", "--help").out


def test_the_installed_command_lists_the_commands() -> None:
    done = subprocess.run([AFTERGLOW, "--help"], capture_output=True, text=True, check=True)
    for command in COMMANDS:
        assert command.split()[0] in done.stdout
    nothing = subprocess.run([AFTERGLOW], capture_output=True, text=True, check=False)
    assert nothing.returncode != 0
    assert "Traceback" not in nothing.stderr


def test_an_unknown_command_is_refused_with_a_suggestion() -> None:
    result = afterglow("server")
    assert result.status == 2
    assert "No such command 'server'. Did you mean 'serve'?" in result.err


def test_openapi_prints_the_document() -> None:
    result = afterglow("openapi")
    document = orjson.loads(result.out)
    assert result.status == 0
    assert document["openapi"] == "3.1.0"
    assert {f"/v1/{resource.collection}" for resource in RESOURCES} <= set(document["paths"])


@pytest.mark.parametrize("command", [each for each in COMMANDS if each != "keys create"])  # it reads no setting
def test_an_invalid_setting_is_named_without_its_value(command: str) -> None:
    words = [*command.split(), *ARGUMENTS.get(command, [])]
    result = afterglow(*words, database_pool="wisteria", env="wisteria")
    lines = [
        "invalid settings:",
        "- AFTERGLOW_ENV must be development or production",
        "- AFTERGLOW_DATABASE_POOL must be a whole number from 1 to 200",
    ]
    assert_fails(result, "\n".join(lines), 78)


def test_migrate_prints_each_step_and_can_be_repeated(databases: Databases, database: str) -> None:
    url = databases.fresh(database, migrated=False)
    first = afterglow("migrate", database_url=url)
    assert first.status == 0
    assert first.out.splitlines()[-1] == f"The schema is at version {schema.HEAD}."
    assert len(first.out.splitlines()) == int(schema.HEAD) + 1
    assert afterglow("migrate", database_url=url).out == f"The schema is at version {schema.HEAD}.\n"


@pytest.mark.parametrize(
    ("url", "line", "status"),
    [
        ("postgresql://nobody:wisteria@127.0.0.1:1/nothing", "nothing listens on the host and port in NAME: [^\n]+", 1),
        ("postgresql://nobody@nowhere.invalid/nothing", "the host name in NAME cannot be resolved: [^\n]+", 78),
        ("postgresql://nobody@/nothing?host=/nowhere", "PostgreSQL cannot be reached: [^\n]+", 1),
        ("sqlite:////nowhere/wisteria.db", "the SQLite file in NAME cannot be opened: [^\n]+", 78),
    ],
)
def test_migrate_and_account_add_fail_if_the_database_cannot_be_reached(url: str, line: str, status: int) -> None:
    line = line.replace("NAME", "AFTERGLOW_DATABASE_URL")
    assert_fails(afterglow("migrate", database_url=url), line, status)
    result = afterglow("account", "add", "alice@example.com", stdin=PASSWORD, database_url=url)
    assert_fails(result, line, status)


def test_migrate_fails_if_the_database_does_not_exist(databases: Databases) -> None:
    url = databases.fresh("postgresql").replace("/fresh_", "/gone_")
    assert_fails(afterglow("migrate", database_url=url), "the database named in [^\n]+ does not exist: [^\n]+", 78)


def test_account_add_creates_an_account_once(databases: Databases, database: str) -> None:
    url = databases.fresh(database)
    settings = Settings(database_url=url)
    added = afterglow(
        "account", "add", "Alice@example.com", "--role", "clinician", stdin=f"{PASSWORD}\n", database_url=url
    )
    assert (added.status, added.out) == (0, "Added Alice@example.com as clinician.\n")
    before = with_database(settings, lambda db: db.one(BY_EMAIL, email_key="alice@example.com"))
    again = afterglow("account", "add", "alice@EXAMPLE.com", stdin="another wisteria", database_url=url)
    assert_fails(again, "an account with the e-mail address alice@EXAMPLE.com already exists; nothing was changed")
    assert with_database(settings, lambda db: db.one(BY_EMAIL, email_key="alice@example.com")) == before


@pytest.mark.parametrize(
    ("email", "password", "expected"),
    [
        ("wisteria", PASSWORD, "not an e-mail address"),
        ("a@b@example.com", PASSWORD, "not an e-mail address"),
        ("alice@example.com", "short", "a password must have 8 to 256 characters and must not be a common one"),
        ("alice@example.com", "", "a password must have 8 to 256 characters and must not be a common one"),
        ("alice@example.com", "w" * 257, "a password must have 8 to 256 characters and must not be a common one"),
    ],
)
def test_account_add_refuses_invalid_input(databases: Databases, email: str, password: str, expected: str) -> None:
    result = afterglow("account", "add", email, stdin=password, database_url=databases.fresh("sqlite"))
    assert_fails(result, expected)


def test_account_add_refuses_a_password_made_of_the_email_address(databases: Databases) -> None:
    result = afterglow(
        "account", "add", "alice@example.com", stdin="alice2026\n", database_url=databases.fresh("sqlite")
    )
    assert_fails(result, "a password must not consist of the account's e-mail address")


def test_account_add_without_a_schema_says_what_to_run(databases: Databases, database: str) -> None:
    url = databases.fresh(database, migrated=False)
    result = afterglow("account", "add", "alice@example.com", stdin=PASSWORD, database_url=url)
    assert_fails(result, "the database has not been migrated to this version: run `afterglow migrate`", 78)


def test_account_add_prompts_at_a_terminal_without_showing_the_password(databases: Databases) -> None:
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
    for prompt in (b"Password: ", b"Repeat the password: "):  # after its blank, nothing is echoed
        while prompt not in shown:
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
    assert_fails(afterglow("keys", "create", str(path)), f"{path} already exists; nothing was changed")
    assert path.read_bytes() == before
    nowhere = tmp_path / "nowhere" / "keys.json"
    assert_fails(afterglow("keys", "create", str(nowhere)), f"{nowhere} cannot be written")


def test_keys_are_listed_rotated_and_retired(tmp_path: Path) -> None:
    path = str(tmp_path / "keys.json")
    for command in (("list",), ("rotate",), ("retire", "wisteria")):
        assert_fails(afterglow("keys", *command, keyring=path), f"AFTERGLOW_KEYRING names {path}, [^\n]+")
    afterglow("keys", "create", path)
    listed = afterglow("keys", "list", keyring=path).out
    current, upcoming = (line.split("  ")[0] for line in listed.splitlines())
    assert listed == f"{current}  current\n{upcoming}  next\n"
    assert_fails(
        afterglow("keys", "rotate", keyring=path), "the next key is too new: [^\n]+; rotate again in 2 seconds"
    )
    assert afterglow("keys", "list", keyring=path).out == listed
    with later(seconds=2):
        rotated = afterglow("keys", "rotate", keyring=path)
        assert (rotated.status, rotated.out) == (0, f"The current key is {upcoming}.\n")
    after = afterglow("keys", "list", keyring=path).out
    assert re.match(rf"{current}  retired  until \S+Z\n{upcoming}  current\n\S+  next\n", after)
    assert afterglow("keys", "retire", upcoming, keyring=path).status == 0
    assert f"{upcoming}  retired\n" in afterglow("keys", "list", keyring=path).out
    for unknown in ("wisteria", "-PRhwisteria", "--wisteria"):  # one key id in 64 starts with a hyphen
        assert_fails(afterglow("keys", "retire", unknown, keyring=path), f"the keyring has no key {unknown}")
    with Path(path).open() as file:
        unwritable = f"/proc/self/fd/{file.fileno()}"  # no file can be created in its folder
        assert_fails(afterglow("keys", "retire", upcoming, keyring=unwritable), f"{unwritable} cannot be changed")


def test_account_add_fails_if_no_keyring_can_be_created(tmp_path: Path) -> None:
    settings = {"database_url": f"sqlite:///{tmp_path}/wisteria.db", "keyring": "/proc/wisteria.json"}
    result = afterglow("account", "add", "alice@example.com", stdin=PASSWORD, **settings)
    line = r"AFTERGLOW_KEYRING names /proc/wisteria.json, which cannot be created \(No such file or directory\)"
    assert_fails(result, line)


def test_version_is_printed() -> None:
    assert afterglow("--version").out == f"afterglow {version('afterglow')}\n"
