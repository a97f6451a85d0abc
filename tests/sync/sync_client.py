"""A client that sends exactly the pulls and pushes of a test; `device.py` is the reference client for apps."""

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
    """Return an operation that edits a record, based on its version."""
    return upsert(collection, record["id"], base=record["version"]) | members


class SyncClient:
    """Pulls and pushes as one person."""

    def __init__(self, person: Person) -> None:
        self.person, self.client = person, person.client

    def push(self, *ops: Json, **options: object) -> list[Json]:
        """Push operations; return their results, which are in the same order."""
        response = self.client.post(PUSH, json={"ops": list(ops), **options})
        assert response.status_code == 200, response.text
        results: list[Json] = response.json()["results"]
        assert [(each["collection"], each["id"]) for each in results] == [(op["collection"], op["id"]) for op in ops]
        return results

    def push_one(self, op: Json, **options: object) -> Json:
        """Push one operation; return its result."""
        return self.push(op, **options)[0]

    def push_applied(self, op: Json, **options: object) -> Json:
        """Push one operation, check that it was applied, and return the record."""
        result = self.push_one(op, **options)
        assert result["outcome"] == "applied", result
        record: Json = result["record"]
        return record

    def push_rejected(self, op: Json, status: int, code: str) -> Json:
        """Push one operation, check that it was rejected with a status and a code, and return the error."""
        result = self.push_one(op)
        error: Json = result["error"]
        assert (result["outcome"], result["status"], error["code"], error["status"]) == (
            "rejected",
            status,
            code,
            status,
        )
        return error

    def get(self, record: Json, collection: str = "intentions") -> Json:
        """Return a record as `GET /v1/{collection}/{id}` returns it."""
        response = self.client.get(f"/v1/{collection}/{record['id']}")
        assert response.status_code == 200, response.text
        found: Json = response.json()
        return found

    def pull_page(self, since: Any = 0, **query: Any) -> Json:
        """Return one page of a pull."""
        response = self.client.get(CHANGES, params={"since": since, **query})
        assert response.status_code == 200, response.text
        page: Json = response.json()
        return page

    def pull(self, since: Any = 0, **query: Any) -> tuple[list[Json], str]:
        """Pull all pages; return the changes and the last cursor."""
        changes: list[Json] = []
        while True:
            page = self.pull_page(since, **query)
            changes += page["changes"]
            since = page["cursor"]
            if not page["has_more"]:
                return changes, since


def summary(result: Json) -> tuple[str, int, str | None, list[str]]:
    """Return outcome, status, reason and fields of a result."""
    return result["outcome"], result["status"], result["reason"], result["fields"]
