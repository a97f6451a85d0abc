"""The route that exports an archive."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from starlette.responses import Response as StarletteResponse

from app import clock
from app.archive.exporting import export
from app.archive.format import ACCESS, MANIFEST, MEDIA_TYPE, README, SUMS, journal_path, records_path
from app.http import CurrentConnection, Response, Route, StreamingResponse
from app.identity import Call
from app.openapi import problems
from app.problems import StorageFull, TooManyExports, UnreadableRecord
from app.records.view import own_records
from app.resources import RESOURCES

router = APIRouter(tags=["Archive"], route_class=Route)
_FILES: Final = (
    README,
    *(records_path(each.collection) for each in RESOURCES),
    ACCESS,
    journal_path("2026-11"),
    MANIFEST,
    SUMS,
)
EXAMPLE: Final = f"PK… {', '.join(_FILES)}"
DISPOSITION: Final = {
    "description": "`attachment` with a file name for the archive, such as `afterglow-2026-11-28.zip`.",
    "schema": {"type": "string"},
    "example": 'attachment; filename="afterglow-2026-11-28.zip"',
}


class Archive(StarletteResponse):
    """The response class with which the OpenAPI document describes the route. No response is made with it."""

    media_type = MEDIA_TYPE


@router.get(
    "/v1/export",
    response_class=Archive,
    responses=problems(TooManyExports, UnreadableRecord, StorageFull, signed_in=True)
    | {
        200: {
            "description": "The archive: a ZIP file, without Content-Length.",
            "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}, "example": EXAMPLE}},
            "headers": {"Content-Disposition": DISPOSITION},
        }
    },
    summary="Export your account",
)
async def export_account(call: Call, reader: CurrentConnection) -> Response:
    """Return all records of your account as a ZIP file, which you can keep, read, and import again.

    `records/<collection>.jsonl` has every record of a kind as `GET` returns it, one per line, ordered by `created_at`
    and `id`. `journal/YYYY-MM.md` has what you wrote, by local day, as Markdown. `access.jsonl` has the access log, as
    `GET /v1/access` returns it; the file is absent if the log is empty. `manifest.json` lists the files with their
    sizes and SHA-256 checksums, and has a `cursor`: a pull with it returns the changes since the export. `sha256sum -c
    SHA256SUMS` checks the files. All records come from one snapshot of the database.

    The archive is sent while it is made. If the connection ends early, the file is incomplete and cannot be opened:
    request the archive again. An account can be exported five times a day.
    """
    parts = export(own_records(call), reader)
    return await StreamingResponse.start(parts, _headers(clock.now().astimezone(ZoneInfo(call.timezone))))


def _headers(now: datetime) -> list[tuple[bytes, bytes]]:
    """Return the response headers of an archive. They tell proxies not to store the archive on their disks."""
    return [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-disposition", b'attachment; filename="afterglow-%s.zip"' % now.date().isoformat().encode()),
        (b"cache-control", b"no-store, no-transform"),
        (b"x-accel-buffering", b"no"),
    ]
