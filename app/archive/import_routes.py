"""The route of imports."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query

from app.archive import importing
from app.archive.format import MEDIA_TYPE
from app.archive.import_shapes import ImportQuery, ImportResult
from app.http import MAX_BODY_BYTES, BodyStream, RawBody, Response, Route, json_response
from app.identity import Call
from app.openapi import problems
from app.problems import BadArchive

MAX_ARCHIVE_BYTES: Final = 32 * 2**20
Archive = Annotated[BodyStream, Depends(RawBody(MEDIA_TYPE))]

router = APIRouter(tags=["Archive"], route_class=Route)


@router.post(
    "/v1/import",
    response_model=ImportResult,
    responses=problems(BadArchive, signed_in=True, body=True),
    summary="Import an archive",
    openapi_extra={
        MAX_BODY_BYTES: MAX_ARCHIVE_BYTES,
        "requestBody": {
            "description": "The ZIP file, as it was exported.",
            "required": True,
            "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
        },
    },
)
async def import_archive(call: Call, query: Annotated[ImportQuery, Query()], archive: Archive) -> Response:
    """Create the records of an archive, with their ids. A record that exists, or was removed, is never changed.

    The server first checks the whole archive: if anything in it is wrong, nothing is imported (400). An archive can
    have at most 32 MiB, 256 MiB decompressed, and 20,000 records. Records from `GET /v1/export` keep their fields and
    `created_at`; an entry of Day One becomes a reflection. You can send an archive again, for example after an
    interruption: records that were already imported stay unchanged. A worker imports two archives at a time, and
    answers further requests with 503 and `Retry-After`.
    """
    with call.services.imports.take(importing.BUSY):
        imported = await importing.import_archive(call, query.origin, archive)
    return json_response(imported.document())
