"""Helpers that build and read the members of FHIR resources, and the URLs of code systems and extensions.

*Element* in this module is FHIR's word for a member of a resource, not a kind of record.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from app.db import Row
from app.openapi import Json

LOINC: Final = "http://loinc.org"
SNOMED: Final = "http://snomed.info/sct"
RXNORM: Final = "http://www.nlm.nih.gov/research/umls/rxnorm"
UCUM: Final = "http://unitsofmeasure.org"
OURS: Final = "urn:afterglow:"
"""The prefix of the URLs of our own extensions and code systems."""
_ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_SECURITY: Final = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}


def present(**elements: Any) -> Json:
    """Return the FHIR elements that have a value: FHIR has no null, no empty text and no empty list."""
    return {name: value for name, value in elements.items() if value or value == 0}


def resource(kind: str, record: Row, **elements: Any) -> Json:
    """Return the FHIR resource of the type `kind` for a record: `id`, `meta`, and the `elements` that have a value."""
    found: Json = {
        "resourceType": kind,
        "id": str(record["id"]),
        "meta": {"versionId": str(record["version"]), "lastUpdated": record["changed_at"], "security": [_SECURITY]},
    }
    for name, value in elements.items():  # not `present`, which would copy the elements twice
        if value or value == 0:
            found[name] = value
    return found


def reference(kind: str, id: object) -> Json | None:
    """Return a FHIR reference to the resource of the type `kind` with this id; None if the id is None."""
    return None if id is None else {"reference": f"{kind}/{id}"}


def references(*some: Json | None) -> list[Json]:
    """Return the references that are not None."""
    return [each for each in some if each is not None]


def text(value: str | None) -> Json | None:
    """Return a CodeableConcept with only a text; None if the text is empty or None."""
    return {"text": value} if value else None


def coded(system: str, code: str, said: str | None = None) -> Json:
    """Return a CodeableConcept with one code, and with the text `said` if it is given."""
    return {"coding": [{"system": system, "code": code}], **present(text=said)}


def notes(*texts: str | None) -> list[Json]:
    """Return an Annotation for each text that is not empty."""
    return [{"text": each} for each in texts if each]


def extensions(kind: str, values: Mapping[str, str | None]) -> list[Json]:
    """Return one of our own extensions for each value that is not None. `values` is by the name of the extension.

    `kind` is the name of the FHIR element that holds the value, such as `valueCode`.
    """
    return [{"url": OURS + name, kind: value} for name, value in values.items() if value is not None]


def absent(reason: str) -> Json:
    """Return the FHIR element to send instead of a required value that is absent.

    `reason` is the code that says why, such as `unknown`.
    """
    return {"extension": [{"url": _ABSENT, "valueCode": reason}]}


def extension_of(element: Json, name: str) -> Any:
    """Return the value of our own extension `name` of a FHIR element; None if the element does not have it."""
    for each in element.get("extension", ()):
        if each.get("url") == OURS + name:
            return next((value for key, value in each.items() if key.startswith("value")), None)
    return None


def code_of(concept: Json | None, *systems: str) -> str | None:
    """Return the first code of a CodeableConcept from one of the code systems; None if there is no such code."""
    for each in (concept or {}).get("coding", ()):
        if each.get("system") in systems:
            code: str | None = each.get("code")
            return code
    return None


def concept_text(concept: Json | None) -> str | None:
    """Return the text of a CodeableConcept or, without a text, the first `display` of its codes; None without both."""
    found = concept or {}
    displays: Iterable[str | None] = (each.get("display") for each in found.get("coding", ()))
    return found.get("text") or next((each for each in displays if each), None)


SURVEY: Final = coded("http://terminology.hl7.org/CodeSystem/observation-category", "survey")
"""The category of Observations that are made from a person's own reports, and not from measurements."""
