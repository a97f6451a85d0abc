"""What a clinic gets if records cannot be read, a patient is being erased, or the database fails."""

from typing import Final

import pytest
import sqlalchemy as sa

from app.db import Statement, bind
from app.exchange import push as pushing
from app.problems import Unavailable
from app.resources.sessions import SESSIONS
from app.sealing import DataKeyRecord
from tests.consents.clinic import Clinic, give
from tests.exchange.replica import Replica, entry, push
from tests.refusals import refused
from tests.serving import Person, Server

_session, _data_key = SESSIONS.table, DataKeyRecord.table()
DAMAGE: Final = Statement(
    sa.update(_session).where(_session.c.owner_id == bind(_session.c.owner_id)).values(document=b"\1")
)
DELETE_KEY: Final = Statement(sa.delete(_data_key).where(_data_key.c.owner_id == bind(_data_key.c.owner_id)))


def test_a_record_that_does_not_open_concerns_its_patient_only(
    server: Server, alice: Person, bob: Person, clinic: Clinic, replica: Replica
) -> None:
    give(alice, clinic, "P-1")
    give(bob, clinic, "P-2")
    entries = [entry(clinic.identifier("P-1")), entry(clinic.identifier("P-2"))]
    hers, _ = push(clinic, *entries)
    server.run(server.db.run(DAMAGE, owner_id=alice.id))
    results = push(clinic, *entries)
    assert [(each["outcome"], each["status"], each["reason"]) for each in results] == [
        ("rejected", 503, "unreadable-record"),
        ("unchanged", 200, None),
    ]
    assert results[0]["id"] == hers["id"]
    refused(clinic.client.get("/v1/clinic/changes"), 503, "unreadable-record")
    assert len(replica.pull(collections="connections")) == 2


def test_a_patient_who_is_being_erased_is_unknown(
    server: Server, alice: Person, clinic: Clinic, replica: Replica
) -> None:
    give(alice, clinic, "P-1")
    push(clinic, entry(clinic.identifier("P-1")))
    server.run(server.db.run(DELETE_KEY, owner_id=alice.id))
    server.services.data_keys.forget(alice.id)
    (result,) = push(clinic, entry(clinic.identifier("P-1")))
    assert (result["outcome"], result["status"], result["reason"]) == ("rejected", 404, "unknown-patient")
    assert [(each["collection"], each["removed"]) for each in replica.pull()] == [
        ("connections", False),
        ("sessions", True),
    ]


def test_a_push_is_503_if_the_database_fails_for_one_patient(
    alice: Person, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(alice, clinic, "P-1")

    async def fail(*_: object) -> None:
        raise Unavailable

    with monkeypatch.context() as patch:
        patch.setattr(pushing, "write_patient", fail)
        response = clinic.client.post("/v1/clinic/sessions", json={"sessions": [entry(clinic.identifier("P-1"))]})
        refused(response, 503, "unavailable")
    (result,) = push(clinic, entry(clinic.identifier("P-1")))
    assert result["outcome"] == "applied"
