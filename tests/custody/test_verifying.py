"""`afterglow verify-seals`: finds what does not open, and gives up what the operator names."""

import pytest

from app.records import kinds, verifying
from app.resources import RESOURCES
from app.resources.intentions import INTENTIONS
from tests.conftest import Servers
from tests.custody.test_sealing import SET_DOCUMENT, store
from tests.drafts import create_record
from tests.house.commands import Result, afterglow, afterglow_process
from tests.rows import rows_of
from tests.serving import Person, Server
from tests.sync.sync_client import SyncClient

NO_VERSIONS = "Former versions: 0, not decrypted: 0."
ONE_VERSION = "Former versions: 1, not decrypted: 0."
"""Of the record whose reference became null."""


def verify(server: Server, *arguments: str) -> Result:
    """Run the command on the server's database."""
    return afterglow("verify-seals", *arguments, **settings_of(server))


def settings_of(server: Server) -> dict[str, str]:
    """Return the settings by which a command finds the server's database and keyring."""
    return {"database_url": server.settings.database_url, "keyring": str(server.settings.keyring)}


@pytest.fixture
def server(servers: Servers, database: str) -> Server:
    """A server of its own: the command reads every record of the database."""
    return servers.start(servers.settings(database))


def test_it_finds_what_does_not_open_and_gives_up_what_is_named(
    server: Server, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "BATCH_SIZE", 2)
    records = [create_record(alice.client, INTENTIONS, alice) for _ in range(5)]
    derived = create_record(alice.client, INTENTIONS, alice, derived_from_id=records[0]["id"])
    assert verify(server) == Result(0, f"Records: 6, not decrypted: 0.\n{NO_VERSIONS}\n", "")
    sync = SyncClient(alice)
    _, cursor = sync.pull()
    rows = rows_of(server, alice, INTENTIONS)
    for record in records[:2]:
        store(server, SET_DOCUMENT, id=rows[record["id"]]["id"], document=b"wisteria")
    lines = [f"intentions {record['id']} of account {alice.id}: cannot be decrypted" for record in records[:2]]
    result = verify(server)
    assert result.status == 1
    assert sorted(result.out.splitlines()) == sorted([*lines, "Records: 6, not decrypted: 2.", NO_VERSIONS])
    result = verify(server, "--give-up", records[0]["id"])
    assert result.status == 1
    assert f"intentions {records[0]['id']} of account {alice.id}: given up" in result.out.splitlines()
    assert records[0]["id"] not in rows_of(server, alice, INTENTIONS)
    assert verify(server, "--give-up", records[1]["id"]).status == 0
    assert verify(server) == Result(0, f"Records: 4, not decrypted: 0.\n{ONE_VERSION}\n", "")
    pulled, _ = sync.pull(cursor)
    assert {each["id"] for each in pulled if each["deleted"]} == {record["id"] for record in records[:2]}
    assert alice.client.get(f"/v1/intentions/{derived['id']}").json()["derived_from_id"] is None


def test_a_readable_record_is_not_given_up(server: Server, alice: Person) -> None:
    record = create_record(alice.client, INTENTIONS, alice)
    result = verify(server, "--give-up", record["id"])
    assert result.status == 1
    assert (
        result.err == f"afterglow: the record {record['id']} does not exist, or can be decrypted; nothing was changed\n"
    )
    assert alice.client.get(f"/v1/intentions/{record['id']}").json() == record


def test_a_process_of_its_own_finds_every_record(server: Server, alice: Person) -> None:
    for resource in RESOURCES:
        create_record(alice.client, resource, alice)
    expected = verify(server)
    assert "Records: 0" not in expected.out
    assert afterglow_process("verify-seals", **settings_of(server)) == expected


def test_without_any_kind_of_record_nothing_pretends_to_succeed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.records.resource._registry", [])
    with pytest.raises(RuntimeError, match=r"import app\.resources first"):
        kinds()
