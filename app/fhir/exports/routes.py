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
PatientType = Annotated[str, Path(description="Always `Patient`.", json_schema_extra={"example": "Patient"})]
Prefer = Annotated[
    str | None,
    Header(
        alias="Prefer",
        description="Always `respond-async`. Add `handling=lenient` to ignore unknown parameters.",
        openapi_examples={"async": {"value": "respond-async"}},
    ),
]
_asks_async: Final = re.compile(r"(?:\A|[,;])\s*respond-async\s*(?:[,;]|\Z)", re.IGNORECASE).search
_PARAMETERS: Final = parameters(
    ("_type", "Resource types, separated by commas; the default is all that the scopes cover."),
    ("_since", "Export only what has changed for the clinic since a date or time, such as the last `transactionTime`."),
    ("_outputFormat", "The file format, always NDJSON: `application/fhir+ndjson`, `application/ndjson` or `ndjson`."),
    ("patient", "Ids of patients, or `Patient/{id}`, separated by commas; the default is all that the client sees."),
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
        "description": "The parameters, as a Parameters resource. They may also be in the query.",
        "content": {MEDIA_TYPE: {"schema": RESOURCE, "example": examples.PARAMETERS}},
    },
    "parameters": _PARAMETERS,
}
_HEADERS: Final[list[HeaderLine]] = [
    (b"content-type", NDJSON.encode()),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),  # so that a proxy does not buffer the file on its disk
]


class Lines(StarletteResponse):
    """A response class that only documents the media type of files in the OpenAPI document."""

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
    """Start an export of the resources of all patients that the client sees (FHIR Bulk Data Access). The files are
    NDJSON: each line is a resource.

    Send the header `Prefer: respond-async`; without it, the response is 400. Then get the manifest from the URL in
    `Content-Location`: it is ready at once. An unknown parameter gets 400; with
    `Prefer: respond-async, handling=lenient`, it is ignored. Each type needs the scope `system/<Type>.s`.
    """
    return await _start(call, endpoints, "/$export", query, (), prefer=prefer)


@router.post(
    "/$export",
    status_code=202,
    response_class=StarletteResponse,
    responses=_STARTED | errors(*BODY),
    openapi_extra=_SENT,
    summary="Start a bulk export with a Parameters resource",
)
async def start_export_by_resource(
    call: AnyFhirClient, *, endpoints: TheEndpoints, query: RawQuery, sent: Parameters, prefer: Prefer = None
) -> Response:
    """Do the same as `GET /fhir/$export`, with the parameters in the body, so that proxies do not log them. Without the
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
    """Do the same as `GET /fhir/$export`: every resource belongs to a patient, so both export the same resources. A
    type other than Patient gets 404. Without the header `Prefer: respond-async`, the response is 400.
    """
    _check_patient(type)
    return await _start(call, endpoints, "/Patient/$export", query, (), prefer=prefer)


@router.post(
    "/{type:fhir_type}/$export",
    status_code=202,
    response_class=StarletteResponse,
    responses=_STARTED | errors(*BODY, 404),
    openapi_extra=_SENT,
    summary="Start a bulk export of all patients with Parameters",
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
    """Do the same as `POST /fhir/$export`. A type other than Patient gets 404. Without the header
    `Prefer: respond-async`, the response is 400.
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
    """Return the manifest of an export: the URLs of its files. An export is ready as soon as it has started, and
    expires 24 hours later. The export of another client gets 404.

    Send `transactionTime` as `_since` of the next export. It is 60 seconds before the start of this export, so that the
    next one contains the changes that were still being written at the start. A change may be in both exports.
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
    """Delete an export before it expires. Later requests for it get 404, and a running download stops early."""
    check_only_format(query)
    await starting.delete(call, id)
    return Response(202)


@router.get(
    "/export/deleted/{id:id}",
    response_class=Lines,
    responses=errors(*SIGNED_IN, 404)
    | _file("The file. Each line is a Bundle of the type `transaction`.", examples.DELETIONS),
    summary="Download the deletions of a bulk export",
)
async def download_deletions(call: AnyDownloader, reader: CurrentConnection, id: ExportId, query: RawQuery) -> Response:
    """Return a DELETE request for each resource that the client may have stored, but can no longer see: after `_since`,
    the resource was removed, its sharing ended, or the consent ended. The DELETE of a Patient means that all resources
    of the patient are deleted; they are not listed. An export without `_since`, or of another client, gets 404. Needs
    the scope `system/<Type>.s` for each type of the export.
    """
    check_only_format(query)
    for name in (await starting.find(call, id))["types"]:
        check_scope(call, name, "s")
    return await _download(call, reader, id, files.deletions)


@router.get(
    "/export/{type:fhir_type}/{id:id}",
    response_class=Lines,
    responses=errors(*SIGNED_IN, 404, 405) | _file("The file. Each line is a resource.", examples.LINES),
    summary="Download a file of a bulk export",
)
async def download_resources(
    call: MayDownload, reader: CurrentConnection, *, type: TypeName, id: ExportId, query: RawQuery
) -> Response:
    """Return the resources of a type, ordered by patient.

    The server generates the file during the download, without Content-Length. It checks the consents again for each
    page of at most 500 resources, and leaves out resources that the client can no longer see. The access log of each
    patient shows which resources were exported. If the connection is closed early, request the file again. The export
    of another client gets 404. Needs the scope `system/<Type>.s`.
    """
    check_only_format(query)
    return await _download(call, reader, id, files.resources(TYPES[type]))


async def _download(call: ClientCaller, reader: CurrentConnection, id: ExportId, file: File) -> Response:
    return await StreamingResponse.start(paced(files.download(call, id, file), reader), _HEADERS)
