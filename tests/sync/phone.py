"""A phone that says exactly what a test wants it to say; the client that is an example for apps is `device`."""

from typing import Any

from app.ids import new_id
from app.resources import RESOURCES
from tests.serving import Person

Json = dict[str, Any]
PUSH = "/v1/sync/push"
CHANGES = "/v1/sync/changes"
INTENTION = {"kind": "integration", "statement": "wisteria, and patience"}
SESSION = {"kind": "dosing", "title": "wisteria in flower"}
COLLECTIONS = [resource.collection for resource in RESOURCES]


def upsert(collection: str = "intentions", id: str | None = None, **members: object) -> Json:
    """Return an operation that sets the fields in `set`, by default those of a new intention."""
    return {"op": "upsert", "collection": collection, "id": id or str(new_id()), "set": INTENTION} | members


def delete(record: Json, collection: str = "intentions", **members: object) -> Json:
    """Return an operation that removes a record."""
    return {"op": "delete", "collection": collection, "id": record["id"]} | members


def edit(record: Json, collection: str = "intentions", **members: object) -> Json:
    """Return an operation that edits a record from the version that it is known in."""
    return upsert(collection, record["id"], base=record["version"]) | members


class Phone:
    """One person's phone."""

    def __init__(self, person: Person) -> None:
        self.person, self.client = person, person.client

    def push(self, *ops: Json, **options: object) -> list[Json]:
        """Push, and return the results."""
        response = self.client.post(PUSH, json={"ops": list(ops), **options})
        assert response.status_code == 200, response.text
        results: list[Json] = response.json()["results"]
        assert [(each["collection"], each["id"]) for each in results] == [(op["collection"], op["id"]) for op in ops]
        return results

    def one(self, op: Json, **options: object) -> Json:
        """Push one operation, and return its result."""
        return self.push(op, **options)[0]

    def applied(self, op: Json, **options: object) -> Json:
        """Push one operation that has its effect, and return the record."""
        result = self.one(op, **options)
        assert result["outcome"] == "applied", result
        record: Json = result["record"]
        return record

    def rejected(self, op: Json, status: int, code: str) -> Json:
        """Push one operation that cannot be, and return the error."""
        result = self.one(op)
        error: Json = result["error"]
        assert (result["outcome"], result["status"], error["code"], error["status"]) == (
            "rejected",
            status,
            code,
            status,
        )
        return error

    def get(self, record: Json, collection: str = "intentions") -> Json:
        """Return a record as REST has it."""
        response = self.client.get(f"/v1/{collection}/{record['id']}")
        assert response.status_code == 200, response.text
        found: Json = response.json()
        return found

    def page(self, since: Any = 0, **query: Any) -> Json:
        """Return a page of a pull."""
        response = self.client.get(CHANGES, params={"since": since, **query})
        assert response.status_code == 200, response.text
        page: Json = response.json()
        return page

    def pull(self, since: Any = 0, **query: Any) -> tuple[list[Json], str]:
        """Pull every page; return the changes and the cursor to keep."""
        changes: list[Json] = []
        while True:
            page = self.page(since, **query)
            changes += page["changes"]
            since = page["cursor"]
            if not page["has_more"]:
                return changes, since


def told(result: Json) -> tuple[str, int, str | None, list[str]]:
    """Return what an outcome says in short."""
    return result["outcome"], result["status"], result["reason"], result["fields"]
