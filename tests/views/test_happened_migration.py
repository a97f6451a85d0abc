"""The migration that dates the records that exist, as the write engine dates them."""

from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from app.db import schema
from app.resources import RESOURCES
from tests.conftest import Databases, Servers
from tests.rows import changes_of
from tests.serving import Person, Server
from tests.views.views import create, get

DATED = "0028"


@pytest.fixture
def server(servers: Servers, databases: Databases, database: str) -> Server:
    return servers.start(servers.settings(database, database_url=databases.fresh(database)))


def test_records_that_exist_are_dated_as_they_were_when_they_were_written(
    server: Server, keyring: Path, alice: Person
) -> None:
    bob = server.person("bob", "Asia/Tokyo")
    for person in (alice, bob):
        for resource in RESOURCES:
            create(person, resource.collection)
    create(alice, "sessions", status="planned", started_at=None, ended_at=None, scheduled_at="2026-05-01T09:00:00Z")
    create(alice, "action-items", status="completed", completed_at="2026-05-02T09:00:00Z")
    gone = create(alice, "reflections")
    alice.client.delete(f"/v1/reflections/{gone['id']}", headers={"If-Match": "*"})
    before = [(changes_of(server, person), get(person, "/v1/timeline")) for person in (alice, bob)]
    earlier = ScriptDirectory(str(schema.MIGRATIONS)).get_revision(DATED).down_revision
    schema.migrate(server.settings.database_url, str(earlier), keyring=keyring)
    schema.migrate(server.settings.database_url, keyring=keyring)
    assert [(changes_of(server, person), get(person, "/v1/timeline")) for person in (alice, bob)] == before
    server.end_test()
