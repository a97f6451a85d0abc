"""The CapabilityStatement, generated from the resource types, so that it lists exactly what is implemented."""

from importlib.metadata import version
from typing import Final

from app.clinics.endpoints import Endpoints
from app.fhir.dialect import MEDIA_TYPE
from app.fhir.parts import WRITABLE
from app.fhir.searching import COMMON
from app.fhir.types import TYPES, FhirType
from app.openapi import Json

FHIR_VERSION: Final = "4.0.1"
_DATE: Final = "2026-11-29"
"""The date of the last change to the implemented features."""
_OAUTH_URIS: Final = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_SERVICE: Final = {"system": "http://terminology.hl7.org/CodeSystem/restful-security-service", "code": "SMART-on-FHIR"}
_BULK: Final = "http://hl7.org/fhir/uv/bulkdata"
_KINDS: Final = {
    "id": "token",
    "updated": "date",
    "date": "date",
    "identifier": "token",
    "status": "token",
    "patient": "reference",
}
"""The FHIR types of search parameters, by criterion: the property of a resource that the parameter is compared with."""


def describe(endpoints: Endpoints) -> Json:
    """Return the CapabilityStatement of this server."""
    token = {"url": "token", "valueUri": endpoints.token}
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": _DATE,
        "kind": "instance",
        "instantiates": [f"{_BULK}/CapabilityStatement/bulk-data"],
        "software": {"name": "Afterglow", "version": version("afterglow")},
        "implementation": {"description": "Afterglow for clinics", "url": endpoints.of("/fhir")},
        "fhirVersion": FHIR_VERSION,
        "format": ["json", MEDIA_TYPE],
        "rest": [
            {
                "mode": "server",
                "security": {
                    "extension": [{"url": _OAUTH_URIS, "extension": [token]}],
                    "service": [{"coding": [_SERVICE]}],
                },
                "resource": [_resource(kind) for kind in TYPES.values()],
                "interaction": [{"code": "batch"}, {"code": "transaction"}],
                "operation": [_export("export")],
            }
        ],
    }


def _resource(kind: FhirType) -> Json:
    writes = kind.name in WRITABLE
    codes = ["read", "search-type", *(["create", "update"] if writes else [])]
    return {
        "type": kind.name,
        "interaction": [{"code": code} for code in codes],
        "versioning": "versioned",
        "readHistory": False,
        "updateCreate": False,
        "conditionalCreate": writes,
        "conditionalRead": "not-match",
        "conditionalUpdate": writes,
        "searchParam": [{"name": name, "type": _KINDS[by]} for name, by in (COMMON | {**kind.parameters}).items()],
        **({"operation": [_export("patient-export")]} if kind.name == "Patient" else {}),
    }


def _export(definition: str) -> Json:
    return {"name": "export", "definition": f"{_BULK}/OperationDefinition/{definition}"}
