"""Each member of each body, with values of the wrong type, out of range, or that a database could not store."""

import json

import pytest

from app.ids import new_id
from app.records import Resource
from app.resources import RESOURCES
from tests.drafts import COLLECTION_OF, create_record, draft_of, resource_of
from tests.hostile.conftest import State
from tests.hostile.operations import OPERATIONS, WITH_BODY, Json, Operation, Path, members
from tests.hostile.raw import RawConnection, RawResponse
from tests.hostile.values import rejected_values
from tests.serving import Person

with_body = pytest.mark.parametrize("operation", WITH_BODY, ids=str)


def faults_of(reply: RawResponse, place: Path = ()) -> list[Json]:
    """Return the faults of a response; of a push, those of its first operation, with pointers into the request."""
    if reply.status == 200:
        result = json.loads(reply.body)["results"][0]
        assert result["status"] == 422, result
        if "errors" in result:  # of a clinic's push: faults of a session point into the session
            inner = ("", "/session")
            return [
                fault | {"pointer": f"/{place[0]}/0{each}{fault['pointer']}"}
                for fault in result["errors"]
                for each in inner
            ]
        return [fault | {"pointer": f"/{place[0]}/0{fault['pointer']}"} for fault in result["error"]["errors"]]
    assert reply.status == 422, reply
    faults: list[Json] = reply.problem["errors"]
    return faults


@with_body
def test_a_wrong_value_is_422_with_its_pointer_and_changes_nothing(
    connection: RawConnection, alice: Person, state: State, operation: Operation, subtests: pytest.Subtests
) -> None:
    assert operation.body is not None
    target, headers = operation.target(alice), operation.headers(alice)
    before = state()
    for place, schema in members(operation.body):
        pointer = "".join(f"/{step}" for step in place)
        for value in rejected_values(schema):
            with subtests.test(f"{pointer}: {value[:40]}"):
                reply = connection.request(operation.method, target, headers, operation.body_with(place, value))
                assert any(f"{fault['pointer']}/".startswith(f"{pointer}/") for fault in faults_of(reply, place))
                assert b"wisteria" not in reply.body
                assert b"www" not in reply.body
    assert state() == before


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.collection)
def test_a_wrong_value_is_rejected_in_a_push(
    connection: RawConnection, alice: Person, state: State, resource: Resource, subtests: pytest.Subtests
) -> None:
    create = next(each for each in OPERATIONS if each.resource is resource and each.method == "POST")
    push = next(each for each in OPERATIONS if each.content["operationId"] == "push_changes")
    right = {name: value for name, value in draft_of(resource, alice).items() if name != "id"}
    cases = [(place, value) for place, schema in members(create.body or {}) for value in rejected_values(schema)]
    cases = [(place, value) for place, value in cases if place != ("id",)]
    before = state()
    for begin in range(0, len(cases), 250):
        some = cases[begin : begin + 250]
        ops = [
            f'{{"op": "upsert", "collection": "{resource.collection}", "id": "{new_id()}", '
            f'"set": {create.body_with(place, value, right).decode()}}}'
            for place, value in some
        ]
        body = f'{{"ops": [{", ".join(ops)}]}}'.encode()
        reply = connection.request("POST", push.path, push.headers(alice), body)
        assert b"wisteria" not in reply.body
        for (place, value), result in zip(some, json.loads(reply.body)["results"], strict=True):
            pointer = "".join(f"/{step}" for step in place)
            with subtests.test(f"{pointer}: {value[:40]}"):
                assert (result["outcome"], result["status"]) == ("rejected", 422)
                assert any(f"{fault['pointer']}/".startswith(f"{pointer}/") for fault in result["error"]["errors"])
    assert state() == before


@with_body
def test_a_missing_required_member_is_422(
    connection: RawConnection, alice: Person, state: State, operation: Operation, subtests: pytest.Subtests
) -> None:
    assert operation.body is not None
    target, headers = operation.target(alice), operation.headers(alice)
    before = state()
    right = operation.right_body(alice)
    assert right is not None
    before = state()
    for name in operation.body.get("required", []):
        with subtests.test(name):
            body = {other: value for other, value in right.items() if other != name}
            reply = connection.request(operation.method, target, headers, json.dumps(body).encode())
            assert {"pointer": f"/{name}", "code": "required"}.items() <= faults_of(reply)[0].items()
    assert state() == before


@with_body
def test_members_that_the_server_sets_are_rejected(
    connection: RawConnection, alice: Person, state: State, operation: Operation, subtests: pytest.Subtests
) -> None:
    assert operation.body is not None
    target, headers, right = operation.target(alice), operation.headers(alice), operation.right_body(alice)
    before = state()
    assigned = {*operation.answer.get("properties", {}), "owner", "owner_id", "account_id", "role", "version", "seq"}
    for name in sorted(assigned - set(operation.body["properties"])):
        for kind, value in {"null": "null", "number": "1", "text": '"admin"', "id": f'"{new_id()}"'}.items():
            with subtests.test(f"{name}: {kind}"):
                body = json.dumps(right)[:-1].encode() + f', "{name}": {value}}}'.encode()
                faults = faults_of(connection.request(operation.method, target, headers, body))
                assert [(fault["pointer"], fault["code"]) for fault in faults] == [(f"/{name}", "unknown-field")]
    assert state() == before


@with_body
def test_references_to_other_peoples_removed_and_unknown_records_get_the_same_422(
    connection: RawConnection,
    alice: Person,
    bob: Person,
    state: State,
    *,
    operation: Operation,
    subtests: pytest.Subtests,
) -> None:
    for name in sorted(COLLECTION_OF.keys() & (operation.body or {})["properties"]):
        resource = resource_of(COLLECTION_OF[name])
        his, gone = (create_record(person.client, resource, person)["id"] for person in (bob, alice))
        assert alice.client.delete(f"{resource.path}/{gone}", headers={"If-Match": "*"}).status_code == 204
        target, headers, right = operation.target(alice), operation.headers(alice), operation.right_body(alice)
        before = state()
        seen = set()
        for whose, id in {"another person's": his, "removed": gone, "unknown": str(new_id())}.items():
            with subtests.test(f"{name}: {whose}"):
                body = operation.body_with((name,), json.dumps(id), right)
                reply = connection.request(operation.method, target, [*headers, ("X-Request-Id", "the-same")], body)
                faults = [(fault["pointer"], fault["code"]) for fault in faults_of(reply)]
                assert faults == [(f"/{name}", "unknown-reference")]
                seen.add(reply.body)
        assert len(seen) == 1
        assert state() == before
