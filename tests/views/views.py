"""What the tests of views share: the views that answer a GET, and records that have something to show."""

from typing import Any

from app.ids import new_id
from tests.drafts import Json, create_record, resource_of
from tests.serving import Person

NOON = "2026-11-28T12:00:00Z"
PATHS = ("/v1/timeline", "/v1/inbox", f"/v1/today?as_of={NOON}", "/v1/progress", "/v1/progress/chart.svg?measure=phq-9")
"""The views that are about no single record."""
DAYS = ("/v1/timeline", "/v1/progress")
"""The views with a time zone and a range of days."""


def create(person: Person, collection: str, **changes: object) -> Json:
    """Create a record of a person from the example with these changes."""
    return create_record(person.client, resource_of(collection), person, **changes)


def get(person: Person, path: str, **query: Any) -> Json:
    """Return what a view answers."""
    response = person.client.get(path, params={name.rstrip("_"): value for name, value in query.items()} or None)
    assert response.status_code == 200, response.text
    found: Json = response.json()
    return found


def element(person: Person, session: Json, **changes: object) -> Json:
    """Create an element of a session."""
    draft = {"id": str(new_id()), "session_id": session["id"], "kind": "memory", "title": "wisteria"} | changes
    response = person.client.post("/v1/elements", json=draft)
    assert response.status_code == 201, response.text
    created: Json = response.json()
    return created


def log(person: Person, practice_id: str, day: str, outcome: str = "done") -> None:
    """Create an entry of a practice."""
    draft = {"practice_id": practice_id, "day": day, "outcome": outcome}
    assert person.client.post("/v1/practice-entries", json=draft).status_code == 201
