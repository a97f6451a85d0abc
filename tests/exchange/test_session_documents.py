"""The migration that gives the stored documents of sessions their member `clinic_id`, and the way back."""

from pathlib import Path
from typing import Final

import pytest
import sqlalchemy as sa

from app.db import Statement, schema
from migrations import document_members
from tests.conftest import Databases, Servers
from tests.consents.clinic import give, new_clinic
from tests.drafts import Json
from tests.exchange.replica import entry, push
from tests.serving import Person, Server

BEFORE: Final = f"{int(document_members.MANAGED) - 1:04}"
DOCUMENTS: Final = Statement(
    sa.text("SELECT id, seq, document FROM session UNION ALL SELECT id, seq, document FROM revision").columns(
        sa.column("id", sa.Uuid), sa.column("seq", sa.BigInteger), sa.column("document", sa.LargeBinary)
    )
)


@pytest.fixture
def server(servers: Servers, databases: Databases, database: str) -> Server:
    return servers.start(servers.settings(database, database_url=databases.fresh(database)))


def documents(server: Server, person: Person) -> list[str]:
    async def read() -> list[str]:
        keys = await server.services.data_keys.of(person.id)
        rows = await server.db.all(DOCUMENTS)
        return [keys.open("sessions", row["id"], row["seq"], row["document"]) for row in rows]

    return server.run(read())


def answers(person: Person, session: Json) -> list[bytes]:
    paths = [f"/v1/sessions/{session['id']}", f"/v1/sessions/{session['id']}/history", "/v1/sync/changes"]
    return [person.client.get(path).content for path in paths]


def test_down_and_up_again_answers_byte_for_byte(server: Server, keyring: Path, alice: Person) -> None:
    session = alice.client.post("/v1/sessions", json={"notes": 'wisteria,"clinic_id":null}'}).json()
    device = server.on_another_device(alice)
    device.client.patch(f"/v1/sessions/{session['id']}", json={"notes": None}, headers={"If-Match": "*"})
    alice.client.patch(f"/v1/sessions/{session['id']}", json={"notes": "wisteria"}, headers={"If-Match": "*"})
    before = answers(alice, session)
    assert all(text.endswith(',"clinic_id":null}') for text in documents(server, alice))
    url, reported = server.settings.database_url, list[str]()
    schema.migrate(url, BEFORE, reported.append, keyring)
    assert "completed 3 documents of sessions" in reported
    assert not [text for text in documents(server, alice) if text.endswith(',"clinic_id":null}')]
    for _ in range(2):
        schema.migrate(url, "head", reported.append, keyring)
    assert answers(alice, session) == before
    assert reported.count("completed 3 documents of sessions") == 2
    server.end_test()


def test_a_downgrade_forgets_which_clinic_manages_a_session(server: Server, keyring: Path, alice: Person) -> None:
    clinic = new_clinic(server)
    give(alice, clinic, "P-1")
    (result,) = push(clinic, entry(clinic.identifier("P-1")))
    schema.migrate(server.settings.database_url, BEFORE, keyring=keyring)
    schema.migrate(server.settings.database_url, "head", keyring=keyring)
    assert alice.client.get(f"/v1/sessions/{result['id']}").json()["clinic_id"] is None
    assert {each["collection"] for each in clinic.client.get("/v1/clinic/changes").json()["changes"]} == {"connections"}
    server.end_test()
