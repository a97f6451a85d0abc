"""Bundles: a batch, whose entries are separate, and a transaction of one patient, which is atomic."""

from typing import Any, Final

import pytest

from app.problems import Unavailable
from tests.consents.clinic import Clinic, accesses, new_client
from tests.drafts import Json
from tests.exchange.replica import SYSTEM
from tests.fhir.facade import Facade, bundle, checked, connect, entry, refused
from tests.serving import Person, Server


def send(facade: Facade, body: Json, status: int = 200) -> list[Json]:
    """Send a Bundle; return the entries of the response."""
    found = checked(facade.clinic.client.post("/fhir", json=body), status)
    assert found["type"] == f"{body['type']}-response"
    entries: list[Json] = found.get("entry", [])
    return entries


def statuses(entries: list[Json]) -> list[str]:
    return [each["response"]["status"] for each in entries]


def test_a_transaction_writes_both_parts_of_sessions(alice: Person, facade: Facade) -> None:
    both = [entry(facade.administration(each)) for each in ("S-1", "S-2")]
    both += [entry(facade.procedure(each)) for each in ("S-2", "S-1")]
    before = len(accesses(alice))
    entries = send(facade, bundle("transaction", *both))
    assert statuses(entries) == ["201 Created"] * 4
    for each in entries:
        resource = each["resource"]
        assert facade.get(f"{resource['resourceType']}/{resource['id']}") == resource
        assert each["response"]["etag"] == f'W/"{resource["meta"]["versionId"]}"'
        assert each["fullUrl"] == each["response"]["location"]
        assert each["fullUrl"].endswith(f"/fhir/{resource['resourceType']}/{resource['id']}")
    (logged, *_) = [each for each in accesses(alice)[:-before] if each["action"] == "write"]
    assert set(logged["ids"]) == {each["resource"]["id"] for each in entries}
    assert statuses(send(facade, bundle("transaction", *both))) == ["200 OK"] * 4


def test_what_the_procedure_says_takes_precedence(facade: Facade) -> None:
    administration = facade.administration(status="in-progress", effectivePeriod={"start": "2026-11-20T09:40:00Z"})
    for value, order in (("S-1", 1), ("S-2", -1)):
        parts = [
            entry(facade.procedure(value)),
            entry(administration | {"identifier": [{"system": SYSTEM, "value": value}]}),
        ]
        entries = send(facade, bundle("transaction", *parts[::order]))
        session = facade.session(entries[0]["resource"]["id"])
        assert (session["status"], session["started_at"]) == ("completed", "2026-11-20T09:30:00.000000Z")
        assert session["medicine"] == "racemic-ketamine"


def test_an_empty_bundle_has_an_empty_response(facade: Facade) -> None:
    for kind in ("batch", "transaction"):
        assert send(facade, {"resourceType": "Bundle", "type": kind}) == []


def failing(facade: Facade) -> dict[str, tuple[Json, int]]:
    """Return entries that fail, with their status."""
    right = facade.procedure("S-2")
    return {
        "a broken rule": (entry(right | {"status": "stopped"}), 422),
        "a bad resource": (entry(right | {"status": "wisteria"}), 400),
        "no resource": ({"request": {"method": "PUT", "url": f"Procedure?identifier={SYSTEM}|S-2"}}, 400),
        "an unknown patient": (entry(right | {"subject": {"reference": "Patient/wisteria"}}), 422),
        "an unknown id": (entry(right, target="/019aa2c4-7b00-7000-8000-00000000beef"), 404),
        "an id that is none": (entry(right, target="/wisteria"), 404),
        "a create below an id": (entry(right, "POST", "/019aa2c4-7b00-7000-8000-00000000beef"), 405),
        "a condition that is none": (entry(right, target="?status=completed"), 412),
        "another version": (entry(right, ifMatch='W/"77"'), 412),
        "a bad version": (entry(right, ifMatch="wisteria"), 400),
        "a bad condition of a create": (entry(right, "POST", ifNoneExist="wisteria"), 412),
        "an id of another session": (entry(right | {"id": "019aa2c4-7b00-7000-8000-00000000beef"}), 400),
        "a type that is only read": ({"request": {"method": "POST", "url": "Goal"}, "resource": right}, 405),
        "an unknown type": ({"request": {"method": "POST", "url": "wisteria"}, "resource": right}, 404),
        "a long path": ({"request": {"method": "PUT", "url": "Procedure/a/b"}, "resource": right}, 404),
        "a URL that is none": ({"request": {"method": "POST", "url": "http://[wisteria"}, "resource": right}, 404),
    }


def names_of_failing() -> list[str]:
    clinic: Any = None
    return [*failing(Facade(clinic, "", {}))]


@pytest.mark.parametrize("name", names_of_failing())
def test_a_transaction_with_an_entry_that_fails_writes_nothing(facade: Facade, name: str) -> None:
    failed, status = failing(facade)[name]
    response = facade.clinic.client.post("/fhir", json=bundle("transaction", entry(facade.procedure()), failed))
    refused(response, status)
    assert {each["expression"][0] for each in response.json()["issue"]} == {"Bundle.entry[1]"}
    assert "wisteria" not in response.text
    assert facade.get("Procedure")["total"] == 0


@pytest.mark.parametrize("name", names_of_failing())
def test_in_a_batch_the_other_entries_have_their_effect(facade: Facade, name: str) -> None:
    failed, status = failing(facade)[name]
    entries = send(facade, bundle("batch", failed, entry(facade.procedure())))
    assert [int(each[:3]) for each in statuses(entries)] == [status, 201]
    assert entries[0]["response"]["outcome"]["resourceType"] == "OperationOutcome"
    assert "wisteria" not in str(entries[0])


