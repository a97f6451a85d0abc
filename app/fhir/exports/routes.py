"""The routes of bulk exports."""

import re
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Header, Path
from starlette.responses import Response as StarletteResponse

from app import clock
from app.clinics.calls import ClientCaller
from app.clinics.endpoints import Endpoints, TheEndpoints
from app.fhir.calls import AnyFhirToken, FhirToken, TypeName, check_scope, is_lenient
from app.fhir.dialect import MEDIA_TYPE, PREFIX, FhirRoute
from app.fhir.documenting import BODY, RESOURCE, SIGNED_IN, errors, parameters
from app.fhir.exports import asking, examples, files, starting
from app.fhir.exports.asking import Parameters
from app.fhir.exports.files import File
from app.fhir.exports.shapes import ExportManifest
from app.fhir.routes import TAG
from app.fhir.searching import Pairs, check_only_format
from app.fhir.types import TYPES
from app.http import CurrentConnection, RawQuery, Response, StreamingResponse, json_response, paced
from app.http.response import Header as HeaderLine
from app.ids import Id
from app.openapi import Json
from app.problems import AsyncRequired, NotFound

NDJSON: Final = "application/fhir+ndjson"
router = APIRouter(prefix=PREFIX, tags=[TAG], route_class=FhirRoute)
AnyFhirClient = Annotated[ClientCaller, Depends(AnyFhirToken())]
AnyDownloader = Annotated[ClientCaller, Depends(AnyFhirToken(checks_accept=False))]
MayDownload = Annotated[ClientCaller, Depends(FhirToken("s", "list", checks_accept=False))]
ExportId = Annotated[
    Id, Path(description="The id of the export.", openapi_examples={"export": {"value": examples.EXPORT_ID}})
]
PatientType = Annotated[str, Path(description="`Patient`.", json_schema_extra={"example": "Patient"})]
Prefer = Annotated[
    str | None,
    Header(
        alias="Prefer",
        description="`respond-async`; with `handling=lenient`, too, unknown parameters are ignored.",
        openapi_examples={"async": {"value": "respond-async"}},
    ),
]
_asks_async: Final = re.compile(r"(?:\A|[,;])\s*respond-async\s*(?:[,;]|\Z)", re.IGNORECASE).search
_PARAMETERS: Final = parameters(
    ("_type", "The types of resource, separated by commas; by default all that the scopes cover."),
    ("_since", "Only what has changed for the clinic since a date or a time, such as the last `transactionTime`."),
    ("_outputFormat", "`application/fhir+ndjson`, `application/ndjson` or `ndjson`: there is no other."),
    ("patient", "The ids of patients, separated by commas; by default all that the client sees."),
)
_LOCATION: Final = {
    "description": "The URL of the manifest.",
    "schema": {"type": "string"},
    "example": examples.LOCATION,
}
_STARTED: Final = errors(*SIGNED_IN, 429, 507) | {
    202: {"description": "The export has started.", "headers": {"Content-Location": _LOCATION}}
}
_SENT: Final[Json] = {
    "requestBody": {
        "description": "The parameters as a resource; they may also be in the query.",
        "content": {MEDIA_TYPE: {"schema": RESOURCE, "example": examples.PARAMETERS}},
    },
    "parameters": _PARAMETERS,
}
_HEADERS: Final[list[HeaderLine]] = [
    (b"content-type", NDJSON.encode()),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),  # the proxies on the way must not write the file to their disks
]


class Lines(StarletteResponse):
    """The response class that documents a file."""

    media_type = NDJSON


def _file(description: str, shown: str) -> dict[int | str, dict[str, Any]]:
    content = {NDJSON: {"schema": {"type": "string"}, "example": shown}}
    return {200: {"description": description, "content": content}}


@router.get(
    "/$export",
    status_code=202,
    response_class=StarletteResponse,
    responses=_STARTED,
    openapi_extra={"parameters": _PARAMETERS},
    summary="Start a bulk export",
)
async def start_export(
    call: AnyFhirClient, endpoints: TheEndpoints, query: RawQuery, prefer: Prefer = None
) -> Response:
    """Start an export of what the client sees of all patients, as files of one resource in a line (FHIR Bulk Data Access).

    It needs the header `Prefer: respond-async`; without it, the response is 400. Read the manifest at the URL in
    `Content-Location`: it is ready at once. An unknown parameter is 400; with `Prefer: respond-async, handling=lenient` it is
    ignored. Each type needs the scope `system/<Type>.s`.
    """
    return await _start(call, endpoints, "/$export", query, (), prefer=prefer)


@router.post(
    "/$export",
    status_code=202,
    response_class=StarletteResponse,
    responses=_STARTED | errors(*BODY),
    openapi_extra=_SENT,
    summary="Start a bulk export by a resource",
)
async def start_export_by_resource(
    call: AnyFhirClient, *, endpoints: TheEndpoints, query: RawQuery, sent: Parameters, prefer: Prefer = None
) -> Response:
    """Do the same as `GET /fhir/$export`, with the parameters in the body, so that no log of a proxy has them. Without the
    header `Prefer: respond-async`, the response is 400.
    """
    return await _start(call, endpoints, "/$export", query, sent, prefer=prefer)


@router.get(
    "/{type:fhir_type}/$export",
    status_code=202,
    response_class=StarletteResponse,
    responses=_STARTED | errors(404),
    openapi_extra={"parameters": _PARAMETERS},
    summary="Start a bulk export of all patients",
)
async def start_patient_export(
    call: AnyFhirClient, *, endpoints: TheEndpoints, type: PatientType, query: RawQuery, prefer: Prefer = None
) -> Response:
    """Do the same as `GET /fhir/$export`: every resource is of a patient. Of other types than Patient it is 404. Without the
    header `Prefer: respond-async`, the response is 400.
    """
    _check_patient(type)
    return await _start(call, endpoints, "/Patient/$export", query, (), prefer=prefer)


