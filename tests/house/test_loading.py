"""What modules a process loads: those that it needs and no others. Each test runs a new interpreter."""

import os
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import Databases

pytestmark = pytest.mark.usefixtures("empty_folder")
DATABASE_MODULES = {
    "sqlite": {"app.db.sqlite.database", "sqlalchemy.dialects.sqlite"},
    "postgresql": {"app.db.postgres.database", "sqlalchemy.dialects.postgresql"},
}
"""The modules that serve each database."""
UNNEEDED = {
    "typer",
    "alembic",
    "mako",
    "fastapi_offline",
    "prometheus_client",
    "pydantic.v1",
    "fhirkit",
    "icalendar",
    "app.demo",
    "app.records.purging",
}
"""Modules that no worker needs."""
SERVE = """
import asyncio
from app.server.workers import WorkerConfig
from app.identity.accounts import BY_EMAIL

PROTOCOL = "app.server.protocol:LimitedProtocol"

async def serve():
    config = WorkerConfig("app.main:create_app", factory=True, http=PROTOCOL, proxy_headers=False)
    config.load()
    app = config.loaded_app
    async with app.router.lifespan_context(app):
        assert await app.state.services.db.one(BY_EMAIL, email_key="wisteria@example.com") is None

asyncio.run(serve())
"""
REFUSE = """
from app.cli import main
try:
    main()
except SystemExit as end:
    assert end.code == 1, end
"""


def loaded_by(program: str, *arguments: str, **settings: str) -> set[str]:
    """Run a program in a new interpreter, and return the modules that it had loaded at its end."""
    report = "\nimport sys\nprint(*sys.modules)"
    environment = os.environ | {f"AFTERGLOW_{name.upper()}": value for name, value in settings.items()}
    command = [sys.executable, "-c", program + report, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.fixture
def production(tmp_path: Path) -> dict[str, str]:
    """Settings with which a server starts in production."""
    keyring = str(tmp_path / "keys.json")
    loaded_by("from app.cli import main\ntry:\n    main()\nexcept SystemExit:\n    pass", "keys", "create", keyring)
    return {
        "env": "production",
        "allow_sqlite": "true",
        "keyring": keyring,
        "issuer": "https://wisteria.example",
        "mail": "smtp",
        "mail_from": "hello@wisteria.example",
    }


def test_a_worker_loads_no_migrations_no_commands_and_no_other_database(
    databases: Databases, database: str, production: dict[str, str]
) -> None:
    seen = loaded_by(SERVE, **production, database_url=databases.fresh(database))
    other = next(kind for kind in DATABASE_MODULES if kind != database)
    assert seen >= {"app.main", "app.sync.routes", *DATABASE_MODULES[database]}
    assert seen & (UNNEEDED | DATABASE_MODULES[other]) == set()
    assert not {name for name in seen if name == "app.cli" or name.startswith("app.cli.")}


def test_the_process_that_starts_workers_loads_nothing_that_serves(
    databases: Databases, production: dict[str, str]
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])
        url = databases.fresh("postgresql")
        seen = loaded_by(REFUSE, "serve", "--workers", "2", "--port", port, **production, database_url=url)
    assert seen >= {"app.cli.serving", "app.keyring", "uvicorn"}
    assert (
        seen
        & {"app.main", "app.db", "app.identity", "app.http", "fastapi", "sqlalchemy", "asyncpg", "prometheus_client"}
        == set()
    )
