"""The command line: each command as its own process, and every refusal as one clear line."""

import asyncio
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import httpx2 as httpx
import orjson
import pytest
from typer.testing import CliRunner

from app import cli, demo
from app.clock import now
from app.db import schema
from app.demo.journey import journey
from app.identity.accounts import BY_EMAIL
from app.problems import Unavailable
from app.resources import RESOURCES
from app.settings import Settings
from tests.conftest import Databases
from tests.db.opened import over
from tests.witness import Client

AFTERGLOW = Path(sys.executable).with_name("afterglow")
PASSWORD = "wisteria by the gate"
SECONDS = 90
COMMANDS = ["serve", "migrate", "account add", "keys create", "keys list", "keys rotate", "keys retire", "openapi"]


class Said(NamedTuple):
    """What a command said, and with which status it ended."""

    status: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin in an empty folder, with no setting set."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("AFTERGLOW_"):
            monkeypatch.delenv(name)


def afterglow(*arguments: str, given: str = "", **settings: str) -> Said:
    """Run a command in this process."""
    environment = {f"AFTERGLOW_{name.upper()}": value for name, value in settings.items()}
    result = CliRunner().invoke(cli.cli, list(arguments), input=given, env=environment)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Said(result.exit_code, result.stdout, result.stderr)


def refused(said: Said, pattern: str, status: int = 1) -> None:
    """Expect one clear line that matches, and nothing else."""
    assert said.status == status
    assert said.out == ""
    assert re.fullmatch(rf"afterglow: {pattern}\n", said.err), said.err


def free_port() -> str:
    """Return a port that nobody listens on."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


@contextmanager
def running(*arguments: str, **settings: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Serve on a free port as a process of its own, and yield the address once it answers."""
    port = free_port()
    process = subprocess.Popen(
        [AFTERGLOW, "serve", "--port", port, *arguments],
        env=os.environ | {f"AFTERGLOW_{name.upper()}": value for name, value in settings.items()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + SECONDS
        while not _answers(int(port)):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}", process
    finally:
        with suppress(ProcessLookupError):  # the workers, too
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=SECONDS)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/livez").status_code == 200
    except httpx.TransportError:
        return False


def ended(process: "subprocess.Popen[str]") -> Said:
    """Ask a process to stop, and return what it said."""
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=SECONDS)
    return Said(process.returncode, out, err)


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


def test_openapi_prints_the_document() -> None:
    said = afterglow("openapi")
    document = orjson.loads(said.out)
    assert said.status == 0
    assert document["openapi"] == "3.1.0"
    assert {f"/v1/{resource.collection}" for resource in RESOURCES} <= set(document["paths"])


@pytest.mark.parametrize("command", COMMANDS)
def test_a_setting_that_is_not_valid_is_named_without_its_value(command: str) -> None:
    words = [*command.split(), *{"account add": ["a@example.com"], "keys retire": ["wisteria"]}.get(command, [])]
    if command != "keys create":
        said = afterglow(*words, database_pool="wisteria", env="wisteria")
        refused(said, "these settings are not valid, see .env.example: AFTERGLOW_ENV, AFTERGLOW_DATABASE_POOL", 78)


def test_serve_refuses_workers_on_sqlite() -> None:
    refused(afterglow("serve", "--workers", "2"), "SQLite serves one process: [^\n]+")
    assert not Path("afterglow.db").exists()


def test_serve_refuses_a_port_that_is_taken() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        refused(afterglow("serve", "--port", str(port)), f"cannot listen on 127.0.0.1:{port}: [^\n]+")
    refused(afterglow("serve", "--host", "::2"), "cannot listen on ::2:8000: [^\n]+")


def test_serve_refuses_what_production_must_not_start_on() -> None:
    said = afterglow("serve", "--demo", env="production", origins="*,https://wisteria.example")
    assert said.status == 78
    assert said.out == ""
    first, *reasons = said.err.splitlines()
    assert first == "afterglow: not safe to start:"
    assert all(reason.startswith("- AFTERGLOW_") for reason in reasons)
    assert len(reasons) == 6
    assert "wisteria" not in said.err
    assert "afterglow-keys" not in said.err


def test_serve_tells_of_a_database_that_is_nowhere() -> None:
    environment = os.environ | {"AFTERGLOW_DATABASE_URL": "postgresql://nobody:wisteria@127.0.0.1:1/nothing"}
    done = subprocess.run(
        [AFTERGLOW, "serve", "--port", free_port()], env=environment, capture_output=True, text=True, check=False
    )
    said = Said(done.returncode, done.stdout, done.stderr)
    refused(said, "the database cannot be reached or changed: [^\n]+")


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
    while b"Password: " not in shown:  # once the blank is there, nothing is echoed
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