@router.post(
    "/{type:fhir_type}/$export",
    status_code=202,
    response_class=StarletteResponse,
    responses=_STARTED | errors(*BODY, 404),
    openapi_extra=_SENT,
    summary="Start a bulk export of all patients by a resource",
)
async def start_patient_export_by_resource(
    call: AnyFhirClient,
    *,
    endpoints: TheEndpoints,
    type: PatientType,
    query: RawQuery,
    sent: Parameters,
    prefer: Prefer = None,
) -> Response:
    """Do the same as `POST /fhir/$export`. Of other types than Patient it is 404. Without the header `Prefer: respond-async`,
    the response is 400.
    """
    _check_patient(type)
    return await _start(call, endpoints, "/Patient/$export", query, sent, prefer=prefer)


def _check_patient(name: str) -> None:
    if name != "Patient":
        raise NotFound


async def _start(
    call: ClientCaller, endpoints: Endpoints, path: str, query: Pairs, sent: Pairs, *, prefer: str | None
) -> Response:
    if prefer is None or not _asks_async(prefer):
        raise AsyncRequired
    wanted = asking.read(call, query, sent, lenient=is_lenient(prefer))
    applied = f"?{urlencode(wanted.applied)}" if wanted.applied else ""
    id = await starting.start(call, wanted, endpoints.of(f"{PREFIX}{path}{applied}"))
    return Response(202, headers=[(b"content-location", endpoints.of(f"{PREFIX}/export/{id}").encode())])


@router.get(
    "/export/{id:id}",
    response_model=ExportManifest,
    responses=errors(*SIGNED_IN, 404)
    | {
        200: {
            "description": "The manifest.",
            "headers": {
                "Expires": {
                    "description": "When the export is deleted.",
                    "schema": {"type": "string"},
                    "example": examples.EXPIRES,
                }
            },
        }
    },
    summary="Get the manifest of a bulk export",
)
async def get_export(call: AnyFhirClient, endpoints: TheEndpoints, id: ExportId, query: RawQuery) -> Response:
    """Return the files of an export. An export is ready as soon as it has started, and is deleted 24 hours later. That of
    another client is 404.

    `transactionTime` is 60 seconds before the start, so that a change that was being written then is in the next export, with
    `_since`. A change may be in both.
    """
    check_only_format(query)
    export = await starting.find(call, id)
    types, has_deletions = await files.listed(call, export)
    deleted = [{"type": "Bundle", "url": endpoints.of(f"{PREFIX}/export/deleted/{id}")}] if has_deletions else []
    manifest = {
        "transactionTime": clock.format_instant(export["transaction_at"]),
        "request": export["request"],
        "requiresAccessToken": True,
        "output": [{"type": name, "url": endpoints.of(f"{PREFIX}/export/{name}/{id}")} for name in types],
        "deleted": deleted,
        "error": [],
        "outcome": [],
    }
    return json_response(manifest, headers=[(b"expires", starting.http_date(export["expires_at"]))])


@router.delete(
    "/export/{id:id}",
    status_code=202,
    response_class=StarletteResponse,
    responses=errors(*SIGNED_IN, 404) | {202: {"description": "The export is deleted."}},
    summary="Delete a bulk export",
)
async def delete_export(call: AnyFhirClient, id: ExportId, query: RawQuery) -> Response:
    """Delete an export before it expires; then it is 404. A file that is being downloaded ends early."""
    check_only_format(query)
    await starting.delete(call, id)
    return Response(202)


@router.get(
    "/export/deleted/{id:id}",
    response_class=Lines,
    responses=errors(*SIGNED_IN, 404)
    | _file("The file: a Bundle of the type `transaction` in each line.", examples.DELETIONS),
    summary="Download the deletions of a bulk export",
)
async def download_deletions(call: AnyDownloader, reader: CurrentConnection, id: ExportId, query: RawQuery) -> Response:
    """Return a DELETE for each resource that the client has not seen any more since `_since`, and may know: it was removed,
    is no longer shared, or the consent has ended. That of a Patient stands for all resources of the patient. Another client's
    export is 404.
    """
    check_only_format(query)
    for name in (await starting.find(call, id))["types"]:
        check_scope(call, name, "s")
    return await _download(call, reader, id, files.deletions)


@router.get(
    "/export/{type:fhir_type}/{id:id}",
    response_class=Lines,
    responses=errors(*SIGNED_IN, 404, 405) | _file("The file: a resource in each line.", examples.LINES),
    summary="Download a file of a bulk export",
)
async def download_resources(
    call: MayDownload, reader: CurrentConnection, *, type: TypeName, id: ExportId, query: RawQuery
) -> Response:
    """Return the resources of a type, ordered by patient and id.

    The file is made while it is downloaded, without Content-Length, and each of its pages of at most 500 resources checks the
    consents: nothing is sent that a patient has withdrawn by then. Each patient's access log shows what was exported. If the
    connection ends early, request the file again. Another client's export is 404. Needs the scope `system/<Type>.s`.
    """
    check_only_format(query)
    return await _download(call, reader, id, files.resources(TYPES[type]))


async def _download(call: ClientCaller, reader: CurrentConnection, id: ExportId, file: File) -> Response:
    return await StreamingResponse.start(paced(files.download(call, id, file), reader), _HEADERS)
