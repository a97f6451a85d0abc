"""Bulk exports have what the client sees, as files that are made while they are downloaded."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

import fhirkit
import httpx2 as httpx
import pytest
import sqlalchemy as sa

from app.clinics.tables import ExportRecord, Purpose
from app.composition import MAX_BULK_EXPORTS
from app.db import Statement
from app.fhir import reading
from app.fhir.exports import files, starting
from tests.clinics.clients import end_client
from tests.conftest import Servers
from tests.consents.clinic import Clinic, accesses, new_client, new_clinic
from tests.drafts import Json
from tests.exchange.replica import entry, push
from tests.exchange.test_visibility import change, create, linked
from tests.fhir.exporting import ASYNC, download, downloaded, export, location, manifest_of, start
from tests.fhir.facade import TYPES, Facade, connect, refused
from tests.serving import Person, Server
from tests.waiting import later, wait_until

UNKNOWN: Final = "019aa2c4-7b00-7000-8000-00000000beef"
ROWS: Final = Statement(sa.select(ExportRecord.table().c.id))


def pushed(facade: Facade, value: str = "S-1", **changes: Any) -> str:
    """Push a session natively; return its id."""
    (result,) = push(facade.clinic, entry(facade.patient, value, **changes))
    return str(result["id"])


def parameters(*named: tuple[str, str, Any]) -> Json:
    """Return a resource Parameters."""
    return {"resourceType": "Parameters", "parameter": [{"name": name, key: value} for name, key, value in named]}


def test_an_export_has_what_searches_find(alice: Person, bob: Person, clinic: Clinic) -> None:
    for person in (alice, bob):
        linked(person)
        pushed(connect(person, clinic))
    facade = Facade(clinic, "", {})
    found = export(clinic)
    expected = {(kind, each["id"]): each for kind in TYPES for each in facade.found(kind, _count=200)}
    assert found.resources == expected
    assert found.types == [*TYPES]
    for resource in found.resources.values():
        assert [str(each) for each in fhirkit.validate(resource)] == []


def test_the_manifest_says_when_it_was_and_when_it_ends(clinic: Clinic, facade: Facade) -> None:
    before = datetime.now(UTC)
    url = location(start(clinic, _type="Patient"))
    base = str(clinic.client.base_url).rstrip("/")
    id = url.rpartition("/")[2]
    assert url == f"{base}/fhir/export/{id}"
    response = clinic.client.get(url)
    assert response.headers["content-type"] == "application/json"
    manifest = response.json()
    moment = datetime.fromisoformat(manifest.pop("transactionTime"))
    assert timedelta(seconds=-60) <= moment - before <= timedelta(seconds=-50)
    assert parsedate_to_datetime(response.headers["expires"]) == (moment + timedelta(seconds=60, hours=24)).replace(
        microsecond=0
    )
    assert manifest == {
        "request": f"{base}/fhir/$export?_type=Patient",
        "requiresAccessToken": True,
        "output": [{"type": "Patient", "url": f"{base}/fhir/export/Patient/{id}"}],
        "deleted": [],
        "error": [],
        "outcome": [],
    }
    (patient,) = download(clinic, manifest["output"][0]["url"])
    assert patient["id"] == facade.patient


STARTS: Final[dict[str, Callable[[Clinic], httpx.Response]]] = {
    "all patients": lambda clinic: start(clinic, "Patient/$export", _type="Goal,Patient"),
    "repeated types": lambda clinic: start(clinic, _type=["Goal", "Patient"]),
    "a format": lambda clinic: start(clinic, _type="Goal,Patient", _outputFormat="application/fhir+ndjson"),
    "a resource": lambda clinic: clinic.client.post(
        "/fhir/$export",
        json=parameters(("_type", "valueString", "Goal"), ("_type", "valueCode", "Patient")),
        headers=ASYNC | {"Content-Type": "application/fhir+json"},
    ),
    "a resource for all patients": lambda clinic: clinic.client.post(
        "/fhir/Patient/$export",
        json=parameters(("_type", "valueString", "Goal,Patient"), ("_since", "valueInstant", "2020-01-01T00:00:00Z")),
        headers=ASYNC,
    ),
    "a query of POST": lambda clinic: clinic.client.post("/fhir/$export?_type=Goal&_type=Patient", headers=ASYNC),
}


@pytest.mark.parametrize("begin", STARTS.values(), ids=STARTS)
def test_every_way_to_start_has_the_same_result(
    alice: Person, facade: Facade, begin: Callable[[Clinic], httpx.Response]
) -> None:
    linked(alice)
    found = downloaded(facade.clinic, location(begin(facade.clinic)))
    assert found.types == ["Patient", "Goal"]
    assert len(found.resources) == 3


@pytest.mark.parametrize("body", [{}, {"json": {"resourceType": "Parameters"}}], ids=["no body", "no parameters"])
def test_without_parameters_everything_is_exported(facade: Facade, body: Json) -> None:
    response = facade.clinic.client.post("/fhir/$export", headers=ASYNC, **body)
    assert [*downloaded(facade.clinic, location(response)).resources] == [
        ("Patient", facade.patient),
        ("Consent", facade.patient),
    ]


def test_an_export_may_be_of_some_patients(alice: Person, bob: Person, clinic: Clinic) -> None:
    mine, theirs = connect(alice, clinic), connect(bob, clinic)
    id = pushed(mine)
    pushed(theirs)
    expected = {("Patient", mine.patient), ("Procedure", id)}
    for patient in (mine.patient, f"Patient/{mine.patient}", f"{mine.patient},{UNKNOWN},wisteria"):
        assert {*export(clinic, patient=patient, _type="Patient,Procedure").resources} == expected
    sent = parameters(("patient", "valueReference", {"reference": f"Patient/{mine.patient}"}))
    response = clinic.client.post("/fhir/$export?_type=Patient,Procedure", json=sent, headers=ASYNC)
    assert {*downloaded(clinic, location(response)).resources} == expected
    assert export(clinic, patient="wisteria").resources == {}


BAD_QUERIES: Final = {
    "unknown": "wisteria=1",
    "a filter of a type": "_typeFilter=Goal%3Fstatus%3Dactive",
    "elements": "_elements=id",
    "an unknown type": "_type=Goal,Wisteria",
    "no type": "_type=",
    "another format": "_outputFormat=text/csv",
    "two formats": "_outputFormat=ndjson&_outputFormat=ndjson",
    "no time": "_since=wisteria",
    "a prefix": "_since=ge2026-01-01",
    "an empty time": "_since=",
    "two times": "_since=2026-01-01&_since=2026-01-01",
    "no such day": "_since=2026-02-31",
    "a time after the last year": "_since=9999-12-31T23:59:59-12:00",
    "a time before the first year": "_since=0001-01-01T00:00:00%2B12:00",
    "no patient": "patient=",
    "an empty patient": f"patient={UNKNOWN},",
}
BAD_BODIES: Final[dict[str, Any]] = {
    "a list": [],
    "another resource": {"resourceType": "Patient"},
    "no resource": {},
    "an unknown element": {"resourceType": "Parameters", "wisteria": 1},
    "two values": {
        "resourceType": "Parameters",
        "parameter": [{"name": "_type", "valueString": "Goal", "valueCode": "Goal"}],
    },
    "no name": {"resourceType": "Parameters", "parameter": [{"valueString": "Goal"}]},
    "no value": {"resourceType": "Parameters", "parameter": [{"name": "_type"}]},
    "a part": {"resourceType": "Parameters", "parameter": [{"name": "_since", "part": [{"name": "wisteria"}]}]},
    "a number": parameters(("_type", "valueInteger", 5)),
    "an identifier": parameters(("patient", "valueReference", {"identifier": {"value": "wisteria"}})),
    "an unknown parameter": parameters(("wisteria", "valueString", "wisteria")),
    "too many patients": parameters(
        *(("patient", "valueReference", {"reference": f"Patient/{UNKNOWN[:-4]}{number:04x}"}) for number in range(501))
    ),
}


@pytest.mark.parametrize("query", BAD_QUERIES.values(), ids=BAD_QUERIES)
def test_a_bad_parameter_is_refused(facade: Facade, query: str) -> None:
    response = facade.clinic.client.get(f"/fhir/$export?{query}", headers=ASYNC)
    assert set(refused(response, 400)) <= {"invalid", "not-supported"}
    assert "wisteria" not in response.text.replace('"expression":["wisteria"]', "")


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_bad_resource_is_refused(facade: Facade, body: Any) -> None:
    response = facade.clinic.client.post("/fhir/Patient/$export", json=body, headers=ASYNC)
    assert response.status_code in {400, 422}
    assert set(refused(response, response.status_code)) <= {
        "invalid",
        "not-supported",
        "required",
        "structure",
        "code-invalid",
    }
    assert "wisteria" not in response.text.replace('"expression":["wisteria"]', "").replace('.wisteria"]', "")


def test_a_lenient_client_may_send_what_is_not_supported(alice: Person, facade: Facade) -> None:
    linked(alice)
    headers = {"Prefer": "respond-async; handling=lenient"}
    response = start(facade.clinic, headers=headers, _type="Goal,Wisteria", _elements="id", _format="json")
    found = downloaded(facade.clinic, location(response))
    assert found.types == ["Goal"]
    assert found.manifest["request"].endswith("/$export?_type=Goal%2CWisteria")
    assert downloaded(facade.clinic, location(start(facade.clinic, headers=headers, _type="Wisteria"))).types == []


def test_an_export_is_refused_without_the_right_headers(facade: Facade) -> None:
    client = facade.clinic.client
    for prefer in (None, "handling=lenient", "respond-async-later", "x=respond-async"):
        headers = {} if prefer is None else {"Prefer": prefer}
        assert refused(client.get("/fhir/$export", headers=headers), 400) == ["invalid"]
    assert refused(client.get("/fhir/$export", headers=ASYNC | {"Accept": "text/csv"}), 406) == ["not-supported"]
    xml = ASYNC | {"Content-Type": "application/fhir+xml"}
    assert refused(client.post("/fhir/$export", content=b"<Parameters/>", headers=xml), 415) == ["not-supported"]
    assert refused(client.get("/fhir/%24export", headers=ASYNC), 404) == ["not-found"]
    assert refused(client.put("/fhir/$export", headers=ASYNC), 405) == ["not-supported"]
    assert refused(client.get("/fhir/Group/1/$export", headers=ASYNC), 404) == ["not-found"]
    assert refused(client.get("/fhir/Procedure/$export", headers=ASYNC), 404) == ["not-found"]
    assert refused(client.post("/fhir/Procedure/$export", headers=ASYNC), 404) == ["not-found"]
    url = location(start(facade.clinic, headers={"Prefer": 'return=minimal, Respond-Async, x="y"'}))
    assert refused(client.get(f"{url}?wisteria=1"), 400) == ["not-supported"]


def test_a_file_may_be_requested_with_its_own_media_type(facade: Facade) -> None:
    url = manifest_of(facade.clinic, location(start(facade.clinic)))["output"][0]["url"]
    for accept in ("application/fhir+ndjson", "application/fhir+json", "*/*"):
        assert facade.clinic.client.get(url, headers={"Accept": accept}).status_code == 200


def test_a_client_exports_what_its_scopes_cover(server: Server, alice: Person, clinic: Clinic) -> None:
    connect(alice, clinic)
    linked(alice)
    other = new_client(server, clinic.id, scopes="system/Patient.crus system/Goal.rs system/Task.r")
    found = export(other)
    assert found.types == ["Patient", "Goal"]
    assert refused(start(other, _type="Goal,Task"), 403) == ["forbidden"]
    assert refused(start(other, _type="Procedure"), 403) == ["forbidden"]
    id = found.manifest["output"][0]["url"].rpartition("/")[2]
    assert refused(other.client.get(f"/fhir/export/Procedure/{id}"), 403) == ["forbidden"]
    narrow = server.client(server.services.tokens.issue_to_client(other.client_id, "system/Goal.rs"))
    assert refused(narrow.get(f"/fhir/export/Patient/{id}"), 403) == ["forbidden"]
    since = location(start(other, _since="2026-01-01")).rpartition("/")[2]
    assert refused(narrow.get(f"/fhir/export/deleted/{since}"), 403) == ["forbidden"]
    writer = new_client(server, clinic.id, scopes="system/Procedure.cu")
    assert refused(start(writer), 403) == ["forbidden"]


def test_an_export_is_of_one_client_and_has_its_own_files_only(
    server: Server, alice: Person, clinic: Clinic, other_clinic: Clinic
) -> None:
    connect(alice, clinic)
    linked(alice)
    id = location(start(clinic, _type="Goal", _since="2026-01-01")).rpartition("/")[2]
    paths = [f"/fhir/export/{id}", f"/fhir/export/Goal/{id}", f"/fhir/export/deleted/{id}"]
    assert [clinic.client.get(path).status_code for path in paths] == [200] * 3
    assert refused(clinic.client.get(f"/fhir/export/Task/{id}"), 404) == ["not-found"]
    whole = location(start(clinic)).rpartition("/")[2]
    assert refused(clinic.client.get(f"/fhir/export/deleted/{whole}"), 404) == ["not-found"]
    assert refused(clinic.client.get(f"/fhir/export/Wisteria/{id}"), 404) == ["not-found"]
    for other in (new_client(server, clinic.id), other_clinic):
        for path in paths:
            assert refused(other.client.get(path), 404) == ["not-found"]
        assert refused(other.client.delete(paths[0]), 404) == ["not-found"]
    assert clinic.client.delete(paths[0]).status_code == 202
    for path in paths:
        assert refused(clinic.client.get(path), 404) == ["not-found"]
    assert refused(clinic.client.delete(paths[0]), 404) == ["not-found"]


def test_an_export_expires_after_a_day(server: Server, clinic: Clinic) -> None:
    urls = [location(start(clinic)) for _ in range(2)]
    assert clinic.client.get(urls[0]).status_code == 200
    with later(hours=24, minutes=1):
        client = server.client(server.services.tokens.issue_to_client(clinic.client_id, "system/Patient.s"))
        assert refused(client.get(urls[0]), 404) == ["not-found"]
        assert refused(client.delete(urls[0]), 404) == ["not-found"]
        ids = {str(row["id"]) for row in server.run(server.db.all(ROWS))}
        assert {url.rpartition("/")[2] for url in urls} <= ids
        server.run(starting.delete_expired(server.db))
        assert server.run(server.db.all(ROWS)) == []


def since_now() -> str:
    """Return the present as a parameter; what was before does not count as changed."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def test_deletions_are_what_the_client_does_not_see_any_more(alice: Person, bob: Person, clinic: Clinic) -> None:
    facade, ended = connect(alice, clinic), connect(bob, clinic)
    records = linked(alice)
    linked(bob)
    session = pushed(facade)
    before = export(clinic)
    moment = since_now()
    alice.client.delete(f"/v1/reflections/{records['reflection']['id']}", headers={"If-Match": "*"})
    change(alice, "elements", records["element"], visibility="private")
    nothing: Json = dict.fromkeys(("medicine", "route", "dose_value", "dose_unit"))
    pushed(facade, kind="integration", **nothing)
    (consent,) = bob.client.get("/v1/consents").json()["items"]
    assert bob.client.patch(f"/v1/consents/{consent['id']}", json={"status": "inactive"}).status_code == 200
    found = export(clinic, _since=moment)
    assert {*found.deleted} == {
        f"Patient/{ended.patient}",
        f"Consent/{ended.patient}",
        f"MedicationAdministration/{session}",
        f"Observation/{records['element']['id']}",
        f"DocumentReference/{records['reflection']['id']}",
    }
    assert len(found.deleted) == 5
    assert found.manifest["deleted"] == [
        {"type": "Bundle", "url": found.manifest["output"][0]["url"].replace(found.types[0], "deleted")}
    ]
    assert ("Procedure", session) in found.resources
    assert {tuple(each.split("/")) for each in found.deleted} <= {*before.resources}
    assert export(clinic, _since=moment, _type="Goal").manifest["deleted"] == []
    assert export(clinic, _since=moment, patient=ended.patient).deleted == found.deleted[:2]
    assert export(clinic).manifest["deleted"] == []


