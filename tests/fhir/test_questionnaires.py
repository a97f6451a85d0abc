"""Assessments as QuestionnaireResponses, with their totals as Observations: only those that are shared under a consent."""

from pathlib import Path
from typing import Any, Final

import fhirkit
import orjson
import pytest

from app.fhir.mapping import questionnaires
from app.library.files import DATA
from tests.conftest import Servers
from tests.consents.clinic import Clinic, accesses, give, new_client, new_clinic
from tests.drafts import Json
from tests.exchange.replica import Replica
from tests.exchange.test_visibility import change, create
from tests.fhir.facade import ALL, Facade, checked, connect, refused
from tests.fhir.test_reading import pages
from tests.serving import Person, Server

LOINC: Final = "http://loinc.org"
TAKEN_AT: Final = "2026-11-22T18:20:00.000000Z"
KINDS: Final = ("QuestionnaireResponse", "Observation")
SCORED: Final = ("scoring", "total", "subscales", "band", "flags", "help")


def answered(person: Person, instrument: str, answers: list[int | None], **more: Any) -> str:
    """Create a shared assessment; return its id."""
    draft = {"instrument": instrument, "answers": answers, "taken_at": TAKEN_AT, "visibility": "shared"}
    return str(create(person, "assessments", **draft | more)["id"])


def both(facade: Facade, id: str) -> tuple[Json, Json]:
    """Return the two resources of an assessment, which a library of others finds valid."""
    response, total = (facade.get(f"{kind}/{id}") for kind in KINDS)
    assert [str(each) for resource in (response, total) for each in fhirkit.validate(resource)] == []
    assert total["derivedFrom"] == [{"reference": f"QuestionnaireResponse/{id}"}]
    assert response["meta"] == total["meta"]
    return response, total


