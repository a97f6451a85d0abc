"""Clients that others wrote work with the facade: fhirclient (SMART) and fhirpy."""

from typing import Any, Final

import pytest
from fhirclient.client import FHIRClient
from fhirclient.models.bundle import Bundle
from fhirclient.models.codeableconcept import CodeableConcept
from fhirclient.models.fhirdatetime import FHIRDateTime
from fhirclient.models.fhirreference import FHIRReference
from fhirclient.models.fhirsearch import FHIRSearch
from fhirclient.models.identifier import Identifier
from fhirclient.models.patient import Patient
from fhirclient.models.period import Period
from fhirclient.models.procedure import Procedure
from fhirclient.server import FHIRNotFoundException
from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import OperationOutcome, ResourceNotFound

from tests.clinics.clients import Assertions
from tests.drafts import Json
from tests.exchange.replica import SYSTEM
from tests.exchange.test_visibility import linked
from tests.fhir.facade import TYPES, Facade, bundle, entry
from tests.serving import Person, Server

UNKNOWN: Final = "019aa2c4-7b00-7000-8000-00000000beef"


@pytest.fixture
def smart(server: Server, facade: Facade) -> Any:
    """fhirclient, which has discovered the token endpoint and got its token there (SMART Backend Services)."""
    assertion = Assertions(server.url, {"id": facade.clinic.client_id}).valid()
    settings = {
        "app_id": str(facade.clinic.client_id),
        "api_base": f"{server.url}/fhir",
        "jwt_token": assertion,
        "scope": "system/*.cruds",
    }
    client = FHIRClient(settings=settings)
    client.prepare()
    client.authorize()
    return client


@pytest.fixture
def fhirpy(facade: Facade) -> Any:
    """fhirpy, with the token of the clinic's client."""
    base = f"{str(facade.clinic.client.base_url).rstrip('/')}/fhir"
    return SyncFHIRClient(base, authorization=f"Bearer {facade.clinic.token}")


def test_fhirclient_reads_the_metadata_and_finds_the_token_endpoint(smart: Any) -> None:
    assert smart.server.auth.auth_type == "oauth2"
    assert smart.ready
    assert smart.server.capabilityStatement.fhirVersion == "4.0.1"


def test_fhirclient_reads_and_searches(alice: Person, facade: Facade, smart: Any) -> None:
    linked(alice)
    patient = Patient.read(facade.patient, smart.server)
    assert patient.identifier[0].value == facade.chart["value"]
    every = Procedure.where({"patient": facade.patient, "status": "preparation"}).perform_resources_iter(smart.server)
    assert [each.subject.reference for each in every] == [f"Patient/{facade.patient}"]
    with pytest.raises(FHIRNotFoundException):
        Procedure.read(UNKNOWN, smart.server)


def test_fhirclient_parses_every_resource(alice: Person, facade: Facade, smart: Any) -> None:
    linked(alice)
    facade.post(facade.procedure())
    facade.post(facade.administration())
    for kind in TYPES:
        page = Bundle.read_from(f"{kind}?_count=100", smart.server)
        assert page.total == len(page.entry) > 0
        assert {each.resource.resource_type for each in page.entry} == {kind}


def test_fhirclient_creates_and_updates(facade: Facade, smart: Any) -> None:
    procedure = Procedure({"status": "completed", "subject": {"reference": f"Patient/{facade.patient}"}})
    procedure.identifier = [Identifier({"system": SYSTEM, "value": "S-1"})]
    procedure.performedPeriod = Period()
    procedure.performedPeriod.start = FHIRDateTime("2026-11-20T09:30:00Z")
    procedure.subject = FHIRReference({"reference": f"Patient/{facade.patient}"})
    created = procedure.create(smart.server)
    stored = Procedure.read(created["id"], smart.server)
    stored.status = "stopped"
    stored.statusReason = CodeableConcept({"text": "wisteria"})
    assert stored.update(smart.server)["status"] == "stopped"
    assert Procedure.read(created["id"], smart.server).statusReason.text == "wisteria"


def test_fhirclient_follows_the_pages(facade: Facade, smart: Any) -> None:
    for number in range(5):
        facade.post(facade.procedure(f"S-{number}"))
    search: FHIRSearch = Procedure.where({"patient": facade.patient, "_count": "2"})
    bundles = [*search.perform_iter(smart.server)]
    assert [len(each.entry) for each in bundles] == [2, 2, 1]


def test_fhirpy_creates_conditionally_searches_and_updates(facade: Facade, fhirpy: Any) -> None:
    sent: Json = facade.procedure()
    found = fhirpy.resources("Procedure").search(identifier=f"{SYSTEM}|S-1")
    procedure, status = found.get_or_create(fhirpy.resource("Procedure", **without_type(sent)))
    assert (procedure["status"], status) == ("completed", 1)
    again, status = found.get_or_create(fhirpy.resource("Procedure", **without_type(sent)))
    assert (again["id"], status) == (procedure["id"], 0)
    stopped = facade.procedure(status="stopped", statusReason={"text": "wisteria"})
    updated, status = found.update(fhirpy.resource("Procedure", **without_type(stopped)))
    assert (updated["id"], updated["status"], status) == (procedure["id"], "stopped", 0)
    procedure["status"] = "completed"
    procedure.save()
    assert found.first()["status"] == "completed"
    assert fhirpy.get("Procedure", procedure["id"])["meta"]["versionId"] == procedure["meta"]["versionId"]


def without_type(resource: Json) -> Json:
    return {name: value for name, value in resource.items() if name != "resourceType"}


def test_fhirpy_pages_counts_and_names_errors(alice: Person, facade: Facade, fhirpy: Any) -> None:
    linked(alice)
    for number in range(5):
        facade.post(facade.administration(f"S-{number}"))
    every = fhirpy.resources("MedicationAdministration").search(patient=facade.patient).limit(2)
    assert len({each["id"] for each in every.fetch_all()}) == 5
    assert fhirpy.resources("Goal").count() == 2
    goal = fhirpy.resources("Goal").first()
    assert goal["subject"].to_resource()["id"] == facade.patient
    with pytest.raises(OperationOutcome, match="this parameter"):
        fhirpy.resources("Goal").search(wisteria="1").fetch()
    with pytest.raises(ResourceNotFound):
        fhirpy.get("Goal", UNKNOWN)


def test_fhirpy_sends_a_transaction(facade: Facade, fhirpy: Any) -> None:
    both = bundle("transaction", entry(facade.procedure()), entry(facade.administration()))
    answered = fhirpy.execute("/", method="post", data=both)
    assert [each["response"]["status"] for each in answered["entry"]] == ["201 Created"] * 2
