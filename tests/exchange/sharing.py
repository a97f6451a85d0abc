"""What people share with a clinic, and the end of their consent."""

from typing import Any

from tests.drafts import Json
from tests.exchange.test_visibility import change, create
from tests.serving import Person


def shared(person: Person, **changes: Any) -> Json:
    return create(
        person,
        "elements",
        **{"session_id": session_of(person), "title": "wisteria", "kind": "memory", "visibility": "shared"} | changes,
    )


def session_of(person: Person) -> str:
    items = person.client.get("/v1/sessions").json()["items"]
    return str(items[0]["id"] if items else create(person, "sessions")["id"])


def summary(changes: list[Json]) -> list[tuple[str, bool]]:
    return [(each["collection"], each["removed"]) for each in changes]


def end(person: Person, consent: Json) -> None:
    assert person.client.patch(f"/v1/consents/{consent['id']}", json={"status": "inactive"}).status_code == 200


def hide(person: Person, element: Json) -> None:
    change(person, "elements", element, visibility="private")