def test_an_assessment_is_a_questionnaire_response_and_an_observation(alice: Person, facade: Facade) -> None:
    session_id = create(alice, "sessions", title="wisteria", visibility="shared")["id"]
    more = {"timepoint": "after-session", "timezone": "Europe/Berlin", "session_id": session_id}
    id = answered(alice, "phq-9", [1, 1, 2, 1, 0, 1, 1, None, 2, 1], status="in-progress", **more)
    response, total = both(facade, id)
    items = orjson.loads((DATA / "instruments/phq-9.1.json").read_bytes())["items"]
    patient, procedure = {"reference": f"Patient/{facade.patient}"}, [{"reference": f"Procedure/{session_id}"}]
    assert response.pop("item") == [
        {
            "linkId": item["loinc"],
            "text": item["topic"],
            **({} if each is None else {"answer": [{"valueInteger": each}]}),
        }
        for item, each in zip(items, [1, 1, 2, 1, 0, 1, 1, None, 2, 1], strict=True)
    ]
    assert response.pop("meta")
    assert response == {
        "resourceType": "QuestionnaireResponse",
        "id": id,
        "extension": [
            {"url": "urn:afterglow:timepoint", "valueCode": "after-session"},
            {"url": "urn:afterglow:timezone", "valueCode": "Europe/Berlin"},
            {"url": "urn:afterglow:flag", "valueCode": "self-harm"},
        ],
        "questionnaire": "urn:afterglow:instrument:phq-9|1",
        "partOf": procedure,
        "status": "in-progress",
        "subject": patient,
        "authored": TAKEN_AT,
        "source": patient,
    }
    assert (total["status"], total["dataAbsentReason"]["coding"][0]["code"]) == ("preliminary", "temp-unknown")
    change(alice, "assessments", {"id": id}, answers=[1, 1, 2, 1, 0, 1, 1, 0, 0, 1], status="completed")
    response, total = both(facade, id)
    assert response["status"] == "completed"
    assert [each["url"] for each in response["extension"]] == ["urn:afterglow:timepoint", "urn:afterglow:timezone"]
    assert total.pop("meta")
    assert total == {
        "resourceType": "Observation",
        "id": id,
        "partOf": procedure,
        "status": "final",
        "category": [
            {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey"}]}
        ],
        "code": {"coding": [{"system": LOINC, "code": "44261-6"}], "text": "Patient Health Questionnaire-9: total"},
        "subject": patient,
        "effectiveDateTime": TAKEN_AT,
        "valueInteger": 7,
        "interpretation": [{"text": "mild"}],
        "method": {"text": "complete"},
        "derivedFrom": [{"reference": f"QuestionnaireResponse/{id}"}],
    }


def test_the_codes_are_those_that_the_instrument_has(alice: Person, facade: Facade) -> None:
    _, total = both(facade, answered(alice, "gad-7", [0] * 8))
    assert total["code"]["coding"] == [{"system": LOINC, "code": "70274-6"}]
    assert total["valueInteger"] == 0
    response, total = both(facade, answered(alice, "pcl-5", [1] * 20))
    assert total["code"] == {"text": "PTSD Checklist for DSM-5, past month, without Criterion A: total"}
    assert (total["valueInteger"], sum(each["valueInteger"] for each in total["component"])) == (20, 20)
    assert total["component"][0] == {"code": {"text": "intrusion"}, "valueInteger": 5}
    assert [each["linkId"] for each in response["item"]] == [str(number) for number in range(1, 21)]


def test_a_total_says_how_it_was_computed_or_that_there_is_none(alice: Person, facade: Facade) -> None:
    _, prorated = both(facade, answered(alice, "phq-9", [1, 1, 2, 1, 0, 1, 1, None, 0, 1]))
    assert (prorated["method"], prorated["valueInteger"]) == ({"text": "prorated"}, 8)
    id = answered(alice, "phq-9", [None] * 10)
    response, total = both(facade, id)
    assert all("answer" not in each for each in response["item"])
    assert not {"valueInteger", "method", "interpretation"} & total.keys()
    assert (total["status"], total["dataAbsentReason"]["coding"][0]["code"]) == ("final", "unknown")
    change(alice, "assessments", {"id": id}, status="entered-in-error")
    response, total = both(facade, id)
    assert (response["status"], total["status"]) == ("entered-in-error", "entered-in-error")
    for kind in KINDS:
        assert [each["id"] for each in facade.found(f"{kind}?status=entered-in-error")] == [id]


def test_only_what_is_shared_under_a_consent_is_seen(alice: Person, bob: Person, clinic: Clinic) -> None:
    facade = connect(alice, clinic)
    give(bob, clinic, shares=[name for name in ALL if name != "assessments"])
    session_id = create(alice, "sessions", title="wisteria")["id"]
    id = answered(alice, "phq-9", [3] * 10, session_id=session_id)
    hidden = [answered(alice, "phq-9", [3] * 10, visibility="private"), answered(bob, "phq-9", [3] * 10)]
    response, total = both(facade, id)
    assert not {"partOf"} & {*response, *total}, "the session is private"
    for kind in KINDS:
        assert [each["id"] for each in facade.found(kind)] == [id]
        assert facade.get(kind)["total"] == 1
        for each in hidden:
            assert refused(clinic.client.get(f"/fhir/{kind}/{each}"), 404) == ["not-found"]
    change(alice, "assessments", {"id": id}, visibility="private")
    for kind in KINDS:
        assert facade.get(kind)["total"] == 0
        facade.get(f"{kind}/{id}", 404)


def test_totals_need_the_scope_of_observations_and_answers_that_of_responses(
    server: Server, alice: Person, clinic: Clinic
) -> None:
    connect(alice, clinic)
    id = answered(alice, "phq-9", [0] * 10)
    for seen, other in (KINDS, KINDS[::-1]):
        limited = new_client(server, clinic.id, scopes=f"system/{seen}.rs").client
        assert checked(limited.get(f"/fhir/{seen}/{id}"), 200)["id"] == id
        assert refused(limited.get(f"/fhir/{other}/{id}"), 403) == ["forbidden"]
        assert refused(limited.get(f"/fhir/{other}"), 403) == ["forbidden"]


def test_a_native_pull_has_the_same_answers_and_score(alice: Person, facade: Facade) -> None:
    id = answered(alice, "pcl-5", [*range(4), None] * 4)
    response, total = both(facade, id)
    (record,) = [each["record"] for each in Replica(facade.clinic).pull() if each["id"] == id]
    own = alice.client.get(f"/v1/assessments/{id}").json()
    assert {name: record[name] for name in SCORED} == {name: own[name] for name in SCORED}
    answers = [each["answer"][0]["valueInteger"] if "answer" in each else None for each in response["item"]]
    assert (record["answers"], record["total"]) == (answers, total.get("valueInteger"))
    assert str(record["version"]) == total["meta"]["versionId"]


def test_pages_of_observations_have_elements_and_totals_each_once(alice: Person, bob: Person, clinic: Clinic) -> None:
    facades = [connect(person, clinic) for person in (alice, bob)]
    session = {person.id: create(person, "sessions", title="wisteria")["id"] for person in (alice, bob)}
    same = "019aa2c4-7b00-7000-8000-00000000fe01"
    for person in (alice, bob):
        more = {"session_id": session[person.id], "title": "wisteria", "kind": "memory", "visibility": "shared"}
        create(person, "elements", id=same, **more)
        create(person, "elements", **more)
        for id in ({"id": same}, {}):
            answered(person, "pgi-c", [2], **id)
    before = len(accesses(alice))
    whole = facades[0].found("Observation")
    assert len(whole) == 8
    assert sorted(each["collection"] for each in accesses(alice)[:-before]) == ["assessments", "elements"]
    for count in (1, 3):
        found = pages(facades[0], f"/fhir/Observation?_count={count}")
        assert [each["resource"] for page in found for each in page["entry"]] == whole
        assert {page["total"] for page in found} == {8}
    mine = facades[0].found(f"Observation?patient={facades[0].patient}&status=final&date=ge{TAKEN_AT}")
    assert [each["code"]["text"] for each in mine] == ["Patient Global Impression of Change: total"] * 2


def test_an_operators_texts_are_shown(servers: Servers, tmp_path: Path) -> None:
    texts: Json = {
        "code": "pgi-c",
        "version": "1",
        "language": "en",
        "introduction": None,
        "items": ["How much have you changed?"],
        "options": {},
        "copyright": None,
    }
    (tmp_path / "pgi-c.1.texts.json").write_bytes(orjson.dumps(texts))
    server = servers.start(servers.settings("sqlite", instruments=tmp_path))
    alice = server.person("alice")
    response, _ = both(connect(alice, new_clinic(server)), answered(alice, "pgi-c", [2]))
    assert response["item"] == [{"linkId": "1", "text": "How much have you changed?", "answer": [{"valueInteger": 2}]}]
    server.end_test()


@pytest.mark.parametrize("total", [None, 3])
def test_an_instrument_that_the_operator_has_removed_has_numbers_only(total: int | None) -> None:
    assessment: Json = dict.fromkeys(("session_id", "timepoint", "definition", "subscales", "band"))
    assessment |= {"id": "019aa2c4-7b00-7000-8000-00000000fe01", "version": 1, "changed_at": TAKEN_AT, "total": total}
    assessment |= {"instrument": "own", "instrument_version": "2", "answers": [3, None], "timezone": "UTC", "flags": []}
    assessment |= {"taken_at": TAKEN_AT, "status": "completed", "scoring": "complete" if total else "incomplete"}
    response, observation = (each(assessment, "p") for each in (questionnaires.response, questionnaires.total))
    assert response["item"] == [{"linkId": "1", "answer": [{"valueInteger": 3}]}, {"linkId": "2"}]
    assert observation["code"] == {"text": "own: total"}
    assert ("valueInteger" in observation) == (total is not None)
    assert [*fhirkit.validate(response), *fhirkit.validate(observation)] == []
