"""A clinic's system in the tests of the FHIR facade."""

from dataclasses import dataclass
from typing import Any, Final

import httpx2 as httpx

from app.db import Row
from app.resources import RESOURCES
from tests.consents.clinic import Clinic, give
from tests.drafts import Json
from tests.exchange.replica import SYSTEM
from tests.serving import Person

ALL: Final = [kind.collection for kind in RESOURCES if kind.scope is not None]
TYPES: Final = (
    "Patient",
    "Consent",
    "Procedure",
    "MedicationAdministration",
    "Observation",
    "QuestionnaireResponse",
    "Goal",
    "Task",
    "DocumentReference",
)
WRITABLE: Final = ("Procedure", "MedicationAdministration")
PERIOD: Final = {"start": "2026-11-20T09:30:00Z", "end": "2026-11-20T11:10:00Z"}


@dataclass
class Facade:
    """The FHIR facade, as one client of a clinic uses it for one patient."""

    clinic: Clinic
    patient: str
    chart: Json
    """The clinic's identifier of the patient."""

    def get(self, path: str, status: int = 200, headers: Json | None = None, **query: Any) -> Json:
        """Return the resource at a path."""
        response = self.clinic.client.get(f"/fhir/{path}", params=query or None, headers=headers)
        return checked(response, status)

    def found(self, path: str, **query: Any) -> list[Json]:
        """Return the resources of a search."""
        return [each["resource"] for each in self.get(path, **query).get("entry", [])]

    def post(self, resource: Json, status: int = 201, **headers: str) -> Json:
        """Create a resource."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        path = "" if resource["resourceType"] == "Bundle" else f"/{resource['resourceType']}"
        return checked(self.clinic.client.post(f"/fhir{path}", json=resource, headers=sent), status)

    def put(self, resource: Json, target: str, status: int = 200, **headers: str) -> Json:
        """Update a resource: `target` is `/<id>` or a query."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        path = f"/fhir/{resource['resourceType']}{target}"
        return checked(self.clinic.client.put(path, json=resource, headers=sent), status)

    def procedure(self, value: str = "S-1", **changes: Any) -> Json:
        """Return a Procedure of the patient."""
        return self._resource("Procedure", value) | {"performedPeriod": PERIOD} | changes

    def administration(self, value: str = "S-1", **changes: Any) -> Json:
        """Return a MedicationAdministration of the patient."""
        dose = {"value": 62.5, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}
        medicine = {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "6130"}]}
        found = self._resource("MedicationAdministration", value)
        return (
            found
            | {"effectivePeriod": PERIOD, "medicationCodeableConcept": medicine, "dosage": {"dose": dose}}
            | changes
        )

    def _resource(self, kind: str, value: str) -> Json:
        return {
            "resourceType": kind,
            "status": "completed",
            "subject": {"reference": f"Patient/{self.patient}"},
            "identifier": [{"system": SYSTEM, "value": value}],
        }

    def session(self, id: str) -> Json:
        """Return a session as a pull returns it, without what each write changes."""
        changes = self.clinic.client.get("/v1/clinic/changes", params={"limit": 1000}).json()["changes"]
        (record,) = [each["record"] for each in changes if each["id"] == id and each["record"]]
        return {name: value for name, value in record.items() if name not in VARYING}


VARYING: Final = {"id", "version", "created_at", "updated_at", "identifier", "revision"}


def checked(response: httpx.Response, status: int) -> Json:
    """Return the resource in a response with this status."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/fhir+json"
    found: Json = response.json()
    return found


def refused(response: httpx.Response, status: int) -> list[str]:
    """Return the codes of the issues of an OperationOutcome with this status."""
    outcome = checked(response, status)
    assert outcome["resourceType"] == "OperationOutcome"
    assert all(each["severity"] == "error" and each["details"]["text"] for each in outcome["issue"])
    return [each["code"] for each in outcome["issue"]]


def connect(person: Person, clinic: Clinic, **terms: Any) -> Facade:
    """Connect a person to a clinic, sharing everything; return the facade for this patient."""
    give(person, clinic, **{"shares": ALL} | terms)
    newest = clinic.connections()[0]
    return Facade(clinic, newest["id"], newest["identifiers"][0])


def entry(resource: Json, method: str = "PUT", target: str = "", **request: str) -> Row:
    """Return the entry of a Bundle that writes a resource, by its identifier."""
    identifier = resource["identifier"][0]
    query = target or (f"?identifier={identifier['system']}|{identifier['value']}" if method == "PUT" else "")
    url = f"{resource['resourceType']}{query}"
    return {"resource": resource, "request": {"method": method, "url": url} | request}


def bundle(kind: str, *entries: Row) -> Json:
    """Return a Bundle."""
    return {"resourceType": "Bundle", "type": kind, "entry": [*entries]}
