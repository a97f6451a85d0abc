"""Procedure and MedicationAdministration are two parts of one session, and the same record as one that is pushed."""

from typing import Any, Final

import pytest

from app.problems import NotFound
from tests.consents.clinic import Clinic, accesses, give, new_client
from tests.drafts import Json
from tests.exchange.replica import SYSTEM, entry, push
from tests.exchange.test_visibility import create
from tests.fhir.facade import PERIOD, WRITABLE, Facade, connect, refused
from tests.serving import Person, Server

NAMED: Final = f"?identifier={SYSTEM}|S-1"


def written(facade: Facade, *resources: Json) -> str:
    """Send resources by their identifier; return the id of their session."""
    ids = set()
    for resource in resources:
        response = facade.clinic.client.put(f"/fhir/{resource['resourceType']}{NAMED}", json=resource)
        assert response.status_code in {200, 201}, response.text
        ids.add(response.json()["id"])
    (id,) = ids
    return str(id)


def test_both_parts_in_any_order_are_the_record_of_a_push(alice: Person, bob: Person, clinic: Clinic) -> None:
    native, first = connect(alice, clinic), connect(bob, clinic)
    pushed: Json = {"setting": None, "route": None, "timezone": "UTC"}
    (result,) = push(clinic, entry(native.patient, **pushed))
    id = written(first, first.administration(), first.procedure())
    assert first.session(id) == native.session(result["id"])
    written(first, first.procedure(), first.administration())
    assert first.session(id) == native.session(result["id"])
    written(native, native.procedure(), native.administration())
    (again,) = push(clinic, entry(native.patient, **pushed))
    assert (again["outcome"], again["id"]) == ("unchanged", result["id"])


def test_a_create_answers_201_with_the_stored_resource_and_repeated_200(facade: Facade) -> None:
    for resource in (facade.procedure(), facade.administration()):
        response = facade.clinic.client.post(f"/fhir/{resource['resourceType']}", json=resource)
        assert response.status_code == 201
        stored = response.json()
        url = f"{str(facade.clinic.client.base_url).rstrip('/')}/fhir/{resource['resourceType']}/{stored['id']}"
        assert response.headers["location"] == url
        assert response.headers["etag"] == f'W/"{stored["meta"]["versionId"]}"'
        assert facade.clinic.client.get(url).json() == stored
        assert facade.post(resource, 200) == stored


def test_a_conditional_create_changes_nothing_that_exists(facade: Facade) -> None:
    condition = f"identifier={SYSTEM}|S-1"
    first = facade.post(facade.procedure(), 201, If_None_Exist=condition)
    stopped = facade.procedure(status="stopped", statusReason={"text": "wisteria"})
    assert facade.post(stopped, 200, If_None_Exist=condition) == first
    administration = facade.administration()
    assert facade.post(administration, 201, If_None_Exist=condition)["partOf"][0]["reference"].endswith(first["id"])
    other = facade.administration(medicationCodeableConcept={"text": "esketamine"})
    assert (
        facade.post(other, 200, If_None_Exist=f"?{condition}")["medicationCodeableConcept"]["text"]
        == "racemic-ketamine"
    )


def test_a_conditional_update_creates_and_replaces(facade: Facade) -> None:
    created = facade.put(facade.procedure(), NAMED, 201)
    changed = facade.put(facade.procedure(status="stopped", statusReason={"text": "wisteria"}), NAMED)
    assert (changed["id"], changed["status"]) == (created["id"], "stopped")
    assert facade.put(facade.procedure(), f"{NAMED}&_format=json")["status"] == "completed"
    without = facade.procedure()
    del without["identifier"]
    assert facade.put(without, NAMED)["identifier"] == created["identifier"]