def test_a_client_with_another_purpose_learns_of_no_deletion(server: Server, alice: Person, clinic: Clinic) -> None:
    connect(alice, clinic)
    records = linked(alice)
    research = new_client(server, clinic.id, purpose=Purpose.RESEARCH)
    moment = since_now()
    change(alice, "elements", records["element"], visibility="private")
    assert export(research, _since=moment).deleted == []
    (consent,) = alice.client.get("/v1/consents").json()["items"]
    assert alice.client.patch(f"/v1/consents/{consent['id']}", json={"status": "inactive"}).status_code == 200
    found = export(research, _since=moment)
    assert (found.resources, found.deleted, found.manifest["deleted"]) == ({}, [], [])
    assert len(export(clinic, _since=moment).deleted) == 2


def test_only_what_has_changed_for_the_clinic_is_exported_since_then(
    alice: Person, bob: Person, clinic: Clinic
) -> None:
    connect(alice, clinic)
    records = linked(alice)
    linked(bob)
    moment = since_now()
    change(alice, "intentions", records["first"], statement="wisteria again")
    assert [*export(clinic, _since=moment).resources] == [("Goal", records["first"]["id"])]
    moment = since_now()
    facade = connect(bob, clinic)
    found = export(clinic, _since=moment)
    subjects = {each.get("subject", {}).get("reference") for each in found.resources.values()}
    assert subjects == {None, f"Patient/{facade.patient}"}
    assert len(found.resources) == len(export(clinic, patient=facade.patient).resources) > 5


