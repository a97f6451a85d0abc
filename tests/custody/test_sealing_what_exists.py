"""The migration that seals what was stored in clear, and the way back for a failed release."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.db import Statement, schema
from app.resources import RESOURCES
from tests.conftest import Databases, Servers
from tests.drafts import FIRST_KINDS, create_record, etag
from tests.house.commands import AFTERGLOW, SECONDS
from tests.rows import dump_database
from tests.serving import Person, Server
from tests.sync.sync_client import SyncClient, upsert

BEFORE_SEALING = "0009"
PLAIN = Statement(
    sa.text("SELECT document FROM change WHERE document IS NOT NULL").columns(sa.column("document", sa.String))
)


@pytest.fixture
def server(servers: Servers, databases: Databases, database: str) -> Server:
    return servers.start(servers.settings(database, database_url=databases.fresh(database)))


def answers(person: Person) -> list[bytes]:
    """Return everything that a person reads."""
    paths = [*(f"{resource.path}?limit=200" for resource in RESOURCES), "/v1/sync/changes?limit=1000"]
    return [person.client.get(path).content for path in paths]


def test_down_and_up_again_answers_byte_for_byte(server: Server, keyring: Path, alice: Person, bob: Person) -> None:
    url = server.settings.database_url
    for person in (alice, bob):
        for resource in RESOURCES:
            if resource.collection in FIRST_KINDS:
                create_record(person.client, resource, person, **FIRST_KINDS[resource.collection])
    gone = create_record(alice.client, RESOURCES[0], alice)
    alice.client.delete(f"{RESOURCES[0].path}/{gone['id']}", headers=etag(gone))
    before = [answers(person) for person in (alice, bob)]
    reported: list[str] = []
    schema.migrate(url, BEFORE_SEALING, reported.append, keyring)
    assert "opened 12 records" in reported
    assert len(server.run(server.db.all(PLAIN))) == 12
    assert b"wisteria at the gate" in plain_documents(server)
    reported.clear()
    schema.migrate(url, "head", reported.append, keyring)
    assert "sealed 12 records" in reported
    for person in (alice, bob):
        server.services.data_keys.forget(person.id)
    assert [answers(person) for person in (alice, bob)] == before
    assert b"wisteria at the gate" not in dump_database(server)
    server.end_test()


def plain_documents(server: Server) -> bytes:
    """Return the documents that are stored in clear."""
    return b"".join(row["document"].encode() for row in server.run(server.db.all(PLAIN)))


def test_a_killed_migration_goes_on(server: Server, keyring: Path, alice: Person) -> None:
    url, sync = server.settings.database_url, SyncClient(alice)
    for _ in range(6):
        sync.push(*(upsert("reflections", set={"body": "wisteria " * 100}) for _ in range(500)))
    before = sync.pull()
    schema.migrate(url, BEFORE_SEALING, keyring=keyring)
    command = [str(AFTERGLOW), "migrate"]
    settings = {"AFTERGLOW_DATABASE_URL": url, "AFTERGLOW_KEYRING": str(keyring), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, env=os.environ | settings, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if "sealed 1000 records" in line:
            process.send_signal(signal.SIGKILL)
            break
    process.communicate(timeout=SECONDS)
    assert process.returncode == -signal.SIGKILL
    done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, check=True)
    sealed = [line for line in done.stdout.splitlines() if "sealed" in line]
    assert sealed
    assert "sealed 3000 records" not in done.stdout  # only what was left
    server.services.data_keys.forget(alice.id)
    assert sync.pull() == before
    server.end_test()


def test_without_the_keyring_nothing_is_migrated(server: Server, keyring: Path, alice: Person, tmp_path: Path) -> None:
    url = server.settings.database_url
    create_record(alice.client, RESOURCES[0], alice)
    schema.migrate(url, BEFORE_SEALING, keyring=keyring)
    content = json.loads(keyring.read_text())
    del content["sealing"]
    (tmp_path / "older.json").write_text(json.dumps(content))
    for name, message in (("none", "does not exist"), ("older", "has no key-encryption key yet")):
        with pytest.raises(schema.MigrationError, match=message):
            schema.migrate(url, keyring=tmp_path / f"{name}.json")
    schema.migrate(url, keyring=keyring)
    server.end_test()
