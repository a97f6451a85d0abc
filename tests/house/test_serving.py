"""`afterglow serve`: what it refuses to start with, and what it serves in a process of its own."""

import asyncio
import os
import socket
import sqlite3
import subprocess
from contextlib import closing
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

import httpx2 as httpx
import orjson
import pytest

from app import demo, starting
from app.cli import preparing
from app.clinics.consent_tables import EndedBy
from app.clock import now
from app.composition import build_services
from app.db import Database, Row
from app.demo.journey import journey
from app.identity.accounts import BY_EMAIL
from app.keyring import Keyring
from app.leaving.closing import close as close_account
from app.problems import Unavailable
from app.resources import RESOURCES
from app.server.sockets import LISTENERS_PER_WORKER
from app.settings import Settings
from migrations import HEAD
from tests.conftest import Databases
from tests.db.helpers import with_database
from tests.house.commands import AFTERGLOW, Result, afterglow, assert_fails, running_server, terminate
from tests.house.starting import free_port
from tests.witness import Client

NOT_MIGRATED = "the database has not been migrated to this version: run `afterglow migrate`"
SESSIONS_OF_CLINIC = 2
"""The sessions of the demo that its clinic manages."""
COPIES_OF_EXAMPLE = 2
"""The records of each kind outside the journey: one that the examples read, and one that they remove."""

pytestmark = pytest.mark.usefixtures("empty_folder")


def test_serve_refuses_workers_on_sqlite() -> None:
    assert_fails(afterglow("serve", "--workers", "2"), "SQLite serves one process: [^\n]+", 78)
    assert not Path("afterglow.db").exists()


def test_serve_refuses_a_port_that_is_taken() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        assert_fails(
            afterglow("serve", "--port", str(port)), f"cannot listen on 127.0.0.1:{port}: the port is in use: [^\n]+"
        )
    for host in ("::2", "203.0.113.1", "http://127.0.0.1", "nowhere.invalid"):
        line = f"cannot listen on {host}:8000: it is not an IP address of this machine: see --host"
        assert_fails(afterglow("serve", "--host", host), line)


def test_serve_names_each_setting_that_is_not_safe_in_production() -> None:
    result = afterglow("serve", "--demo", env="production", origins="*,https://wisteria.example")
    assert result.status == 78
    assert result.out == ""
    first, *reasons = result.err.splitlines()
    assert first == "afterglow: not safe to start:"
    assert all(reason.startswith("- AFTERGLOW_") for reason in reasons)
    assert len(reasons) == 7
    assert "wisteria" not in result.err


def test_serve_fails_if_the_database_cannot_be_reached() -> None:
    environment = os.environ | {"AFTERGLOW_DATABASE_URL": "postgresql://nobody:wisteria@127.0.0.1:1/nothing"}
    done = subprocess.run(
        [AFTERGLOW, "serve", "--port", str(free_port())], env=environment, capture_output=True, text=True, check=False
    )
    result = Result(done.returncode, done.stdout, done.stderr)
    assert_fails(result, "nothing listens on the host and port in AFTERGLOW_DATABASE_URL: [^\n]+")


def test_every_start_of_the_demo_serves_the_same_journey() -> None:
    seen = []
    for _ in range(2):
        with running_server("--demo") as (url, process):
            assert httpx.get(f"{url}/docs").status_code == 200
            seen.append(read_journey(url))
            result = terminate(process)
        assert result.status == 0
        assert f"Docs:     {url}/docs\n" in result.out
        assert f"Demo:     {demo.EMAIL}\nPassword: {demo.PASSWORD}\n" in result.out
        lines = [orjson.loads(line) for line in result.err.splitlines()]
        assert {"afterglow.audit", "afterglow.requests", "uvicorn.error"} == {line["logger"] for line in lines}
        assert "Traceback" not in result.err
    assert seen[0] == seen[1]
    collections = [collection for collection, _, _ in journey(now())] + ["sessions"] * SESSIONS_OF_CLINIC
    assert {name: len(items) for name, items in seen[0].items()} == {
        resource.collection: collections.count(resource.collection) or COPIES_OF_EXAMPLE for resource in RESOURCES
    }
    with closing(sqlite3.connect("afterglow.db")) as file:
        assert file.execute("SELECT count(*) FROM account").fetchone() == (1,)