def test_each_page_has_the_next_resources_of_each_patient(
    alice: Person, bob: Person, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PAGE_RECORDS", 2)
    facades = [connect(person, clinic) for person in (alice, bob)]
    ids = {("Procedure", pushed(facade, f"S-{number}")) for facade in facades for number in range(3)}
    url = manifest_of(clinic, location(start(clinic)))["output"][2]["url"]
    before = len(accesses(alice))
    found = download(clinic, url)
    order = [(each["subject"]["reference"], each["id"]) for each in found]
    assert order == sorted(order)
    assert {("Procedure", id) for _, id in order} == ids
    logged = accesses(alice)[:-before]
    assert {(each["action"], each["collection"]) for each in logged} == {("export", "sessions")}
    assert sorted(id for each in logged for id in each["ids"]) == [
        id for subject, id in order if subject == f"Patient/{facades[0].patient}"
    ]
    moment = since_now()
    for person in (alice, bob):
        (consent,) = person.client.get("/v1/consents").json()["items"]
        person.client.patch(f"/v1/consents/{consent['id']}", json={"status": "inactive"})
    third = connect(alice.server.person("third"), clinic)
    pushed(third)
    assert {*export(clinic, _since=moment).deleted} == {
        f"{kind}/{facade.patient}" for facade in facades for kind in ("Patient", "Consent")
    }


def test_deletions_have_pages_too(alice: Person, clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PAGE_RECORDS", 2)
    connect(alice, clinic)
    sessions = [create(alice, "sessions", title="wisteria", visibility="shared") for _ in range(5)]
    moment = since_now()
    for each in sessions:
        change(alice, "sessions", each, visibility="private")
    found = export(clinic, _since=moment, _type="Procedure")
    assert sorted(found.deleted) == sorted(f"Procedure/{each['id']}" for each in sessions)
    assert len(download(clinic, found.manifest["deleted"][0]["url"])) == 3


def test_a_page_ends_before_it_is_too_long(alice: Person, facade: Facade, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PAGE_BYTES", 2000)
    for _ in range(4):
        create(alice, "reflections", body="wisteria " * 150, visibility="shared")
    assert len(export(facade.clinic, _type="DocumentReference").resources) == 4


def test_reading_deletions_is_no_access_to_content(alice: Person, clinic: Clinic) -> None:
    connect(alice, clinic)
    records = linked(alice)
    moment = since_now()
    change(alice, "elements", records["element"], visibility="private")
    before = len(accesses(alice))
    url = location(start(clinic, _since=moment, _type="Observation"))
    assert download(clinic, manifest_of(clinic, url)["deleted"][0]["url"])
    assert len(accesses(alice)) == before


@pytest.fixture
def in_the_middle(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Return a function that takes what happens before the second page of a file, whose pages have one resource."""
    monkeypatch.setattr(files, "PAGE_RECORDS", 1)
    read_rows, pages = reading.read_rows, list[int]()

    def arrange(act: Callable[[], object]) -> None:
        async def interrupted(*arguments: Any, **more: Any) -> Any:
            pages.append(len(pages))
            if len(pages) == 2:
                await asyncio.to_thread(act)
            return await read_rows(*arguments, **more)

        monkeypatch.setattr(reading, "read_rows", interrupted)

    return arrange


def test_nothing_is_sent_of_a_patient_who_ends_the_consent_in_the_middle(
    alice: Person, bob: Person, clinic: Clinic, in_the_middle: Callable[[Callable[[], object]], None]
) -> None:
    connected = sorted(((connect(person, clinic), person) for person in (alice, bob)), key=lambda each: each[0].patient)
    facades, first = [facade for facade, _ in connected], connected[0][1]
    for facade in facades:
        for number in range(3):
            pushed(facade, f"S-{number}")
    (consent,) = first.client.get("/v1/consents").json()["items"]
    url = manifest_of(clinic, location(start(clinic)))["output"][2]["url"]

    def end() -> None:
        path = f"/v1/consents/{consent['id']}"
        assert first.client.patch(path, json={"status": "inactive"}).status_code == 200

    in_the_middle(end)
    found = [each["subject"]["reference"] for each in download(clinic, url)]
    assert found == [f"Patient/{facade.patient}" for facade in (facades[0], *[facades[1]] * 3)]
    exported = [each["ids"] for each in accesses(first) if each["action"] == "export"]
    assert len(exported) == 1


def test_a_file_has_no_end_if_the_export_or_its_client_ends_in_the_middle(
    server: Server, alice: Person, clinic: Clinic, in_the_middle: Callable[[Callable[[], object]], None]
) -> None:
    facade = connect(alice, clinic)
    for number in range(3):
        pushed(facade, f"S-{number}")
    url = location(start(clinic))
    procedures = manifest_of(clinic, url)["output"][2]["url"]
    in_the_middle(lambda: clinic.client.delete(url))
    with pytest.raises(httpx.RemoteProtocolError):
        clinic.client.get(procedures)
    wait_until(lambda: server.services.bulk_exports.taken == 0)


def test_a_file_has_no_end_if_the_client_ends_in_the_middle(
    server: Server, alice: Person, clinic: Clinic, in_the_middle: Callable[[Callable[[], object]], None]
) -> None:
    facade = connect(alice, clinic)
    for number in range(3):
        pushed(facade, f"S-{number}")
    url = manifest_of(clinic, location(start(clinic)))["output"][2]["url"]
    in_the_middle(lambda: end_client(server, {"id": clinic.client_id}))
    with pytest.raises(httpx.RemoteProtocolError):
        clinic.client.get(url)
    assert clinic.client.get(url).status_code == 401


def test_a_worker_sends_a_limited_number_of_files_at_once(server: Server, facade: Facade) -> None:
    url = manifest_of(facade.clinic, location(start(facade.clinic)))["output"][0]["url"]
    server.services.bulk_exports.taken += MAX_BULK_EXPORTS
    try:
        response = facade.clinic.client.get(url)
    finally:
        server.services.bulk_exports.taken -= MAX_BULK_EXPORTS
    assert refused(response, 503) == ["transient"]
    assert response.headers["retry-after"] == "10"
    assert facade.clinic.client.get(url).status_code == 200


def test_a_client_starts_a_limited_number_of_exports(servers: Servers, database: str) -> None:
    server = servers.shared(database, throttle_exports=2)
    clinic = new_clinic(server)
    assert [start(clinic, _type=kind).status_code for kind in ("Goal", "Wisteria", "Task")] == [202, 400, 202]
    response = start(clinic)
    assert refused(response, 429) == ["throttled"]
    assert 3500 < int(response.headers["retry-after"]) <= 3600
    assert start(new_client(server, clinic.id)).status_code == 202


def test_the_metadata_lists_the_operations(clinic: Clinic) -> None:
    (rest,) = clinic.client.get("/fhir/metadata").json()["rest"]
    url = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition"
    assert rest["operation"] == [{"name": "export", "definition": f"{url}/export"}]
    by_type = {each["type"]: each.get("operation") for each in rest["resource"]}
    assert by_type.pop("Patient") == [{"name": "export", "definition": f"{url}/patient-export"}]
    assert {*by_type.values()} == {None}
