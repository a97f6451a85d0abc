"""The files of a bulk export, with one resource on each line. They are generated during the download.

Only one page is in memory at a time, whatever the size of the export. The transaction that reads a page of resources
also checks the consents of the patients and logs the accesses. If, during a download, the export is deleted or an
operator ends the client, the connection is closed before the file is complete.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final
from uuid import UUID

from app import clock, json_strict
from app.clinics.calls import ClientCaller
from app.clinics.consent_tables import Action
from app.db import Row
from app.fhir import reading, statements
from app.fhir.exports import starting
from app.fhir.types import TYPES, FhirType
from app.openapi import Json
from app.problems import NotFound
from app.records.yielding import Yielding

PAGE_RECORDS: Final = 500
PAGE_BYTES: Final = 2**20
"""`PAGE_RECORDS` and `PAGE_BYTES` limit a page, which one statement reads: the number of records, and the total size of
their documents.
"""
_POSITION: Final = {"id": "id", "patient": "patient_id", "source": "source"}
FULL: Final = (
    "The server is sending as many files of exports as it can. Repeat the request after the number of seconds in "
    "Retry-After."
)
File = Callable[[ClientCaller, Row], AsyncGenerator[bytes]]
"""A function that takes a client and the row of its export, and yields the content of a file of the export, by page."""


async def download(call: ClientCaller, id: UUID, file: File) -> AsyncGenerator[bytes]:
    """Yield the content of a file of an export, page by page.

    Raise `NotFound` if the client has no export with this id, or if the export does not have this file. Raise
    `Unavailable` if this worker is already sending as many files as it can.
    """
    export = await starting.find(call, id)
    with call.services.bulk_exports.take(FULL):
        async with aclosing(file(call, export)) as pages:
            async for page in pages:
                await starting.find(call, id)  # raises if the export was deleted or the client has ended
                yield page


def resources(kind: FhirType) -> File:
    """Return the function that yields the content of the file with the resources of a type."""

    async def file(call: ClientCaller, export: Row) -> AsyncGenerator[bytes]:
        if kind.name not in export["types"]:
            raise NotFound
        search, after = starting.search_of(export), dict[str, object]()
        is_last = False
        while not is_last:
            rows, named = await reading.read_rows(
                call,
                kind,
                statements.export_page(kind.name, search.filters, continued=bool(after)),
                search.values | after | {"most_bytes": PAGE_BYTES},
                count=PAGE_RECORDS,
                action=Action.EXPORT,
            )
            shown = [row for row in rows[:PAGE_RECORDS] if row["fits"]]
            is_last = len(shown) == len(rows)
            lines, yielding = list[bytes](), Yielding()
            for resource in await reading.encoded(call, kind, shown, named):
                lines.append(json_strict.dump(resource) + b"\n")
                await yielding.check()
            yield b"".join(lines)
            if not is_last:
                last = shown[-1]
                after = {f"after_{part}": last[name] for part, name in _POSITION.items()}

    return file


async def deletions(call: ClientCaller, export: Row) -> AsyncGenerator[bytes]:
    """Yield the content of the file of deletions, which has a Bundle on each line.

    The Bundles have a DELETE request for each resource that the client can no longer see. Raise `NotFound` if the
    export has no `_since`: then it has no file of deletions.
    """
    if export["since"] is None:
        raise NotFound
    search = starting.search_of(export)
    for name, number in ((each, number) for each in export["types"] for number in range(len(TYPES[each].sources))):
        after: dict[str, object] = {}
        is_last = False
        while not is_last:
            statement = statements.deleted(name, number, search.filters, continued=bool(after))
            values = call.binds | search.values | after | {"now": clock.now(), "rows": PAGE_RECORDS + 1}
            rows = await call.db.all(statement, **values)
            shown, is_last = rows[:PAGE_RECORDS], len(rows) <= PAGE_RECORDS
            if shown:
                yield json_strict.dump(_bundle(name, shown)) + b"\n"
                after = {"after_owner": shown[-1]["owner_id"], "after_id": shown[-1]["id"]}


def _bundle(name: str, rows: list[Row]) -> Json:
    entries = [{"request": {"method": "DELETE", "url": f"{name}/{row['id']}"}} for row in rows]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


async def listed(call: ClientCaller, export: Row) -> tuple[list[str], bool]:
    """Return the resource types that an export has resources of, and whether the file of deletions has any content."""
    search = starting.search_of(export)
    values = call.binds | search.values | {"now": clock.now()}
    found = await call.db.all(statements.existing(search.filters, are_deleted=False), **values)
    names = {row["name"] for row in found}
    gone: set[str] = set()
    if export["since"] is not None:
        rows = await call.db.all(statements.existing(search.filters, are_deleted=True), **values)
        gone = {row["name"] for row in rows}
    return [name for name in TYPES if name in names & {*export["types"]}], not gone.isdisjoint(export["types"])