def test_a_batch_reads_and_searches(facade: Facade) -> None:
    id = facade.post(facade.procedure())["id"]
    base = str(facade.clinic.client.base_url).rstrip("/")

    def read(url: str, **request: str) -> Json:
        return {"request": {"method": "GET", "url": url} | request}

    entries = send(
        facade,
        bundle(
            "batch",
            read(f"Procedure/{id}"),
            read(f"{base}/fhir/Procedure?_count=0"),
            read(f"/Procedure/{id}", ifNoneMatch='W/"2"'),
            read("Procedure/wisteria"),
            read("Procedure?wisteria=1"),
            read("wisteria"),
            {"request": {"method": "DELETE", "url": f"Procedure/{id}"}},
        ),
    )
    assert [int(each[:3]) for each in statuses(entries)] == [200, 200, 304, 404, 400, 404, 405]
    assert (entries[0]["resource"]["id"], entries[0]["response"]["etag"]) == (id, 'W/"2"')
    assert entries[1]["resource"]["total"] == 1


def test_each_entry_needs_the_scope_of_its_request(server: Server, clinic: Clinic, facade: Facade) -> None:
    id = facade.post(facade.procedure())["id"]
    limited = Facade(new_client(server, clinic.id, scopes="system/Procedure.r"), facade.patient, {})
    read: list[Json] = [
        {"request": {"method": "GET", "url": url}} for url in (f"Procedure/{id}", "Procedure", f"Goal/{id}")
    ]
    entries = send(limited, bundle("batch", *read, entry(facade.procedure())))
    assert [int(each[:3]) for each in statuses(entries)] == [200, 403, 403, 403]


def test_a_transaction_is_about_one_patient(alice: Person, bob: Person, clinic: Clinic) -> None:
    mine, theirs = connect(alice, clinic), connect(bob, clinic)
    both = bundle("transaction", entry(mine.procedure()), entry(theirs.procedure()))
    response = clinic.client.post("/fhir", json=both)
    refused(response, 400)
    assert response.json()["issue"][0]["expression"] == ["Bundle.entry[1]"]
    assert mine.get("Procedure")["total"] == 0
    assert statuses(send(mine, both | {"type": "batch"})) == ["201 Created"] * 2


def test_a_transaction_only_writes_and_writes_each_part_once(facade: Facade) -> None:
    read = {"request": {"method": "GET", "url": "Procedure"}}
    for second in (read, entry(facade.procedure())):
        response = facade.clinic.client.post("/fhir", json=bundle("transaction", entry(facade.procedure()), second))
        refused(response, 400)
    assert facade.get("Procedure")["total"] == 0


def test_a_transaction_creates_only_what_does_not_exist(facade: Facade) -> None:
    first = facade.post(facade.procedure())
    condition = f"identifier={SYSTEM}|S-1"
    stopped = facade.procedure(status="stopped", statusReason={"text": "wisteria"})
    entries = send(facade, bundle("transaction", entry(stopped, "POST", ifNoneExist=condition)))
    assert (statuses(entries), entries[0]["resource"]) == (["200 OK"], first)
    both = [entry(each, "POST", ifNoneExist=condition) for each in (stopped, facade.administration())]
    entries = send(facade, bundle("transaction", *both))
    assert statuses(entries) == ["200 OK", "201 Created"]
    assert entries[0]["resource"]["status"] == "completed"


def test_a_transaction_for_a_patient_whose_consent_has_ended_writes_nothing(alice: Person, facade: Facade) -> None:
    (consent,) = alice.client.get("/v1/consents").json()["items"]
    alice.client.patch(f"/v1/consents/{consent['id']}", json={"receives": False})
    response = facade.clinic.client.post("/fhir", json=bundle("transaction", entry(facade.procedure())))
    assert refused(response, 422) == ["business-rule"]
    assert response.json()["issue"][0]["expression"] == ["Bundle.entry[0]"]


MALFORMED: Final[dict[str, tuple[Json, int]]] = {
    "not a Bundle": ({"resourceType": "Procedure", "status": "completed", "subject": {"reference": "a"}}, 422),
    "no resource": ({}, 400),
    "another type of Bundle": ({"resourceType": "Bundle", "type": "searchset"}, 400),
    "no type": ({"resourceType": "Bundle"}, 400),
    "entries that are no list": ({"resourceType": "Bundle", "type": "batch", "entry": {}}, 400),
    "an entry that is no object": ({"resourceType": "Bundle", "type": "batch", "entry": [1]}, 400),
    "no request": ({"resourceType": "Bundle", "type": "batch", "entry": [{"fullUrl": "urn:a"}]}, 400),
    "no method": ({"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"url": "Procedure"}}]}, 400),
    "a URL that is no text": (
        {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET", "url": 1}}]},
        400,
    ),
    "501 entries": (
        {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET", "url": "Goal"}}] * 501},
        413,
    ),
}


@pytest.mark.parametrize(("body", "status"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_bundle_is_refused(facade: Facade, body: Json, status: int) -> None:
    refused(facade.clinic.client.post("/fhir", json=body), status)


def test_an_entry_that_could_not_be_executed_fails_the_batch(facade: Facade, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise Unavailable

    monkeypatch.setattr("app.fhir.reading.search", fail)
    body = bundle("batch", {"request": {"method": "GET", "url": "Procedure"}})
    assert refused(facade.clinic.client.post("/fhir", json=body), 503) == ["transient"]
