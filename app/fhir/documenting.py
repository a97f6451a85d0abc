"""Helpers that describe the operations below `/fhir` for the OpenAPI document."""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from app.fhir import examples
from app.fhir.dialect import MEDIA_TYPE
from app.openapi import Json, example
from app.records.text import NO_NUL


class FhirResource(BaseModel, defer_build=True, json_schema_extra=example(examples.PROCEDURE)):
    """A FHIR R4 resource of the type `resourceType`. `GET /fhir/metadata` lists the supported types, and
    https://hl7.org/fhir/R4/ defines their elements.
    """

    model_config = ConfigDict(extra="allow")

    resource_type: str = Field(alias="resourceType", description="The type of the resource.")


RESOURCE: Final = {"$ref": "#/components/schemas/FhirResource"}
_ERRORS: Final = {
    400: "`invalid`: the request or the resource is not valid FHIR.",
    401: "`login`: the request needs a valid access token of a client.",
    403: "`forbidden`: the token lacks the scope, or belongs to a person.",
    404: "`not-found`: the client sees no such resource, or the server does not support this type.",
    405: "`not-supported`: the type does not support this interaction.",
    406: "`not-supported`: the server answers in JSON only.",
    409: "`conflict`: the patient has removed or detached the session, or the clinic does not manage it.",
    412: "`conflict`: the version is not the current one, or the condition is not one identifier.",
    413: "`too-long`: the body has too many bytes or entries.",
    414: "`too-long`: the URL is too long.",
    415: "`not-supported`: the media type of the body is not JSON or, for a search, not that of a form.",
    422: "`business-rule`: the resource breaks a rule of sessions, or the subject is unknown.",
    429: "`throttled`: the client has started too many exports; Retry-After is the number of seconds to wait.",
    503: "`transient`: the server is overloaded, or its database did not respond.",
    507: "`no-store`: the server cannot store anything.",
}
_ALWAYS: Final = (400, 406, 414, 422, 503)
SIGNED_IN: Final = (401, 403)
BODY: Final = (413, 415, 507)


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return FastAPI's `responses` for these error statuses, and for those that every operation can return."""
    return {
        status: {
            "description": _ERRORS[status],
            "content": {MEDIA_TYPE: {"schema": RESOURCE, "example": examples.OUTCOME}},
        }
        for status in sorted({*_ALWAYS, *statuses})
    }


def success(status: int, description: str, shown: Json | None = None) -> dict[int | str, dict[str, Any]]:
    """Return FastAPI's `responses` for a success. Without `shown`, the docs show the example of `FhirResource`."""
    return {
        status: {
            "model": FhirResource,
            "description": description,
            "content": {MEDIA_TYPE: {} if shown is None else {"example": shown}},
        }
    }


TEXT: Final[Json] = {"type": "string", "pattern": NO_NUL}
"""The schema of a query parameter."""


def resource_body(shown: Json) -> Json:
    """Return the OpenAPI `requestBody` of an operation that takes a resource, with the example `shown`."""
    return {"required": True, "content": {MEDIA_TYPE: {"schema": RESOURCE, "example": shown}}}


def parameters(*described: tuple[str, str]) -> list[Json]:
    """Return OpenAPI query parameters, given the name and the description of each."""
    return [
        {"name": name, "in": "query", "required": False, "description": said, "schema": TEXT}
        for name, said in described
    ]
