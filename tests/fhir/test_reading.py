"""What a clinic sees is mapped to resources, which it can read and search."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import fhirkit
import pytest

from app.clinics.tables import Purpose
from tests.consents.clinic import Clinic, accesses, give, new_client, new_clinic
from tests.drafts import Json
from tests.exchange.replica import SYSTEM, entry, expire, push
from tests.exchange.test_visibility import create, linked
from tests.fhir.facade import ALL, TYPES, Facade, connect, refused
from tests.serving import Person, Server

LOINC: Final = "http://loinc.org"
SNOMED: Final = "http://snomed.info/sct"


def pushed(facade: Facade, value: str = "S-1", **changes: Any) -> str:
    """Push a session natively; return its id."""
    (result,) = push(facade.clinic, entry(facade.patient, value, **changes))
    assert result["status"] in {200, 201}, result
    return str(result["id"])


def test_a_connection_is_a_patient_with_its_identifiers_and_name_only(alice: Person, clinic: Clinic) -> None:
    facade = connect(alice, clinic, name="Ilse")
    (patient,) = facade.found("Patient")
    assert patient.pop("meta")["security"] == [
        {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
    ]
    assert patient == {
        "resourceType": "Patient",
        "id": facade.patient,
        "identifier": [facade.chart],
        "active": True,
        "name": [{"text": "Ilse"}],
    }


def test_a_connection_is_a_consent(alice: Person, clinic: Clinic) -> None:
    until = (datetime.now(UTC) + timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    facade = connect(alice, clinic, until=until)
    consent = facade.get(f"Consent/{facade.patient}")
    assert consent["patient"] == {"reference": f"Patient/{facade.patient}"}
    assert consent["provision"]["period"]["end"] == until
    assert consent["provision"]["purpose"][0]["code"] == "TREAT"
    assert consent["category"][0]["coding"] == [{"system": LOINC, "code": "59284-0"}]


def test_the_purpose_of_research_is_that_of_the_consent(server: Server, alice: Person) -> None:
    clinic = new_clinic(server, purpose=Purpose.RESEARCH)
    invitation = clinic.invite(asks={"shares": ALL, "receives": True, "purpose": "research"})
    terms = {"shares": ALL, "receives": True, "code": invitation["code"]}
    assert alice.client.post("/v1/consents", json=terms).status_code == 201
    assert (
        clinic.client.get("/fhir/Consent").json()["entry"][0]["resource"]["provision"]["purpose"][0]["code"] == "HRESCH"
    )
    treating = new_client(server, clinic.id)
    assert [treating.client.get(f"/fhir/{kind}").json()["total"] for kind in TYPES] == [0] * len(TYPES)


def test_a_managed_session_is_a_procedure_and_a_medication_administration(facade: Facade) -> None:
    id = pushed(facade, supervision="in-person-clinician", scheduled_at="2026-11-20T09:00:00Z")
    procedure, administration = facade.get(f"Procedure/{id}"), facade.get(f"MedicationAdministration/{id}")
    identifier = [{"system": SYSTEM, "value": "S-1"}]
    meta = procedure.pop("meta")
    assert (meta["versionId"], administration["meta"]) == ("2", meta)
    assert procedure == {
        "resourceType": "Procedure",
        "id": id,
        "extension": [
            {"url": "urn:afterglow:setting", "valueCode": "clinic"},
            {"url": "urn:afterglow:supervision", "valueCode": "in-person-clinician"},
            {"url": "urn:afterglow:timezone", "valueCode": "Europe/Berlin"},
            {"url": "urn:afterglow:scheduled-at", "valueDateTime": "2026-11-20T09:00:00.000000Z"},
        ],
        "identifier": identifier,
        "status": "completed",
        "category": {"coding": [{"system": SNOMED, "code": "24642003"}]},
        "code": {"coding": [{"system": "urn:afterglow:session-kind", "code": "dosing"}], "text": "Dosing session"},
        "subject": {"reference": f"Patient/{facade.patient}"},
        "performedPeriod": {"start": "2026-11-20T09:30:00.000000Z", "end": "2026-11-20T11:10:00.000000Z"},
    }
    assert administration["identifier"] == identifier
    assert administration["partOf"] == [{"reference": f"Procedure/{id}"}]
    assert administration["effectivePeriod"] == procedure["performedPeriod"]
    assert administration["medicationCodeableConcept"]["coding"][0]["code"] == "6130"
    assert administration["dosage"]["route"]["coding"] == [{"system": SNOMED, "code": "78421000"}]
    assert administration["dosage"]["dose"] == {
        "value": 62.5,
        "unit": "mg",
        "system": "http://unitsofmeasure.org",
        "code": "mg",
    }


NOT_STARTED: Final[Json] = {
    "status": "planned",
    "started_at": None,
    "ended_at": None,
    "scheduled_at": "2026-12-01T09:00:00Z",
}


def test_a_planned_session_has_no_medication_administration(facade: Facade) -> None:
    id = pushed(facade, **NOT_STARTED)
    procedure = facade.get(f"Procedure/{id}")
    assert (procedure["status"], procedure["performedDateTime"]) == ("preparation", "2026-12-01T09:00:00.000000Z")
    assert facade.found("MedicationAdministration") == []
    assert refused(facade.clinic.client.get(f"/fhir/MedicationAdministration/{id}"), 404) == ["not-found"]


def test_a_counseling_session_has_no_medicine(facade: Facade) -> None:
    nothing: Json = dict.fromkeys(("medicine", "route", "dose_value", "dose_unit"))
    id = pushed(facade, kind="integration", **nothing)
    procedure = facade.get(f"Procedure/{id}")
    assert procedure["category"]["coding"][0]["code"] == "409063005"
    assert facade.found("MedicationAdministration") == []


def test_what_the_patient_writes_is_mapped_with_its_links(alice: Person, facade: Facade) -> None:
    linked(alice)
    observation = facade.found("Observation")[0]
    assert observation["valueString"] == "wisteria"
    procedure = facade.found("Procedure")[0]
    assert observation["partOf"] == [{"reference": f"Procedure/{procedure['id']}"}]
    goals = facade.found("Goal")
    assert {each["description"]["text"] for each in goals} == {"wisteria"}
    document = facade.found("DocumentReference")[0]
    attachment = document["content"][0]["attachment"]
    assert base64.b64decode(attachment["data"]).decode() == "wisteria"
    assert document["type"]["coding"] == [{"system": LOINC, "code": "51855-5"}]
    task = facade.found("Task")[0]
    assert (task["intent"], task["for"]) == ("plan", {"reference": f"Patient/{facade.patient}"})
    assert task["focus"]["reference"] in {f"Goal/{each['id']}" for each in goals}


def test_every_field_with_a_place_in_fhir_is_there(alice: Person, facade: Facade) -> None:
    session = create(alice, "sessions", title="wisteria")
    create(
        alice,
        "elements",
        visibility="shared",
        session_id=session["id"],
        kind="part-of-self",
        title="wisteria",
        description="wisteria 1",
        meaning="wisteria 2",
        valence=0,
        intensity=7,
    )
    shown = {"visibility": "shared"}
    create(
        alice,
        "intentions",
        kind="integration",
        statement="wisteria",
        why="wisteria why",
        domain="mind",
        achievement="improving",
        target_on="2026-12-31",
        **shown,
    )
    plan = {"if_cue": "wisteria if", "then_response": "wisteria then", "details": "wisteria details"}
    days = {"starts_on": "2026-11-01", "due_on": "2026-12-01", "status": "completed"}
    create(alice, "action-items", title="wisteria", change="internal", facet="thought", **plan, **days, **shown)
    observation, goal, task = (facade.found(kind)[0] for kind in ("Observation", "Goal", "Task"))
    assert "partOf" not in observation, "the session is private"
    assert observation["note"] == [{"text": "wisteria 1"}]
    assert observation["component"] == [
        {"code": {"text": "meaning"}, "valueString": "wisteria 2"},
        {"code": {"text": "valence"}, "valueInteger": 0},
        {"code": {"text": "intensity"}, "valueInteger": 7},
    ]
    assert goal["achievementStatus"]["coding"][0]["code"] == "improving"
    assert goal["target"] == [{"dueDate": "2026-12-31"}]
    assert goal["category"] == [{"text": "integration"}, {"text": "mind"}]
    assert task["restriction"] == {"period": {"start": "2026-11-01", "end": "2026-12-01"}}
    assert [each["text"] for each in task["note"]] == ["wisteria details", "If: wisteria if\nThen: wisteria then"]
    assert task["executionPeriod"]["end"]


def test_notes_of_a_managed_session_are_seen_once_it_is_shared(alice: Person, facade: Facade) -> None:
    id = pushed(facade)
    alice.client.patch(f"/v1/sessions/{id}", json={"notes": "wisteria"}, headers={"If-Match": "*"})
    assert "note" not in facade.get(f"Procedure/{id}")
    alice.client.patch(f"/v1/sessions/{id}", json={"visibility": "shared"}, headers={"If-Match": "*"})
    assert facade.get(f"Procedure/{id}")["note"] == [{"text": "wisteria"}]


def test_every_resource_is_valid_for_an_independent_library(alice: Person, facade: Facade) -> None:
    linked(alice)
    pushed(facade)
    pushed(facade, "S-2", **NOT_STARTED)
    pushed(facade, "S-3", route=None, medicine=None, dose_value=1, dose_unit="mg/kg")
    pushed(facade, "S-4", dose_value=None, dose_unit=None)
    for kind in TYPES:
        bundle = facade.get(kind)
        assert [str(each) for each in fhirkit.validate(bundle)] == []
        assert bundle["total"] == len(bundle["entry"]) > 0
        for each in bundle["entry"]:
            assert each["resource"] == facade.get(f"{kind}/{each['resource']['id']}")
            assert each["fullUrl"].endswith(f"/fhir/{kind}/{each['resource']['id']}")


def test_a_read_has_a_weak_tag_and_is_not_sent_again(facade: Facade) -> None:
    id = pushed(facade)
    response = facade.clinic.client.get(f"/fhir/Procedure/{id}")
    tag = response.headers["etag"]
    assert tag == f'W/"{response.json()["meta"]["versionId"]}"'
    for matching in (tag, tag.removeprefix("W/"), f'"x", {tag}', "*"):
        again = facade.clinic.client.get(f"/fhir/Procedure/{id}", headers={"If-None-Match": matching})
        assert (again.status_code, again.content) == (304, b"")
    assert facade.clinic.client.get(f"/fhir/Procedure/{id}", headers={"If-None-Match": 'W/"9"'}).status_code == 200


@pytest.mark.parametrize("kind", TYPES)
def test_what_is_not_shared_looks_missing(
    alice: Person, bob: Person, clinic: Clinic, other_clinic: Clinic, kind: str
) -> None:
    mine, theirs = connect(alice, clinic), connect(bob, other_clinic)
    linked(alice)
    pushed(mine)
    id = mine.found(kind)[0]["id"]
    missing = other_clinic.client.get(f"/fhir/{kind}/{mine.patient[:-4]}beef", headers={"X-Request-Id": "same"})
    foreign = other_clinic.client.get(f"/fhir/{kind}/{id}", headers={"X-Request-Id": "same"})
    assert (foreign.status_code, foreign.content) == (404, missing.content)
    assert theirs.found(kind, _id=id) == []
    assert kind == "Patient" or theirs.found(kind, patient=mine.patient) == []


@pytest.mark.parametrize("how", ["ended", "expired", "narrowed"])
def test_nothing_is_seen_after_the_consent(server: Server, alice: Person, clinic: Clinic, how: str) -> None:
    consent = give(alice, clinic, shares=ALL)
    facade = Facade(clinic, clinic.connections()[0]["id"], {})
    linked(alice)
    id = facade.found("Observation")[0]["id"]
    if how == "expired":
        expire(server, consent)
    else:
        patch: Json = {"status": "inactive"} if how == "ended" else {"shares": []}
        assert alice.client.patch(f"/v1/consents/{consent['id']}", json=patch).status_code == 200
    assert [facade.get(kind)["total"] for kind in TYPES[2:]] == [0] * len(TYPES[2:])
    assert facade.get("Patient")["total"] == (how == "narrowed")
    facade.get(f"Observation/{id}", 404)


def test_each_access_is_logged_for_its_patient(alice: Person, facade: Facade) -> None:
    id = pushed(facade)
    before = len(accesses(alice))
    facade.get(f"Procedure/{id}")
    facade.found("MedicationAdministration")
    facade.found("Patient")
    facade.get("Procedure", _count=0)
    found = [(each["action"], each["collection"], each["ids"]) for each in accesses(alice)[:-before]]
    assert found == [("read", "connections", [facade.patient]), ("read", "sessions", [id]), ("read", "sessions", [id])]


def pages(facade: Facade, url: str) -> list[Json]:
    """Return all pages of a search."""
    found = []
    following: str | None = url
    while following is not None:
        response = facade.clinic.client.get(following)
        assert response.status_code == 200, response.text
        found.append(response.json())
        links = {each["relation"]: each["url"] for each in found[-1]["link"]}
        following = links.get("next")
    return found


def test_pages_have_each_resource_once_and_the_same_total(alice: Person, bob: Person, clinic: Clinic) -> None:
    facades = [connect(person, clinic) for person in (alice, bob)]
    ids = {pushed(facade, f"S-{number}") for facade in facades for number in range(4)}
    found = pages(facades[0], "/fhir/Procedure?status=completed&_count=3")
    shown = [each["resource"]["id"] for page in found for each in page["entry"]]
    assert (set(shown), len(shown)) == (ids, 8)
    assert [page["total"] for page in found] == [8, 8, 8]
    assert [len(page["entry"]) for page in found] == [3, 3, 2]


def test_two_patients_may_have_chosen_the_same_id(alice: Person, bob: Person, clinic: Clinic) -> None:
    facades = [connect(person, clinic) for person in (alice, bob)]
    id = "019aa2c4-7b00-7000-8000-00000000fe01"
    for person in (alice, bob):
        create(person, "sessions", id=id, title="wisteria", visibility="shared")
    found = pages(facades[0], "/fhir/Procedure?_count=1")
    assert [page["entry"][0]["resource"]["id"] for page in found] == [id, id]
    subjects = {page["entry"][0]["resource"]["subject"]["reference"] for page in found}
    assert subjects == {f"Patient/{facade.patient}" for facade in facades}
    assert facades[0].get(f"Procedure/{id}")["id"] == id


def test_a_page_ends_before_it_is_too_long(alice: Person, facade: Facade, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.fhir.reading.MAX_PAGE_BYTES", 2000)
    for _ in range(4):
        create(alice, "reflections", body="wisteria " * 150, visibility="shared")
    found = pages(facade, "/fhir/DocumentReference")
    assert [len(page["entry"]) for page in found] == [2, 2]


@pytest.mark.parametrize("broken", ["x", "", "tail", "of another search"])
def test_a_cursor_is_that_of_its_search(facade: Facade, broken: str) -> None:
    for number in range(3):
        pushed(facade, f"S-{number}")
    link = pages(facade, "/fhir/Procedure?_count=1")[0]["link"][1]["url"]
    cursor = link.partition("_cursor=")[2]
    wrong = {"tail": cursor[:-2] + "AA", "of another search": cursor}.get(broken, broken)
    path = "/fhir/Procedure?status=completed" if broken == "of another search" else "/fhir/Procedure?_count=1"
    assert refused(facade.clinic.client.get(f"{path}&_cursor={wrong}"), 400) == ["invalid"]


def totals(facade: Facade, path: str) -> int:
    return int(facade.get(path)["total"])


SEARCHES: Final = {
    "Procedure": 2,
    "Procedure?status=completed": 1,
    "Procedure?status=preparation,completed": 2,
    "Procedure?status=http://hl7.org/fhir/event-status|completed": 1,
    "Procedure?status=wisteria": 0,
    "Procedure?status=completed&status=preparation": 0,
    f"Procedure?identifier={SYSTEM}|S-1": 1,
    "Procedure?identifier=S-1": 1,
    f"Procedure?identifier={SYSTEM}|S-1,{SYSTEM}|S-2": 2,
    "Procedure?identifier=urn:other|S-1": 0,
    "Procedure?identifier=|S-1": 0,
    "Procedure?date=2026-11-20": 1,
    "Procedure?date=2026-11": 1,
    "Procedure?date=2026": 2,
    "Procedure?date=ge2026-11-20T09:30:00Z&date=lt2026-11-20T09:31": 1,
    "Procedure?date=2026-11-20T09:30": 1,
    "Procedure?date=2026-11-20T09:30:00": 1,
    "Procedure?date=2026-11-20T10:30:00.0%2B01:00": 1,
    "Procedure?date=gt2026-11-20": 1,
    "Procedure?date=le2026-11-20": 1,
    "Procedure?_lastUpdated=ge2020": 2,
    "Procedure?_lastUpdated=gt9999": 0,
    "Procedure?_lastUpdated=lt2020-01-01": 0,
    "Procedure?_id=019aa2c4-7b00-7000-8000-00000000beef": 0,
    "Procedure?_id=wisteria": 0,
    "Procedure?_total=none&_sort=date&_summary=true&_elements=id&_format=json&_pretty=true&_totalMethod=x": 2,
    "MedicationAdministration?status=completed": 1,
    "MedicationAdministration?effective-time=2026-11-20": 1,
    "Consent?status=active": 1,
    "Consent?status=inactive": 0,
    "Observation?status=final": 2,
    "Observation?status=preliminary": 0,
    "Observation?status=entered-in-error": 0,
    "Observation?date=ge2020": 1,
    "Observation?date=lt2020": 0,
    "QuestionnaireResponse": 1,
    "QuestionnaireResponse?status=completed&authored=ge2020": 1,
    "QuestionnaireResponse?status=in-progress,entered-in-error": 0,
    "QuestionnaireResponse?authored=lt2020": 0,
    "QuestionnaireResponse?_lastUpdated=ge2020": 1,
    "Observation?status=amended": 0,
    "Goal?lifecycle-status=active,proposed": 2,
    "Task?status=accepted": 1,
    "DocumentReference?date=2026-11-22&status=current": 1,
}


SESSIONS: Final = {
    path: total for path, total in SEARCHES.items() if path.startswith(("Procedure", "Medication", "Consent"))
}


def test_searches_of_sessions_find_what_their_parameters_select(facade: Facade) -> None:
    pushed(facade)
    pushed(facade, "S-2", **NOT_STARTED)
    assert {path: totals(facade, path) for path in SESSIONS} == SESSIONS


def test_searches_of_other_records_find_what_their_parameters_select(alice: Person, facade: Facade) -> None:
    linked(alice)
    others = {path: total for path, total in SEARCHES.items() if path not in SESSIONS}
    assert {path: totals(facade, path) for path in others} == others


def test_a_search_for_a_patient_finds_only_theirs(alice: Person, bob: Person, clinic: Clinic) -> None:
    mine, theirs = connect(alice, clinic), connect(bob, clinic)
    id = pushed(mine)
    pushed(theirs)
    url = f"https://api.example.org/fhir/Patient/{mine.patient}"
    for name in ("patient", "subject"):
        for value in (mine.patient, f"Patient/{mine.patient}", url):
            assert [each["id"] for each in mine.found("Procedure", **{name: value})] == [id]
    both = f"{mine.patient},Patient/{theirs.patient}"
    assert mine.get("Procedure", patient=both)["total"] == 2
    assert mine.get("Procedure", patient="wisteria")["total"] == 0
    named = f"{mine.chart['system']}|{mine.chart['value']}"
    assert [each["id"] for each in mine.found("Patient", identifier=named)] == [mine.patient]
    assert [each["id"] for each in mine.found("Patient", identifier=mine.chart["value"])] == [mine.patient]
    assert [each["id"] for each in mine.found("Consent", patient=mine.patient)] == [mine.patient]


def test_a_form_searches_as_a_query_does(facade: Facade) -> None:
    pushed(facade)
    client = facade.clinic.client
    path = "/fhir/Procedure/_search"
    assert client.post(path, data={"patient": facade.patient, "_count": "0"}).json()["total"] == 1
    assert client.post(f"{path}?_count=0").json()["total"] == 1
    assert client.post(f"{path}?_count=0", data={"status": "stopped"}).json()["total"] == 0
    assert refused(client.post(path, json={}), 415) == ["not-supported"]
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert refused(client.post(path, content=b"a=%FF", headers=form), 400) == ["invalid"]


def test_the_link_to_itself_shows_what_was_applied(facade: Facade) -> None:
    query = {"status": "completed", "_sort": "date", "_count": "900", "wisteria": "1"}
    response = facade.clinic.client.get("/fhir/Procedure", params=query, headers={"Prefer": "handling=lenient"})
    (link,) = response.json()["link"]
    assert link == {
        "relation": "self",
        "url": f"{str(facade.clinic.client.base_url).rstrip('/')}/fhir/Procedure?status=completed&_count=200",
    }


BAD_PARAMETERS: Final = {
    "unknown": "wisteria=1",
    "chained": "subject.identifier=a|b",
    "a modifier": "status:not=completed",
    "including others": "_include=Procedure:subject",
    "a count that is none": "_count=x",
    "a negative count": "_count=-1",
    "two counts": "_count=1&_count=2",
    "a date that is none": "date=wisteria",
    "no such day": "date=2026-02-31",
    "an unknown prefix": "date=sa2026",
    "an empty id": "_id=",
    "an empty identifier": "identifier=a|",
    "an empty alternative": "status=completed,",
    "no patient": "patient=",
    "a time that is none": "_lastUpdated=2026-11-20T25:00",
}


@pytest.mark.parametrize("query", BAD_PARAMETERS.values(), ids=BAD_PARAMETERS)
def test_a_bad_parameter_is_refused(facade: Facade, query: str) -> None:
    response = facade.clinic.client.get(f"/fhir/Procedure?{query}")
    assert set(refused(response, 400)) <= {"invalid", "not-supported"}
    assert "wisteria" not in response.text.replace('"expression":["wisteria"]', "")


def test_an_unknown_parameter_is_ignored_if_the_client_is_lenient(facade: Facade) -> None:
    lenient = {"Prefer": "return=minimal, handling=lenient"}
    assert facade.get("Procedure?_include=x&wisteria=1", headers=lenient)["total"] == 0
    assert (
        facade.clinic.client.get("/fhir/Procedure?wisteria=1", headers={"Prefer": "handling=strict"}).status_code == 400
    )


def test_a_read_needs_the_scope_of_its_type(server: Server, alice: Person, clinic: Clinic, facade: Facade) -> None:
    linked(alice)
    id = facade.found("Procedure")[0]["id"]
    limited = new_client(server, clinic.id, scopes="system/Procedure.r system/Goal.s")
    assert limited.client.get(f"/fhir/Procedure/{id}").status_code == 200
    assert limited.client.get("/fhir/Goal").json()["total"] == 2
    for path in ("Procedure", "Goal/" + id, f"MedicationAdministration/{id}", "Patient"):
        response = limited.client.get(f"/fhir/{path}")
        assert refused(response, 403) == ["forbidden"]
        assert "insufficient_scope" in response.headers["www-authenticate"]
