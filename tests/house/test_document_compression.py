"""The migration that compresses the documents that exist, and the way back."""

from pathlib import Path
from uuid import UUID

import pytest

from app.db import schema
from app.resources import RESOURCES
from app.resources.intentions import INTENTIONS
from app.sealing import COMPRESSED
from app.sealing.data_keys import PLAIN
from tests.conftest import Databases, Servers
from tests.custody.test_compression import LONG, is_compressed
from tests.custody.test_sealing import SET_DOCUMENT, store
from tests.custody.test_verifying import verify
from tests.drafts import create_record, etag
from tests.rows import revisions_of, rows_of
from tests.serving import Person, Server
from tests.usage import counted, recounted

FORMER = "0035"
"""The last revision without compressed documents."""


@pytest.fixture
def server(servers: Servers, databases: Databases, database: str) -> Server:
    return servers.start(servers.settings(database, database_url=databases.fresh(database)))


def formats(server: Server, person: Person) -> dict[tuple[str, str, int], bool]:
    """Return whether each document of a person is compressed: of records, and of former versions."""
    found = {
        (kind.collection, id, row["seq"]): is_compressed(row["document"])
        for kind in RESOURCES
        for id, row in rows_of(server, person, kind).items()
    }
    for row in revisions_of(server, person):
        found[row["collection"], str(row["id"]), row["seq"]] = is_compressed(row["document"])
    return found


def test_down_and_up_again_answers_byte_for_byte(server: Server, keyring: Path, alice: Person) -> None:
    paths = []
    for resource in RESOURCES:
        if resource.text is not None:
            record = create_record(alice.client, resource, alice, **{resource.text: LONG})
            path = f"{resource.path}/{record['id']}"
            device = server.on_another_device(alice)
            device.client.patch(path, json={resource.text: LONG[1:]}, headers=etag(record))
            paths += [path, f"{path}/history"]
    compressed = formats(server, alice)
    assert {True, False} == set(compressed.values())
    before = [alice.client.get(path).content for path in paths]
    reported = list[str]()

    schema.migrate(server.settings.database_url, FORMER, reported.append, keyring)
    assert set(formats(server, alice).values()) == {False}
    assert counted(server, alice) == recounted(server, alice)
    assert "decompressed 2 documents of reflections" in reported

    schema.migrate(server.settings.database_url, "head", reported.append, keyring)
    assert formats(server, alice) == compressed
    assert counted(server, alice) == recounted(server, alice)
    assert "compressed 2 documents of reflections" in reported
    assert [alice.client.get(path).content for path in paths] == before
    server.end_test()


def test_an_interrupted_migration_continues(server: Server, keyring: Path, alice: Person) -> None:
    record = create_record(alice.client, INTENTIONS, alice, why=LONG)
    reported = list[str]()
    for revision in ("0036", "0036", "head"):
        schema.migrate(server.settings.database_url, revision, reported.append, keyring)
    assert reported.count("decompressed 1 documents of intentions") == 1
    assert reported.count("compressed 1 documents of intentions") == 1
    assert alice.client.get(f"{INTENTIONS.path}/{record['id']}").json() == record
    server.end_test()


def test_a_document_that_cannot_be_decrypted_stays_as_it_is(server: Server, keyring: Path, alice: Person) -> None:
    for damaged in (COMPRESSED + b"\x00\x01" + b"w" * 2000, PLAIN + b"\x00\x01" + b"w" * 2000):
        id = create_record(alice.client, INTENTIONS, alice)["id"]
        store(server, SET_DOCUMENT, id=UUID(id), document=damaged)
        for revision in (FORMER, "head"):
            schema.migrate(server.settings.database_url, revision, keyring=keyring)
            assert rows_of(server, alice, INTENTIONS)[id]["document"] == damaged
    result = verify(server)
    assert result.status == 1
    assert "Records: 2, not decrypted: 2." in result.out
    server.end_test()


def test_compressed_documents_need_the_keyring(server: Server, keyring: Path, alice: Person) -> None:
    create_record(alice.client, INTENTIONS, alice, why=LONG)
    missing = keyring.with_name("missing.json")
    with pytest.raises(schema.MigrationError, match="does not exist"):
        schema.migrate(server.settings.database_url, FORMER, keyring=missing)
    schema.migrate(server.settings.database_url, "head", keyring=keyring)
    server.end_test()