def test_a_plain_update_needs_the_current_version_if_it_names_one(facade: Facade) -> None:
    first = facade.put(facade.procedure(), NAMED, 201)
    target, tag = f"/{first['id']}", f'W/"{first["meta"]["versionId"]}"'
    stopped = facade.procedure(status="stopped", statusReason={"text": "wisteria"}, id=first["id"])
    assert facade.put(stopped, target, If_Match=tag)["status"] == "stopped"
    for outdated in (tag, 'W/"999"'):
        response = facade.clinic.client.put(f"/fhir/Procedure{target}", json=stopped, headers={"If-Match": outdated})
        assert refused(response, 412) == ["conflict"]
    assert facade.put(facade.procedure(), target, If_Match="*")["status"] == "completed"
    assert facade.put(facade.procedure(), target)["status"] == "completed"
    response = facade.clinic.client.put(f"/fhir/Procedure{target}", json=stopped, headers={"If-Match": "wisteria"})
    assert refused(response, 400) == ["invalid"]


def test_a_medication_administration_is_added_to_its_session_by_id(facade: Facade) -> None:
    id = facade.put(facade.procedure(), NAMED, 201)["id"]
    response = facade.clinic.client.put(
        f"/fhir/MedicationAdministration/{id}", json=facade.administration(), headers={"If-Match": 'W/"2"'}
    )
    assert refused(response, 412) == ["conflict"]
    added = facade.put(facade.administration(), f"/{id}")
    assert added["dosage"]["dose"]["value"] == 62.5


def test_each_part_leaves_the_other_as_it_is(facade: Facade) -> None:
    id = written(facade, facade.procedure(), facade.administration())
    before = facade.session(id)
    note = {"text": "wisteria"}
    other = facade.administration(status="in-progress", effectiveDateTime="2020-01-01T00:00:00Z")
    written(facade, without(other, "effectivePeriod"))
    assert facade.session(id) == before, "the status and the period are the Procedure's"
    written(facade, facade.procedure(status="stopped", statusReason=note, note=[note]))
    changed = facade.session(id)
    assert {name for name in before if before[name] != changed[name]} == {"status", "status_reason"}
    assert changed["notes"] is None, "notes are the patient's"


def test_a_medication_administration_starts_a_planned_session(facade: Facade) -> None:
    planned = facade.procedure(status="preparation", performedDateTime="2026-12-01T09:00:00Z")
    del planned["performedPeriod"]
    id = written(facade, planned)
    administration = facade.administration(effectiveDateTime="2026-12-01T09:10:00Z", status="in-progress")
    del administration["effectivePeriod"]
    written(facade, administration)
    session = facade.session(id)
    assert (session["status"], session["started_at"]) == ("in-progress", "2026-12-01T09:10:00.000000Z")
    assert session["scheduled_at"] == "2026-12-01T09:00:00.000000Z"


MEDICINES: Final[dict[str, tuple[Json, str | None]]] = {
    "racemic ketamine": (
        {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "6130"}]},
        "racemic-ketamine",
    ),
    "a name of ours": ({"text": "Esketamine"}, "esketamine"),
    "the display of a code": (
        {"coding": [{"system": "urn:other", "code": "1", "display": "arketamine"}]},
        "arketamine",
    ),
    "another name": ({"text": "ketamine spray 28 mg"}, "other"),
    "another code": ({"coding": [{"system": "urn:other", "code": "1"}]}, "other"),
    "none": ({"text": "none"}, "none"),
}


@pytest.mark.parametrize(("concept", "medicine"), MEDICINES.values(), ids=MEDICINES)
def test_the_medicine_is_that_of_a_code_or_a_text(facade: Facade, concept: Json, medicine: str) -> None:
    id = written(facade, facade.procedure(), facade.administration(medicationCodeableConcept=concept))
    assert facade.session(id)["medicine"] == medicine


def test_a_medicine_that_is_a_reference_is_another_one(facade: Facade) -> None:
    administration = facade.administration(medicationReference={"reference": "Medication/1"})
    del administration["medicationCodeableConcept"]
    assert facade.session(written(facade, administration))["medicine"] == "other"


ROUTES: Final = {
    "our code": ({"coding": [{"system": "http://snomed.info/sct", "code": "78421000"}]}, "intramuscular"),
    "our text": ({"text": "oral"}, "oral"),
    "another code": ({"coding": [{"system": "http://snomed.info/sct", "code": "1"}]}, "other"),
}