def read_journey(url: str) -> dict[str, list[object]]:
    """Return the records of the demo's person, by collection."""
    credentials = {"email": demo.EMAIL, "password": demo.PASSWORD}
    with Client(url) as anyone:
        token = anyone.post("/v1/auth/login", json=credentials).json()["access_token"]
    with Client(url, token) as ilse:
        return {
            resource.collection: ilse.get(f"/v1/{resource.collection}", params={"limit": 200}).json()["items"]
            for resource in RESOURCES
        }


@pytest.mark.parametrize("root_path", ["", "/wisteria"])
def test_the_printed_command_requests_a_token(monkeypatch: pytest.MonkeyPatch, root_path: str) -> None:
    monkeypatch.setenv("AFTERGLOW_ROOT_PATH", root_path)
    with running_server("--demo", "--host", "0.0.0.0") as (url, process):  # noqa: S104
        assert process.stdout is not None
        line = next(line for line in process.stdout if line.startswith("Clinic: "))
        command = line.removeprefix("Clinic: ").split()
        result = afterglow(*command[1:])
    assert command[-2:] == ["--url", url + root_path]
    assert (result.status, result.err) == (0, "")


def test_the_printed_command_has_no_url_that_is_the_default(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(starting, "run_in_child", lambda work, settings: [each(settings) for each in work])
    settings = Settings(database_url=databases.fresh("sqlite"), keyring=tmp_path / "keys.json")
    assert afterglow("keys", "create", str(settings.keyring)).status == 0
    preparing.prepare(settings, "http://127.0.0.1:8000", wants_demo=True)
    assert capsys.readouterr().out.endswith(f" --key {demo.key_file(settings)}\n")


def test_several_workers_serve_postgresql(databases: Databases) -> None:
    with running_server("--workers", "2", database_url=databases.fresh("postgresql")) as (url, process):
        assert [httpx.get(f"{url}/readyz").status_code for _ in range(20)] == [200] * 20
        tasks = Path(f"/proc/{process.pid}/task").glob("*/children")
        environments = [
            Path(f"/proc/{each}/environ").read_text() for task in tasks for each in task.read_text().split()
        ]
        assert terminate(process).status == 0
    share = f"AFTERGLOW_HASH_THREADS={Settings().hashes_at_once(2)}\0"
    assert len(environments) >= 2
    assert all(share in environment for environment in environments)


def test_a_worker_listens_on_several_sockets() -> None:
    with running_server() as (url, process):
        every = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
        port = f":{int(url.rpartition(':')[2]):04X}"
        listening = [line for line in every if line[1].endswith(port) and line[3] == "0A"]
        terminate(process)
    assert len(listening) == LISTENERS_PER_WORKER


def test_production_serves_without_migrating_and_without_docs(databases: Databases, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    assert afterglow("keys", "create", str(path)).status == 0
    settings = {
        "env": "production",
        "allow_sqlite": "true",
        "keyring": str(path),
        "issuer": "https://wisteria.example",
        "mail": "smtp",
        "mail_from": "hello@wisteria.example",
        "database_url": databases.fresh("sqlite", migrated=False),
        "drain_seconds": "0",
    }
    with running_server(**settings) as (url, process):
        ready = httpx.get(f"{url}/readyz")
        assert (ready.status_code, ready.json()["cause"]) == (503, "not-migrated")
        assert "`afterglow migrate`" in ready.json()["detail"]
        assert httpx.get(f"{url}/docs", headers={"Host": "wisteria.example"}).status_code == 404
        status, said, errors = terminate(process)
        warnings = [line for line in errors.splitlines() if line.startswith("afterglow: ")]
        assert warnings[-1] == f"afterglow: not ready: {NOT_MIGRATED}"
        assert all(line.startswith("afterglow: warning: helplines of ") for line in warnings[:-1])
        assert (status, said) == (0, f"Afterglow {version('afterglow')}, production, SQLite, schema {HEAD}: {url}\n")


def test_only_an_outdated_schema_is_migrated(
    databases: Databases, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[int] = []
    monkeypatch.setattr(starting, "run_in_child", lambda work, _settings: done.append(len(work)))
    for migrated in (True, False):
        url = databases.fresh(database, migrated=migrated)
        settings = Settings(database_url=url, keyring=tmp_path / "keys.json")
        preparing.prepare(settings, "http://127.0.0.1:8000", wants_demo=False)
    assert done == [1]


def test_the_demo_is_created_once_on_any_database(databases: Databases, database: str, tmp_path: Path) -> None:
    settings = Settings(database_url=databases.fresh(database), keyring=tmp_path / "keys.json")
    assert afterglow("keys", "create", str(settings.keyring)).status == 0
    for _ in range(2):
        asyncio.run(demo.create_demo(settings))
    assert with_database(settings, lambda db: db.one(BY_EMAIL, email_key=demo.EMAIL)) is not None


@pytest.mark.parametrize("days", [1, 0], ids=["can be reopened", "is being erased"])
def test_a_closed_demo_account_is_open_after_the_next_start(
    databases: Databases, database: str, tmp_path: Path, days: int
) -> None:
    settings = Settings(database_url=databases.fresh(database), keyring=tmp_path / "keys.json")
    assert afterglow("keys", "create", str(settings.keyring)).status == 0
    asyncio.run(demo.create_demo(settings))

    async def close(db: Database) -> Row:
        account = await db.only(BY_EMAIL, email_key=demo.EMAIL)
        async with db.transaction() as tx:
            services = build_services(settings, db, Keyring(settings.keyring))
            await close_account(tx, services, account["id"], EndedBy.PATIENT, now() + timedelta(days=days))
        return account

    before = with_database(settings, close)
    asyncio.run(demo.create_demo(settings))
    account = with_database(settings, lambda db: db.only(BY_EMAIL, email_key=demo.EMAIL))
    assert account["closed_at"] is None
    assert (account["id"] == before["id"]) == (days > 0)


def test_the_demo_without_a_schema_is_unavailable(databases: Databases, tmp_path: Path) -> None:
    settings = Settings(database_url=databases.fresh("sqlite", migrated=False), keyring=tmp_path / "keys.json")
    assert afterglow("keys", "create", str(settings.keyring)).status == 0
    with pytest.raises(Unavailable):
        asyncio.run(demo.create_demo(settings))


@pytest.mark.parametrize(
    ("proxies", "is_trusted"),
    [("127.0.0.1", True), ("203.0.113.1", False), ("", False)],
    ids=["trusted", "another is trusted", "none is trusted"],
)
def test_x_forwarded_for_counts_only_from_a_trusted_proxy(
    databases: Databases, proxies: str, *, is_trusted: bool
) -> None:
    settings = {"database_url": databases.fresh("sqlite"), "trusted_proxies": proxies, "throttle_client": "2"}
    with running_server(**settings) as (url, _), Client(url) as anyone:

        def statuses(client: str) -> list[int]:
            headers = {"X-Forwarded-For": f"10.9.9.9, {client}"}
            refresh = {"refresh_token": "wisteria"}
            return [anyone.post("/v1/auth/refresh", json=refresh, headers=headers).status_code for _ in range(3)]

        assert statuses("198.51.100.1") == [401, 401, 429]
        assert statuses("198.51.100.2") == ([401, 401, 429] if is_trusted else [429] * 3)
        assert statuses("2001:db8::1") == ([401, 401, 429] if is_trusted else [429] * 3)
        assert statuses("2001:db8::2") == [429] * 3
