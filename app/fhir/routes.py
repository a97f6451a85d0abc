"""The routes below `/fhir`."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends

from app.clinics.calls import ClientCaller
from app.clinics.discovery import AuthorizationServer
from app.clinics.discovery import describe as describe_server
from app.clinics.endpoints import Endpoints, TheEndpoints
from app.clinics.token_routes import TAG as ACCESS_TAG
from app.fhir import bundles, examples, metadata, reading, searching, writing
from app.fhir.calls import (
    AnyFhirToken,
    Body,
    FhirToken,
    Form,
    IfMatch,
    IfNoneExist,
    Prefer,
    ResourceId,
    TypeName,
    condition_in,
    condition_of,
    is_lenient,
    version_of,
)
from app.fhir.dialect import PREFIX, FhirDocument, FhirRoute, fhir_response
from app.fhir.documenting import BODY, SIGNED_IN, TEXT, FhirResource, errors, parameters, resource_body, success
from app.fhir.parts import WRITABLE, parse
from app.fhir.types import TYPES
from app.fhir.writing import PartWrite, Stored
from app.http import MAX_BODY_BYTES, RawQuery, Response, json_response
from app.http.bodies import FORM
from app.http.response import Header
from app.openapi import Json
from app.problems import NotSupported
from app.records import IfNoneMatch
from app.records.preconditions import matching_etag
from app.sync.collections import MAX_PUSH_BYTES

TAG: Final = "FHIR"
router = APIRouter(prefix=PREFIX, tags=[TAG], route_class=FhirRoute)
discovery = APIRouter(prefix=PREFIX, tags=[ACCESS_TAG], route_class=FhirRoute)
MaySearch = Annotated[ClientCaller, Depends(FhirToken("s", "list"))]
MayRead = Annotated[ClientCaller, Depends(FhirToken("r", "one"))]
MayCreate = Annotated[ClientCaller, Depends(FhirToken("c", "list"))]
MayUpdate = Annotated[ClientCaller, Depends(FhirToken("u", "one"))]
MayPut = Annotated[ClientCaller, Depends(FhirToken("cu", "list"))]
AnyFhirClient = Annotated[ClientCaller, Depends(AnyFhirToken())]


_LARGE: Final = {MAX_BODY_BYTES: MAX_PUSH_BYTES}
_SEARCH_PARAMETERS: Final = (
    ("_id", "The ids of resources, separated by commas."),
    ("_lastUpdated", "When the resource last changed for this clinic: `ge`, `gt`, `le` or `lt` and a date or time."),
    ("identifier", "The clinic's identifier: `system|value`. For Patient, Procedure and MedicationAdministration."),
    (
        "patient",
        "The id of the patient, or `Patient/{id}`; not for Patient. `subject` is the same; Consent does not have it.",
    ),
    ("status", "Codes of the status, separated by commas. For Goal, the parameter is `lifecycle-status`."),
    (
        "date",
        "The time of the event; `effective-time` for MedicationAdministration, `authored` for QuestionnaireResponse.",
    ),
    ("_count", "The maximum number of resources in the page, 0 to 200."),
    ("_cursor", "Where the page starts. The link `next` contains this parameter."),
)


@router.get(
    "/metadata",
    response_model=FhirResource,
    response_class=FhirDocument,
    responses=errors() | success(200, "The CapabilityStatement.", examples.METADATA),
    summary="Get the CapabilityStatement",
)
async def get_fhir_metadata(endpoints: TheEndpoints, query: RawQuery) -> Response:
    """Return the resource types, their interactions and search parameters, and the token endpoint of this server."""
    searching.check_only_format(query, "mode")
    return fhir_response(metadata.describe(endpoints), headers=[(b"cache-control", b"public, max-age=300")])


@router.get(
    "/{type:fhir_type}",
    response_model=FhirResource,
    response_class=FhirDocument,
    responses=errors(*SIGNED_IN, 404, 405) | success(200, "A Bundle of the type `searchset`.", examples.SEARCHSET),
    openapi_extra={"parameters": parameters(*_SEARCH_PARAMETERS)},
    summary="Search resources",
)
async def search_fhir(
    call: MaySearch, endpoints: TheEndpoints, type: TypeName, query: RawQuery, prefer: Prefer = None
) -> Response:
    """Return the resources of a type that the clinic sees, in a stable order, with their total number. Follow the link
    `next` to the next page; the last page has no such link.

    An unknown parameter gets 400; with `Prefer: handling=lenient`, it is ignored. The link `self` contains the
    parameters that were applied. The access log of each patient shows which resources were read. Needs the scope
    `system/<Type>.s`.
    """
    return await _search(call, endpoints, type, query, prefer)


@router.post(
    "/{type:fhir_type}/_search",
    response_model=FhirResource,
    response_class=FhirDocument,
    responses=errors(*SIGNED_IN, *BODY, 404, 405)
    | success(200, "A Bundle of the type `searchset`.", examples.SEARCHSET),
    openapi_extra={
        "requestBody": {
            "description": "The parameters of the search.",
            "content": {FORM: {"schema": {"type": "object"}, "example": {"_count": "50"}}},
        }
    },
    summary="Search resources with a form",
)
async def search_fhir_by_form(
    call: MaySearch, *, endpoints: TheEndpoints, type: TypeName, query: RawQuery, form: Form, prefer: Prefer = None
) -> Response:
    """Do the same as `GET /fhir/{type}`, with the parameters in the body, so that proxies do not log them."""
    return await _search(call, endpoints, type, [*query, *form], prefer)


async def _search(
    call: ClientCaller, endpoints: Endpoints, name: str, pairs: searching.Pairs, prefer: str | None
) -> Response:
    kind = TYPES[name]
    wanted = searching.read(kind, pairs, lenient=is_lenient(prefer))
    found = await reading.search(call, kind, wanted)
    return fhir_response(reading.bundle(kind, wanted, found, endpoints))


@router.get(
    "/{type:fhir_type}/{id:id}",
    response_model=FhirResource,
    response_class=FhirDocument,
    responses=errors(*SIGNED_IN, 404, 405)
    | success(200, "The resource.", examples.PROCEDURE)
    | {304: {"description": "The client has the current version."}},
    summary="Read a resource",
)
async def read_fhir(
    call: MayRead, type: TypeName, id: ResourceId, query: RawQuery, if_none_match: IfNoneMatch = None
) -> Response:
    """Return a resource that the clinic sees. The patient's access log shows this read.

    Needs the scope `system/<Type>.r`.
    """
    searching.check_only_format(query)
    resource = await reading.read(call, TYPES[type], id)
    if matching_etag(if_none_match, int(resource["meta"]["versionId"])) is not None:
        return Response(304, headers=[(b"etag", bundles.etag(resource).encode())])
    return fhir_response(resource, headers=_headers(resource))


@router.post(
    "/{type:fhir_type}",
    status_code=201,
    response_model=FhirResource,
    response_class=FhirDocument,
    responses=errors(*SIGNED_IN, *BODY, 404, 405, 409, 412)
    | success(200, "The resource, which existed before.")
    | success(201, "The resource, which was created."),
    openapi_extra={"requestBody": resource_body(examples.PROCEDURE_DRAFT), MAX_BODY_BYTES: MAX_PUSH_BYTES},
    summary="Create a resource",
)
async def create_fhir(
    call: MayCreate,
    *,
    endpoints: TheEndpoints,
    type: TypeName,
    query: RawQuery,
    body: Body,
    if_none_exist: IfNoneExist = None,
) -> Response:
    """Create a Procedure or a MedicationAdministration. A Procedure sets some fields of one session of the patient, and
    a MedicationAdministration others. Send both, in any order, with the same `identifier`: the clinic's identifier of
    the session.

    If the resource exists, it is updated (200). With `If-None-Exist: identifier=system|value`, it is returned unchanged
    instead (200). Needs the scope `system/<Type>.c`.
    """
    named = condition_in(if_none_exist, query)
    part = parse(WRITABLE[type], body)
    target = await writing.resolve(call, part, named)
    found = await writing.write(call, target, PartWrite(part, only_new=named is not None))
    return _written(found, endpoints)


@router.put(
    "/{type:fhir_type}",
    response_model=FhirResource,
    response_class=FhirDocument,
    responses=errors(*SIGNED_IN, *BODY, 404, 405, 409, 412)
    | success(200, "The resource as it is stored.")
    | success(201, "The resource, which was created."),
    openapi_extra={
        "parameters": [
            {
                "name": "identifier",
                "in": "query",
                "required": True,
                "description": "The clinic's identifier of the session: `system|value`.",
                "schema": TEXT,
                "example": examples.CONDITION,
            }
        ],
        "requestBody": resource_body(examples.PROCEDURE_DRAFT),
        MAX_BODY_BYTES: MAX_PUSH_BYTES,
    },
    summary="Create or update a resource by its identifier",
)
async def put_fhir(
    call: MayPut, *, endpoints: TheEndpoints, type: TypeName, query: RawQuery, body: Body, if_match: IfMatch = None
) -> Response:
    """Create a Procedure or a MedicationAdministration for the session with this identifier, or replace the one that
    exists. The request can be repeated safely. Needs the scope `system/<Type>.cu`.
    """
    named, version = condition_of(query), version_of(if_match)
    part = parse(WRITABLE[type], body)
    target = await writing.resolve(call, part, named)
    return _written(await writing.write(call, target, PartWrite(part, version)), endpoints)


@router.put(
    "/{type:fhir_type}/{id:id}",
    response_model=FhirResource,
    response_class=FhirDocument,
    responses=errors(*SIGNED_IN, *BODY, 404, 405, 409, 412) | success(200, "The resource as it is stored."),
    openapi_extra={"requestBody": resource_body(examples.PROCEDURE_DRAFT), MAX_BODY_BYTES: MAX_PUSH_BYTES},
    summary="Update a resource",
)
async def update_fhir(
    call: MayUpdate,
    *,
    endpoints: TheEndpoints,
    type: TypeName,
    id: ResourceId,
    query: RawQuery,
    body: Body,
    if_match: IfMatch = None,
) -> Response:
    """Replace a Procedure or a MedicationAdministration of a session that the clinic manages. With `If-Match`, the
    version must be the current one. An unknown id gets 404: the server derives the id of a new session from the patient
    and the clinic's identifier of the session. Needs the scope `system/<Type>.u`.
    """
    searching.check_only_format(query)
    version = version_of(if_match)
    part = parse(WRITABLE[type], body)
    target = await writing.find(call, part, id)
    found = await writing.write(call, target, PartWrite(part, version))
    return _written(Stored(found.resource, 200), endpoints)


@router.post(
    "",
    response_model=FhirResource,
    response_class=FhirDocument,
    responses=errors(*SIGNED_IN, *BODY, 404, 405, 409, 412)
    | success(200, "A Bundle with the response to each entry.", examples.BUNDLE_RESPONSE),
    openapi_extra={"requestBody": resource_body(examples.BUNDLE), MAX_BODY_BYTES: MAX_PUSH_BYTES},
    summary="Send a batch or a transaction",
)
async def send_bundle(call: AnyFhirClient, endpoints: TheEndpoints, query: RawQuery, body: Body) -> Response:
    """Execute the entries of a Bundle, at most 500.

    Each entry of a `batch` succeeds or fails separately. A `transaction` writes sessions of one patient: all of its
    entries, or none. The error of a transaction names the entry that failed. Each entry needs the same scope as a
    separate request.
    """
    searching.check_only_format(query)
    entries = bundles.check(body)
    execute = bundles.batch if body["type"] == "batch" else bundles.transact
    return fhir_response(await execute(call, entries, endpoints))


router.add_api_route(
    "/", send_bundle, methods=["POST"], include_in_schema=False, openapi_extra=_LARGE
)  # fhirpy sends Bundles to this path


@router.get("/{type:fhir_type}/{id:id}/_history", include_in_schema=False)  # noqa: FAST003 - every version is refused
@router.get("/{type:fhir_type}/{id:id}/_history/{version}", include_in_schema=False)
@router.get("/{type:fhir_type}/_history", include_in_schema=False)
@router.get("/_history", include_in_schema=False)
async def get_fhir_history(_query: RawQuery) -> Response:
    """Refuse the request: former versions of resources cannot be read."""
    raise NotSupported


@discovery.get(
    "/.well-known/smart-configuration",
    response_model=AuthorizationServer,
    responses=errors(),
    summary="Get the SMART configuration below /fhir",
)
async def get_fhir_smart_configuration(endpoints: TheEndpoints) -> Response:
    """Return the same document as `GET /.well-known/smart-configuration`. FHIR clients look for it at this path."""
    return json_response(describe_server(endpoints), headers=[(b"cache-control", b"public, max-age=300")])


def _headers(resource: Json) -> list[Header]:
    return [(b"etag", bundles.etag(resource).encode())]


def _written(found: Stored, endpoints: Endpoints) -> Response:
    resource = found.resource
    url = endpoints.of(f"{PREFIX}/{resource['resourceType']}/{resource['id']}")
    return fhir_response(resource, found.status, [*_headers(resource), (b"location", url.encode())])