@pytest.mark.parametrize(("concept", "route"), ROUTES.values(), ids=ROUTES)
def test_the_route_is_that_of_a_code_or_a_text(facade: Facade, concept: Json, route: str) -> None:
    dosage = facade.administration()["dosage"] | {"route": concept}
    assert facade.session(written(facade, facade.administration(dosage=dosage)))["route"] == route


KINDS: Final[dict[str, tuple[Json, str]]] = {
    "our code": (
        {"code": {"coding": [{"system": "urn:afterglow:session-kind", "code": "integration"}]}},
        "integration",
    ),
    "the category": ({"category": {"coding": [{"system": "http://snomed.info/sct", "code": "24642003"}]}}, "dosing"),
    "another code": ({"code": {"coding": [{"system": "urn:other", "code": "90867"}]}}, "dosing"),
}


@pytest.mark.parametrize(("elements", "kind"), KINDS.values(), ids=KINDS)
def test_the_kind_is_that_of_the_code_or_the_category(facade: Facade, elements: Json, kind: str) -> None:
    assert facade.session(written(facade, facade.procedure(**elements)))["kind"] == kind


def test_a_patient_may_be_named_by_a_url_or_an_identifier(facade: Facade) -> None:
    first = facade.post(facade.procedure())
    for subject in (
        {"reference": f"https://api.example.org/fhir/Patient/{facade.patient}"},
        {"identifier": facade.chart},
    ):
        assert facade.post(facade.procedure(subject=subject), 200)["id"] == first["id"]


@pytest.mark.parametrize("kind", WRITABLE)
def test_an_unknown_patient_and_one_who_does_not_receive_look_the_same(
    alice: Person, bob: Person, clinic: Clinic, other_clinic: Clinic, kind: str
) -> None:
    give(alice, clinic, receives=False)
    closed = Facade(clinic, clinic.connections()[0]["id"], {})
    foreign = connect(bob, other_clinic)
    ended = give(bob, clinic)
    gone = clinic.connections()[0]["id"]
    assert bob.client.patch(f"/v1/consents/{ended['id']}", json={"status": "inactive"}).status_code == 200
    answers = set()
    unknown = {"identifier": {"system": SYSTEM, "value": "nobody"}}
    for patient in (closed.patient, foreign.patient, gone, "wisteria", "019aa2c4-7b00-7000-8000-00000000beef"):
        for subject in ({"reference": f"Patient/{patient}"}, unknown):
            resource = (closed.procedure if kind == "Procedure" else closed.administration)(subject=subject)
            response = clinic.client.post(f"/fhir/{kind}", json=resource, headers={"X-Request-Id": "same"})
            answers.add((response.status_code, response.content))
    assert [status for status, _ in answers] == [422]


def test_a_removed_and_a_detached_session_are_conflicts(alice: Person, facade: Facade) -> None:
    removed = facade.post(facade.procedure())["id"]
    assert alice.client.delete(f"/v1/sessions/{removed}", headers={"If-Match": "*"}).status_code == 204
    detached = facade.post(facade.procedure("S-2"))["id"]
    patch = {"clinic_id": None, "visibility": "shared"}
    alice.client.patch(f"/v1/sessions/{detached}", json=patch, headers={"If-Match": "*"})
    own = create(alice, "sessions", title="wisteria", visibility="shared")["id"]
    client = facade.clinic.client
    assert refused(client.post("/fhir/Procedure", json=facade.procedure()), 409) == ["conflict"]
    assert refused(client.post("/fhir/Procedure", json=facade.procedure("S-2")), 409) == ["conflict"]
    for id in (detached, own):
        assert refused(client.put(f"/fhir/Procedure/{id}", json=facade.procedure("S-2")), 409) == ["conflict"]
    assert refused(client.put(f"/fhir/Procedure/{removed}", json=facade.procedure()), 404) == ["not-found"]


def test_an_update_names_the_session_of_its_patient(alice: Person, bob: Person, clinic: Clinic) -> None:
    mine, theirs = connect(alice, clinic), connect(bob, clinic)
    id = mine.post(mine.procedure())["id"]
    response = clinic.client.put(f"/fhir/Procedure/{id}", json=theirs.procedure())
    assert refused(response, 422) == ["business-rule"]


