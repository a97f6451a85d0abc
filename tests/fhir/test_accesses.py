"""The access log of searches: the statements that write it, its rows, and its lines in the server's log."""

import json
from typing import Final

import pytest
import sqlalchemy as sa

from app.clinics.consent_tables import AccessRecord
from app.consents.access_log import CONNECTIONS
from app.db import RemoteDatabase, Row, Statement, bind
from tests.clinics.clients import end_client
from tests.consents.clinic import Clinic
from tests.exchange.test_statements import counted
from tests.exchange.test_visibility import linked
from tests.fhir.facade import Facade, connect
from tests.fhir.test_reading import pushed
from tests.serving import Person, Server

_access: Final = AccessRecord.table()
_READS: Final = Statement(
    sa.select(_access)
    .where(_access.c.clinic_id == bind(_access.c.clinic_id), _access.c.action == sa.literal_column("'read'"))
    .order_by(_access.c.id)
)


def reads(server: Server, clinic: Clinic) -> list[Row]:
    """Return the rows of the access log for a clinic's reads of records, oldest first."""
    found = server.run(server.db.all(_READS, clinic_id=clinic.id))
    return [row for row in found if row["collection"] != CONNECTIONS]


def test_a_page_of_records_and_its_accesses_are_one_statement_on_postgresql(
    server: Server, facade: Facade, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed(facade)
    wanted = 1 if isinstance(server.db, RemoteDatabase) else 2
    assert counted(monkeypatch, lambda _: facade.get("Procedure")) == wanted


def test_each_patient_and_collection_of_a_page_has_an_entry_and_a_line(
    server: Server, alice: Person, bob: Person, clinic: Clinic, every_log_line: list[str]
) -> None:
    people = {connect(person, clinic).patient: person for person in (alice, bob)}
    for person in people.values():
        linked(person)
        linked(person)
    begin = len(every_log_line)
    response = clinic.client.get("/fhir/Observation?_count=7")
    shown = [each["resource"] for each in response.json()["entry"]]
    assert len(shown) == 7
    found = reads(server, clinic)
    assert len(found) == len({(row["owner_id"], row["collection"]) for row in found}) == 4
    assert [id for row in found for id in row["ids"]] != [each["id"] for each in shown], (
        "some entries have several rows"
    )
    for patient, person in people.items():
        own = [each["id"] for each in shown if each["subject"]["reference"] == f"Patient/{patient}"]
        logged = [row for row in found if row["owner_id"] == person.id]
        assert sorted(id for row in logged for id in row["ids"]) == sorted(own)
        assert all(row["ids"] == [id for id in own if id in row["ids"]] for row in logged), "in the order of the page"
    assert {row["request_id"] for row in found} == {response.headers["x-request-id"]}
    lines = [line for line in map(json.loads, every_log_line[begin:]) if line.get("event") == "access"]
    assert [(line["access_id"], line["account_id"], line["collection"], line["records"]) for line in lines] == [
        (str(row["id"]), str(row["owner_id"]), row["collection"], len(row["ids"])) for row in found
    ]


@pytest.mark.parametrize("path", ["Procedure", "Procedure?_count=0", "Patient", "Procedure/{id}"])
def test_a_client_that_ended_after_its_last_search_gets_401(
    server: Server, facade: Facade, clinic: Clinic, path: str
) -> None:
    url = f"/fhir/{path.format(id=pushed(facade))}"
    assert clinic.client.get(url).status_code == 200
    end_client(server, {"id": clinic.client_id})
    assert clinic.client.get(url).status_code == 401
    assert clinic.client.get("/fhir/Goal").status_code == 401
