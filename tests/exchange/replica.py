"""A clinic's system in the tests: it pushes sessions, and keeps a copy of all that it pulls."""

from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from app import clock
from app.clinics.consent_tables import ConsentRecord
from app.db import Statement, bind
from tests.consents.clinic import Clinic
from tests.drafts import Json
from tests.serving import Server

_consent = ConsentRecord.table()
EXPIRE: Final = Statement(
    sa.update(_consent).where(_consent.c.id == bind(_consent.c.id)).values(ends_at=bind(_consent.c.ends_at))
)
SYSTEM: Final = "urn:wisteria-house:session"
CLINICAL: Final[Json] = {
    "kind": "dosing",
    "status": "completed",
    "started_at": "2026-11-20T09:30:00.000000Z",
    "ended_at": "2026-11-20T11:10:00.000000Z",
    "timezone": "Europe/Berlin",
    "setting": "clinic",
    "medicine": "racemic-ketamine",
    "route": "intramuscular",
    "dose_value": 62.5,
    "dose_unit": "mg",
}


def entry(patient: Any, value: str = "S-1", *, revision: int | None = None, **changes: Any) -> Json:
    """Return an entry of a push."""
    found: Json = {
        "patient": patient,
        "identifier": {"system": SYSTEM, "value": value},
        "session": CLINICAL | changes,
    }
    return found if revision is None else found | {"revision": revision}


def push(clinic: Clinic, *entries: Json) -> list[Json]:
    """Push sessions; return the results."""
    response = clinic.client.post("/v1/clinic/sessions", json={"sessions": [*entries]})
    assert response.status_code == 200, response.text
    results: list[Json] = response.json()["results"]
    return results


def expire(server: Server, consent: Json) -> None:
    """Let the time of a consent be over; the server ends it some moments later."""
    server.run(server.db.run(EXPIRE, id=UUID(consent["id"]), ends_at=clock.now()))


class Replica:
    """What a clinic's system has pulled."""

    def __init__(self, clinic: Clinic) -> None:
        self.clinic, self.cursor = clinic, "0"
        self.records: dict[tuple[str, str, str], Json] = {}
        self.received: list[Json] = []

    def page(self, **query: Any) -> Json:
        """Return the next page, and apply it."""
        response = self.clinic.client.get("/v1/clinic/changes", params={"since": self.cursor, **query})
        assert response.status_code == 200, response.text
        page: Json = response.json()
        for change in page["changes"]:
            self._apply(change)
        self.cursor = page["cursor"]
        return page

    def pull(self, **query: Any) -> list[Json]:
        """Pull all pages; return the changes."""
        changes = []
        while True:
            page = self.page(**query)
            changes += page["changes"]
            if not page["has_more"]:
                return changes

    def _apply(self, change: Json) -> None:
        self.received.append(change)
        key = change["patient"], change["collection"], change["id"]
        if not change["removed"]:
            self.records[key] = change["record"]
        elif change["collection"] == "connections":
            self.records = {each: record for each, record in self.records.items() if each[0] != change["patient"]}
        else:
            self.records.pop(key, None)

    def ids(self, collection: str) -> set[str]:
        """Return the ids of the records of a collection."""
        return {id for _, name, id in self.records if name == collection}


def pulled_anew(clinic: Clinic) -> dict[Any, Json]:
    """Return what a clinic pulls from the beginning."""
    replica = Replica(clinic)
    replica.pull(limit=2)
    return replica.records