def test_a_write_is_logged_once(alice: Person, facade: Facade) -> None:
    before = len(accesses(alice))
    id = facade.post(facade.procedure())["id"]
    (found,) = accesses(alice)[:-before]
    assert (found["action"], found["collection"], found["ids"]) == ("write", "sessions", [id])


def test_a_write_needs_its_scope(server: Server, clinic: Clinic, facade: Facade) -> None:
    creating = new_client(server, clinic.id, scopes="system/Procedure.c")
    assert creating.client.post("/fhir/Procedure", json=facade.procedure()).status_code == 201
    assert refused(creating.client.put(f"/fhir/Procedure{NAMED}", json=facade.procedure()), 403) == ["forbidden"]
    administration = facade.administration()
    assert refused(creating.client.post("/fhir/MedicationAdministration", json=administration), 403) == ["forbidden"]


def without(resource: Json, *names: str) -> Json:
    return {name: value for name, value in resource.items() if name not in names}


def bad(right: Json) -> dict[str, tuple[Json, int, str]]:
    """Return resources that are refused, each with the status and the code of an issue."""
    return {
        "another type": (right | {"resourceType": "Goal"}, 400, "required"),
        "no type": (without(right, "resourceType"), 400, "invalid"),
        "no subject": (without(right, "subject"), 400, "required"),
        "an empty subject": (right | {"subject": {"display": "wisteria"}}, 400, "required"),
        "no status": (without(right, "status"), 400, "required"),
        "a status outside the value set": (right | {"status": "wisteria"}, 400, "code-invalid"),
        "a status without a meaning here": (right | {"status": "on-hold"}, 422, "code-invalid"),
        "two choices": (right | {"performedDateTime": "2026-11-20T09:30:00Z"}, 400, "invalid"),
        "a date instead of a time": (right | {"performedPeriod": {"start": "2026-11-20"}}, 400, "value"),
        "no such day": (right | {"performedPeriod": {"start": "2026-02-31T09:30:00Z"}}, 400, "value"),
        "an end before the start": (
            right | {"performedPeriod": PERIOD | {"end": "2026-11-20T09:00:00Z"}},
            422,
            "business-rule",
        ),
        "no start": (without(right, "performedPeriod"), 422, "business-rule"),
        "no reason": (right | {"status": "stopped"}, 422, "business-rule"),
        "an unknown element": (right | {"wisteria": 1}, 400, "structure"),
        "an unknown element with blanks": (right | {"wist eria": 1}, 400, "structure"),
        "null": (right | {"note": None}, 400, "invalid"),
        "a number that is none": (right | {"note": 1}, 400, "invalid"),
        "no identifier": (without(right, "identifier"), 422, "required"),
        "an identifier without a system": (right | {"identifier": [{"value": "S-1"}]}, 422, "required"),
        "an id that is none": (right | {"id": "wisteria"}, 400, "invalid"),
        "an id of another session": (right | {"id": "019aa2c4-7b00-7000-8000-00000000beef"}, 400, "invalid"),
        "an unknown setting": (
            right | {"extension": [{"url": "urn:afterglow:setting", "valueCode": "wisteria"}]},
            422,
            "code-invalid",
        ),
        "an unclear kind": (
            right | {"category": {"coding": [{"system": "http://snomed.info/sct", "code": "409063005"}]}},
            422,
            "code-invalid",
        ),
        "a time zone that is none": (
            right | {"extension": [{"url": "urn:afterglow:timezone", "valueCode": "wisteria"}]},
            422,
            "business-rule",
        ),
    }


NAMES: Final = [*bad({})]


@pytest.mark.parametrize("name", NAMES)
def test_a_bad_resource_is_refused(facade: Facade, name: str) -> None:
    resource, status, code = bad(facade.procedure())[name]
    response = facade.clinic.client.post("/fhir/Procedure", json=resource)
    assert code in refused(response, status)
    assert "wisteria" not in response.text.replace('"expression":["Procedure.wisteria"]', "").replace(
        "Procedure.wisteria", ""
    )
    assert facade.get("Procedure")["total"] == 0


