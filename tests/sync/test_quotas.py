"""Quotas: what is refused above a limit, by every entry point, and what is still possible."""

import pytest

from app.ids import new_id
from app.records import Resource
from app.resources import RESOURCES
from tests.archive.packing import archive_of, imported
from tests.conftest import Servers
from tests.consents.clinic import give, new_clinic
from tests.drafts import Json, create_record, draft_of, etag, resource_of
from tests.exchange.replica import entry
from tests.exchange.replica import push as push_sessions
from tests.refusals import refused
from tests.serving import Person, Server
from tests.sync.sync_client import PUSH, SyncClient, delete, summary, upsert
from tests.usage import counted, recounted

RECORDS, BYTES, OPERATIONS, DEVICES = 12, 20_000, 20, 3
LONG = "wisteria " * 900


@pytest.fixture
def server(servers: Servers, database: str) -> Server:
    return servers.shared(
        database,
        quota_records=RECORDS,
        quota_document_bytes=BYTES,
        quota_operations=OPERATIONS,
        quota_devices=DEVICES,
    )


def exceeded(error: Json) -> tuple[str, int, int]:
    return error["quota"], error["limit"], error["used"]


def fill(server: Server, person: Person) -> list[Json]:
    """Create as many sessions as the person may have records; return them."""
    left = RECORDS - counted(server, person)["records"]
    return [create_record(person.client, resource_of("sessions"), person) for _ in range(left)]


@pytest.mark.parametrize("kind", RESOURCES, ids=lambda kind: kind.collection)
def test_a_record_above_the_quota_is_refused_until_one_is_removed(
    server: Server, alice: Person, kind: Resource
) -> None:
    draft = draft_of(kind, alice)
    sessions = fill(server, alice)
    error = refused(alice.client.post(kind.path, json=draft), 403, "quota-exceeded")
    assert exceeded(error) == ("records", RECORDS, RECORDS)
    url = f"/v1/sessions/{sessions[0]['id']}"
    assert alice.client.patch(url, json={"title": "wisteria"}, headers=etag(sessions[0])).status_code == 200
    assert alice.client.delete(url, headers={"If-Match": "*"}).status_code == 204
    assert alice.client.post(kind.path, json=draft).status_code == 201
    assert counted(server, alice) == recounted(server, alice)


def test_documents_above_the_quota_are_refused_and_shorter_ones_are_not(server: Server, alice: Person) -> None:
    first, second = (create_record(alice.client, resource_of("sessions"), alice, notes=LONG) for _ in range(2))
    url = f"/v1/sessions/{second['id']}"
    used = counted(server, alice)["document_bytes"]
    longer = alice.client.patch(url, json={"notes": LONG * 2}, headers=etag(second))
    assert exceeded(refused(longer, 403, "quota-exceeded")) == ("document-bytes", BYTES, used)
    assert alice.client.get(url).json() == second
    created = alice.client.post("/v1/sessions", json=draft_of(resource_of("sessions")) | {"notes": LONG})
    assert exceeded(refused(created, 403, "quota-exceeded")) == ("document-bytes", BYTES, used)
    assert alice.client.patch(url, json={"notes": None}, headers=etag(second)).status_code == 200
    again = alice.client.patch(f"/v1/sessions/{first['id']}", json={"notes": LONG + LONG[:450]}, headers=etag(first))
    assert again.status_code == 200
    assert counted(server, alice) == recounted(server, alice)


def test_each_operation_of_a_push_is_refused_by_itself(server: Server, alice: Person) -> None:
    sync = SyncClient(alice)
    gone = fill(server, alice)[-1]
    results = sync.push(upsert(), delete(gone, "sessions"))
    assert [each["outcome"] for each in results] == ["rejected", "applied"]  # removals are last
    assert results[0]["status"] == 403
    assert exceeded(results[0]["error"]) == ("records", RECORDS, RECORDS)
    results = sync.push(upsert(), upsert())
    assert [each["outcome"] for each in results] == ["applied", "rejected"]
    assert counted(server, alice) == recounted(server, alice)