def test_the_demo_serves_one_whole_journey_however_often_it_starts() -> None:
    seen = []
    for _ in range(2):
        with running("--demo") as (url, process):
            said = httpx.get(f"{url}/docs")
            assert said.status_code == 200
            seen.append(_journey(url))
            done = ended(process)
        assert done.status == 0
        assert f"Docs:     {url}/docs\n" in done.out
        assert f"Demo:     {demo.EMAIL}\nPassword: {demo.PASSWORD}\n" in done.out
        lines = [orjson.loads(line) for line in done.err.splitlines()]
        assert {"afterglow.requests", "uvicorn.error"} == {line["logger"] for line in lines}
        assert "Traceback" not in done.err
    assert seen[0] == seen[1]
    collections = [collection for collection, _, _ in journey(now())]
    assert {name: len(items) for name, items in seen[0].items()} == {
        resource.collection: collections.count(resource.collection) for resource in RESOURCES
    }
    with closing(sqlite3.connect("afterglow.db")) as file:
        assert file.execute("SELECT count(*) FROM account").fetchone() == (1,)


def _journey(url: str) -> dict[str, list[object]]:
    credentials = {"email": demo.EMAIL, "password": demo.PASSWORD}
    with Client(url) as anyone:
        token = anyone.post("/v1/auth/login", json=credentials).json()["access_token"]
    with Client(url, token) as ilse:
        return {
            resource.collection: ilse.get(f"/v1/{resource.collection}", params={"limit": 200}).json()["items"]
            for resource in RESOURCES
        }


def test_several_workers_serve_postgresql(databases: Databases) -> None:
    with running("--workers", "2", database_url=databases.fresh("postgresql")) as (url, process):
        assert [httpx.get(f"{url}/readyz").status_code for _ in range(20)] == [200] * 20
        assert ended(process).status == 0


def test_production_serves_without_migrating_and_without_docs(databases: Databases, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    assert afterglow("keys", "create", str(path)).status == 0
    settings = {
        "env": "production",
        "allow_sqlite": "true",
        "keyring": str(path),
        "issuer": "https://wisteria.example",
        "mail": "smtp",
        "database_url": databases.fresh("sqlite", migrated=False),
    }
    with running(**settings) as (url, process):
        assert httpx.get(f"{url}/readyz").status_code == 503
        assert httpx.get(f"{url}/docs").status_code == 404
        assert ended(process)[:2] == (0, "")


def test_the_demo_is_planted_once_over_any_database(databases: Databases, database: str, tmp_path: Path) -> None:
    settings = Settings(database_url=databases.fresh(database), keyring=tmp_path / "keys.json")
    assert afterglow("keys", "create", str(settings.keyring)).status == 0
    for _ in range(2):
        asyncio.run(demo.plant(settings))
    assert over(settings, lambda db: db.one(BY_EMAIL, email_key=demo.EMAIL)) is not None


def test_the_demo_without_a_schema_is_unavailable(databases: Databases, tmp_path: Path) -> None:
    settings = Settings(database_url=databases.fresh("sqlite", migrated=False), keyring=tmp_path / "keys.json")
    assert afterglow("keys", "create", str(settings.keyring)).status == 0
    with pytest.raises(Unavailable):
        asyncio.run(demo.plant(settings))


def test_keys_are_listed_rotated_and_retired(tmp_path: Path) -> None:
    path = str(tmp_path / "keys.json")
    for command in (("list",), ("rotate",), ("retire", "wisteria")):
        refused(afterglow("keys", *command, keyring=path), "AFTERGLOW_KEYRING names a file that cannot be read")
    afterglow("keys", "create", path)
    listed = afterglow("keys", "list", keyring=path).out
    signing, coming = (line.split("  ")[0] for line in listed.splitlines())
    assert listed == f"{signing}  current\n{coming}  next\n"
    assert afterglow("keys", "rotate", keyring=path) == Said(0, f"{coming} signs now.\n", "")
    after = afterglow("keys", "list", keyring=path).out
    assert re.match(rf"{signing}  retired  until \S+Z\n{coming}  current\n\S+  next\n", after)
    assert afterglow("keys", "retire", coming, keyring=path).status == 0
    assert f"{coming}  retired\n" in afterglow("keys", "list", keyring=path).out
    refused(afterglow("keys", "retire", "wisteria", keyring=path), "the keyring has no key wisteria")