def test_a_resource_of_another_type_is_refused(facade: Facade) -> None:
    response = facade.clinic.client.post("/fhir/Procedure", json=facade.administration())
    assert refused(response, 422) == ["code-invalid"]


BAD_ADMINISTRATIONS: Final[dict[str, tuple[Json, int, str]]] = {
    "an unknown unit": ({"dosage": {"dose": {"value": 1, "unit": "spoons"}}}, 422, "code-invalid"),
    "a unit and no value": ({"dosage": {"dose": {"value": 0, "code": "mg"}}}, 422, "business-rule"),
    "a dose without a unit": ({"dosage": {"dose": {"value": 1}}}, 422, "business-rule"),
    "a status without a meaning": ({"status": "on-hold"}, 422, "code-invalid"),
    "nothing that was given": (
        {
            "dosage": None,
            "medicationCodeableConcept": {
                "extension": [
                    {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
                ]
            },
        },
        422,
        "required",
    ),
}


@pytest.mark.parametrize(("changes", "status", "code"), BAD_ADMINISTRATIONS.values(), ids=BAD_ADMINISTRATIONS)
def test_a_bad_administration_is_refused(facade: Facade, changes: Json, status: int, code: str) -> None:
    resource = {name: value for name, value in facade.administration(**changes).items() if value is not None}
    response = facade.clinic.client.post("/fhir/MedicationAdministration", json=resource)
    assert code in refused(response, status)


CONDITIONS: Final = (
    "",
    "?",
    "?identifier=S-1",
    "?identifier=|S-1",
    "?identifier=urn:x|",
    "?identifier=urn:x|a&identifier=urn:x|b",
    "?_id=019aa2c4-7b00-7000-8000-00000000beef",
    "?identifier=wisteria|%20a",
    f"{NAMED}&status=completed",
)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_that_is_not_one_identifier_is_refused(facade: Facade, condition: str) -> None:
    response = facade.clinic.client.put(f"/fhir/Procedure{condition}", json=facade.procedure())
    assert refused(response, 412) == ["conflict"]


@pytest.mark.parametrize(
    "header", ["wisteria", "identifier=a", "identifier=urn:x|a&b=c", "identifier=%FF", "identifier=%"]
)
def test_a_bad_condition_of_a_create_is_refused(facade: Facade, header: str) -> None:
    response = facade.clinic.client.post("/fhir/Procedure", json=facade.procedure(), headers={"If-None-Exist": header})
    assert refused(response, 412) == ["conflict"]


def test_an_identifier_that_contradicts_the_request_is_refused(facade: Facade) -> None:
    id = facade.post(facade.procedure())["id"]
    other: dict[str, Any] = {"json": facade.procedure("S-2")}
    assert refused(facade.clinic.client.put(f"/fhir/Procedure{NAMED}", **other), 400) == ["invalid"]
    assert refused(facade.clinic.client.put(f"/fhir/Procedure/{id}", **other), 400) == ["invalid"]


def test_shares_do_not_limit_what_a_clinic_writes(alice: Person, clinic: Clinic) -> None:
    facade = connect(alice, clinic, shares=[])
    assert facade.post(facade.procedure())["status"] == "completed"


def test_a_number_that_json_cannot_have_is_refused(facade: Facade) -> None:
    content = (
        b'{"resourceType":"Procedure","status":"completed","subject":{"reference":"a"},"performedAge":{"value":NaN}}'
    )
    headers = {"Content-Type": "application/fhir+json"}
    for each in (content, content.replace(b"NaN", b"-Infinity"), content.replace(b"NaN", b"9" * 50)):
        assert refused(facade.clinic.client.post("/fhir/Procedure", content=each, headers=headers), 400) == ["invalid"]


def test_a_consent_that_ends_after_the_write_hides_the_response(
    facade: Facade, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ended(*_: object, **__: object) -> None:
        raise NotFound

    monkeypatch.setattr("app.fhir.reading.read", ended)
    assert refused(facade.clinic.client.post("/fhir/Procedure", json=facade.procedure()), 422) == ["business-rule"]
