"""Invalid pulls and pushes: each fault has its pointer, and one bad operation does not affect the others."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.refusals import pointers, refused
from tests.sync.sync_client import CHANGES, PUSH, Json, SyncClient, delete, upsert


@pytest.mark.parametrize(
    ("name", "value"),
    [("limit", "0"), ("limit", "1001"), ("limit", "+5"), ("limit", "wisteria"), ("collections", "wisteria"),
     ("collections", "sessions,"), ("collections", "sessions, elements"), ("wisteria", "1")],
)  # fmt: skip
def test_an_invalid_query_of_a_pull_is_422(sync: SyncClient, name: str, value: str) -> None:
    assert pointers(sync.client.get(CHANGES, params={name: value})) == [f"/{name}"]


def bad_ops() -> Iterator[tuple[str, Any]]:
    good = upsert(id="019aa2c4-7b00-7000-8000-0000000000ff")  # fixed: each worker collects the same names
    for collection in ("wisteria", "Sessions", "session", "", None, 5):
        yield "/collection", good | {"collection": collection}
    for id in ("wisteria", f"{{{good['id']}}}", f"urn:uuid:{good['id']}", None, 5):
        yield "/id", good | {"id": id}
        yield "/op_id", good | {"op_id": id if id is not None else ""}
    for op in ("wisteria", "Upsert", None, ["upsert"]):
        yield "/op", good | {"op": op}
    for base in (0, -1, 2**53, "5", True, 1.5, 1.0):
        yield "/base", good | {"base": base}
    yield "/set", good | {"set": []}
    yield "/set", delete(good, set={"why": "wisteria"})
    yield "/was", good | {"was": "wisteria"}
    yield "/was/wisteria", good | {"was": {"wisteria": 1}}
    yield "/undelete", good | {"undelete": "true"}
    yield "/if_missing", good | {"if_missing": "merge"}
    yield "/on_conflict", good | {"on_conflict": "ours"}
    yield "/wisteria", good | {"wisteria": 1}
    for field, value in (
        *(("statement", text) for text in ("\0", "wisteria\0", "\ud800", "w" * 2001, "", None, 5)),
        *(("owner_id", good["id"]), ("version", 5), ("id", good["id"]), ("role", "admin"), ("created_at", None)),
        *(("session_id", "wisteria"), ("kind", "wisteria"), ("target_on", "2026-02-30")),
    ):
        yield f"/{field}", good | {"set": good["set"] | {field: value}}


def id_of(pointer: str, op: Json) -> str:
    """Return the test id of a malformed operation: its pointer and the value there."""
    name = pointer[1:].partition("/")[0]
    value = op[name] if name in op else op["set"][name]
    return f"{pointer} {json.dumps(value)[:40]}"


BAD_OPS = [*bad_ops()]


@pytest.mark.parametrize(("pointer", "op"), BAD_OPS, ids=[id_of(pointer, op) for pointer, op in BAD_OPS])
def test_a_malformed_operation_is_rejected_with_its_pointer_and_the_next_one_is_applied(
    sync: SyncClient, pointer: str, op: Json
) -> None:
    other = upsert()
    body = json.dumps({"ops": [op, other]}).encode()  # escaped: JSON can then contain lone surrogates
    response = sync.client.post(PUSH, content=body, headers={"Content-Type": "application/json"})
    bad, good = response.json()["results"]
    assert (bad["outcome"], bad["status"], bad["error"]["code"]) == ("rejected", 422, "validation")
    assert [fault["pointer"] for fault in bad["error"]["errors"]] == [pointer]
    assert (good["outcome"], bad["record"], bad["version"]) == ("applied", None, None)
    assert len(sync.pull()[0]) == 1


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        pytest.param({}, "/ops", id="no operations"),
        pytest.param({"ops": {}}, "/ops", id="operations in an object"),
        pytest.param({"ops": [], "atomic": 1}, "/atomic", id="atomic is a number"),
        pytest.param({"ops": [], "on_conflict": "ours"}, "/on_conflict", id="unknown resolution"),
        pytest.param({"ops": [], "wisteria": 1}, "/wisteria", id="unknown member"),
    ],
)
def test_a_malformed_push_is_422(sync: SyncClient, body: Json, pointer: str) -> None:
    assert pointers(sync.client.post(PUSH, json=body)) == [pointer]


def test_a_push_has_its_limits(sync: SyncClient) -> None:
    many = refused(sync.client.post(PUSH, json={"ops": [upsert() for _ in range(501)]}), 413, "too-many-ops")
    assert many["limits"] == {"max_ops": 500, "max_bytes": 2**21}
    padding = {"Content-Type": "application/json"}
    body = b'{"ops": []}'
    assert sync.client.post(PUSH, content=body.ljust(2**21), headers=padding).status_code == 200
    large = refused(sync.client.post(PUSH, content=body.ljust(2**21 + 1), headers=padding), 413, "body-too-large")
    assert large["limit"] == 2**21
    assert sync.pull()[0] == []
