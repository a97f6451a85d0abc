"""The history of a record: its bounds, its age, and that its versions are sealed for their own position."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from app.db import Statement, bind
from app.records.tables import Revision
from app.resources.intentions import INTENTIONS
from app.resources.reflections import REFLECTIONS
from tests.conftest import Servers
from tests.custody.test_sealing import store
from tests.custody.test_verifying import verify
from tests.drafts import create_record
from tests.house.commands import Result, afterglow
from tests.promises.test_history import ANY, history_of, patch, records_of
from tests.refusals import refused
from tests.rows import dump_database, revisions_of
from tests.serving import Person, Server
from tests.waiting import later

PATH = INTENTIONS.path
_revision = Revision.table()
SET_DOCUMENT = Statement(
    sa.update(_revision).where(_revision.c.seq == bind(_revision.c.seq)).values(document=bind(_revision.c.document))
)
SET_REPLACED = Statement(
    sa.update(_revision)
    .where(_revision.c.owner_id == bind(_revision.c.owner_id))
    .values(replaced_at=bind(_revision.c.replaced_at), written_at=bind(_revision.c.written_at))
)


@pytest.fixture
def server(servers: Servers, database: str) -> Server:
    """A server of its own: the commands read every record of the database."""
    return servers.start(servers.settings(database, access_seconds=3600))


def test_a_hundred_versions_are_kept(server: Server, alice: Person) -> None:
    devices = (server.on_another_device(alice), alice)
    versions = [create_record(alice.client, INTENTIONS, alice)]
    other = create_record(alice.client, INTENTIONS, alice)
    patch(alice, INTENTIONS, other, "wisteria, another")
    for number in range(103):
        versions.append(patch(devices[number % 2], INTENTIONS, versions[0], f"wisteria {number}"))
    expected = versions[:-1][-100:]
    kept = {row["seq"] for row in revisions_of(server, alice) if str(row["id"]) != other["id"]}
    assert kept == {record["version"] % 2**40 for record in expected}
    page = history_of(alice.client, PATH, versions[0], limit=200)
    assert [each["record"] for each in page["items"]] == expected[::-1]
    assert page["next_cursor"] is None
    assert records_of(alice.client, PATH, other) == [other]


def test_versions_are_kept_400_days_after_they_were_replaced(server: Server, alice: Person) -> None:
    url = server.settings.database_url
    record = create_record(alice.client, INTENTIONS, alice)
    patch(alice, INTENTIONS, record, "wisteria, again")
    now = datetime.now(UTC)
    long_ago = now - timedelta(days=4000)
    store(server, SET_REPLACED, owner_id=alice.id, replaced_at=now - timedelta(days=399), written_at=long_ago)
    assert "Purged: former versions 0, " in afterglow("purge", database_url=url, remembered_days="1").out
    assert records_of(alice.client, PATH, record) == [record]
    store(server, SET_REPLACED, owner_id=alice.id, replaced_at=now - timedelta(days=401), written_at=long_ago)
    assert "Purged: former versions 0, " in afterglow("purge", database_url=url, history_days="402").out
    assert "Purged: former versions 1, " in afterglow("purge", database_url=url).out
    assert records_of(alice.client, PATH, record) == []
    with later(minutes=11):
        changed = patch(alice, INTENTIONS, record, "wisteria, once more")
    with later(minutes=22):
        patch(alice, INTENTIONS, record, "wisteria, at last")
    assert records_of(alice.client, PATH, record)[0] == changed


def test_a_version_that_was_moved_does_not_open(server: Server, alice: Person) -> None:
    records = [create_record(alice.client, INTENTIONS, alice) for _ in range(2)]
    for record in records:
        patch(alice, INTENTIONS, record, "wisteria, again")
    first, second = sorted(revisions_of(server, alice), key=lambda row: int(row["seq"]))
    assert verify(server) == Result(0, lines(records=2, versions=2), "")
    store(server, SET_DOCUMENT, seq=first["seq"], document=second["document"])
    refused(alice.client.get(f"{PATH}/{first['id']}/history"), 503, "unreadable-record")
    assert records_of(alice.client, PATH, records[1]) == [records[1]]
    found = f"intentions {first['id']} of account {alice.id}, former version {first['seq']}: "
    assert verify(server) == Result(1, f"{found}cannot be decrypted\n" + lines(records=2, versions=2, unread=1), "")
    given_up = verify(server, "--give-up", str(first["id"]))
    assert given_up == Result(0, f"{found}given up\n" + lines(records=2, versions=2, unread=1), "")
    assert verify(server) == Result(0, lines(records=2, versions=1), "")
    assert records_of(alice.client, PATH, records[0]) == []
    assert alice.client.get(f"{PATH}/{records[0]['id']}").status_code == 200


def lines(*, records: int, versions: int, unread: int = 0) -> str:
    return f"Records: {records}, not decrypted: 0.\nFormer versions: {versions}, not decrypted: {unread}.\n"


def test_no_word_of_a_version_is_stored_in_clear_and_none_is_left_of_a_removed_record(
    server: Server, alice: Person
) -> None:
    words = [f"wisteria {alice.id} {number}" for number in range(4)]
    record = create_record(alice.client, REFLECTIONS, alice, body=words[0])
    for minutes, text in enumerate(words[1:], 1):
        with later(minutes=11 * minutes):
            patch(alice, REFLECTIONS, record, text)
    kept = [row["document"] for row in revisions_of(server, alice)]
    assert len(kept) == 3
    stored = dump_database(server)
    assert not [word for word in words if word.encode() in stored]
    assert all(document in stored for document in kept)
    assert alice.client.delete(f"{REFLECTIONS.path}/{record['id']}", headers=ANY).status_code == 204
    stored = dump_database(server)
    assert not [document for document in kept if document in stored]