def test_an_atomic_push_above_the_quota_has_no_effect(server: Server, alice: Person) -> None:
    ops = [upsert(op_id=str(new_id())) for _ in range(RECORDS + 1)]
    answer = alice.client.post(PUSH, json={"atomic": True, "ops": ops})
    outcomes = [each["outcome"] for each in refused(answer, 409, "batch-refused")["results"]]
    assert outcomes == ["rolled-back"] * RECORDS + ["rejected"]
    assert counted(server, alice) == {"records": 0, "document_bytes": 0, "remembered_ops": 0}
    assert alice.client.post(PUSH, json={"atomic": True, "ops": ops[1:]}).status_code == 200
    assert counted(server, alice) == recounted(server, alice)


def test_operations_are_remembered_up_to_the_quota(server: Server, alice: Person) -> None:
    sync = SyncClient(alice)
    record = sync.push_applied(upsert(op_id=str(new_id())))
    same = [upsert(id=record["id"], set={"kind": "integration"}, op_id=str(new_id())) for _ in range(OPERATIONS)]
    results = [sync.push_one(each | {"base": record["version"]}) for each in same]
    assert [each["outcome"] for each in results] == ["unchanged"] * (OPERATIONS - 1) + ["rejected"]
    assert exceeded(results[-1]["error"]) == ("remembered-operations", OPERATIONS, OPERATIONS)
    refused_removal = sync.push_one(delete(record, op_id=str(new_id())))
    assert (refused_removal["status"], refused_removal["error"]["code"]) == (403, "quota-exceeded")
    assert sync.push_one(same[0] | {"base": record["version"]})["replayed"]
    assert summary(sync.push_one(delete(record)))[:2] == ("applied", 204)
    assert counted(server, alice) == recounted(server, alice)


def test_removals_of_ids_that_never_existed_leave_nothing(server: Server, alice: Person) -> None:
    sync, before = SyncClient(alice), counted(server, alice)
    never = [delete({"id": str(new_id())}, op_id=str(new_id())) for _ in range(OPERATIONS + 2)]
    for _ in range(2):
        results = sync.push(*never)
        assert {(each["outcome"], each["status"], each["replayed"]) for each in results} == {("unchanged", 204, False)}
    assert counted(server, alice) == before == recounted(server, alice)


def test_an_import_obeys_the_quota(server: Server, alice: Person) -> None:
    moment = "2026-11-22T18:40:12.504118Z"
    records = [
        {"id": str(new_id()), "version": 1, "created_at": moment, "updated_at": moment, "title": "wisteria"}
        for _ in range(RECORDS + 2)
    ]
    result = imported(alice, archive_of({"sessions": records}))
    assert result["created"] == RECORDS
    assert [each["code"] for each in result["rejected"]] == ["quota-exceeded"] * 2
    assert counted(server, alice) == recounted(server, alice)


def test_a_clinics_push_obeys_the_quota_and_does_not_say_how_much_the_patient_has(
    server: Server, alice: Person
) -> None:
    clinic = new_clinic(server)
    give(alice, clinic, "P-1")
    fill(server, alice)
    (result,) = push_sessions(clinic, entry(clinic.identifier("P-1")))
    assert (result["outcome"], result["status"], result["reason"]) == ("rejected", 403, "quota-exceeded")
    assert result["errors"] == []
    assert not {"used", "limit", "quota"} & result.keys()
    assert counted(server, alice) == recounted(server, alice)


def test_the_account_shows_its_usage(server: Server, alice: Person) -> None:
    sync = SyncClient(server.on_another_device(alice))
    sync.push_applied(upsert(op_id=str(new_id())))
    size = counted(server, alice)["document_bytes"]
    assert alice.client.get("/v1/me").json()["usage"] == {
        "records": {"used": 1, "limit": RECORDS},
        "document_bytes": {"used": size, "limit": BYTES},
        "remembered_operations": {"used": 1, "limit": OPERATIONS},
        "devices": {"used": 2, "limit": DEVICES},
    }


def test_the_device_that_was_not_used_for_longest_makes_room(server: Server, alice: Person, bob: Person) -> None:
    second, third = server.on_another_device(alice), server.on_another_device(alice)
    body = {"refresh_token": alice.tokens["refresh_token"]}
    refreshed = server.anyone.post("/v1/auth/refresh", json=body).json()
    fourth = server.on_another_device(alice)
    statuses = [each.client.get("/v1/me").status_code for each in (alice, second, third, fourth, bob)]
    assert statuses == [200, 401, 200, 200, 200]
    assert server.client(refreshed["access_token"]).get("/v1/me").json()["usage"]["devices"]["used"] == DEVICES
