"""The files of an export, which are made while they are downloaded: resources, one in each line.

A page is read, sent, and forgotten, so that an export of any size takes the memory of a page. Each page checks the consents
of its patients and logs the accesses in one transaction. An export that is deleted, or whose client ends, while a file is
downloaded, ends the connection without the end of the file.
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
"""What is read from the database at once."""
_POSITION: Final = {"id": "id", "patient": "patient_id", "source": "source"}
FULL: Final = (
    "The server is sending as many files of exports as it can. Send the same request again after the seconds in "
    "Retry-After."
)
File = Callable[[ClientCaller, Row], AsyncGenerator[bytes]]
"""Makes a file of an export."""


async def download(call: ClientCaller, id: UUID, file: File) -> AsyncGenerator[bytes]:
    """Yield a file of an export, page by page.

    Raise `NotFound` if the client has no such export, or the export no such file, or `Unavailable` if the worker sends too
    many files.
    """
    export = await starting.find(call, id)
    with call.services.bulk_exports.take(FULL):
        async with aclosing(file(call, export)) as pages:
            async for page in pages:
                await starting.find(call, id)  # else it was deleted, or the client has ended
                yield page


def resources(kind: FhirType) -> File:
    """Return the file of the resources of a type."""

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
            async for resource in reading.encoded(call, kind, shown, named):
                lines.append(json_strict.dump(resource) + b"\n")
                await yielding.check()
            yield b"".join(lines)
            if not is_last:
                last = shown[-1]
                after = {f"after_{part}": last[name] for part, name in _POSITION.items()}

    return file


async def deletions(call: ClientCaller, export: Row) -> AsyncGenerator[bytes]:
    """Yield the file of the resources that the client does not see any more: Bundles with a DELETE for each."""
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
    """Return the types of an export of which there are resources, and whether there are deleted ones."""
    search = starting.search_of(export)
    values = call.binds | search.values | {"now": clock.now()}
    found = await call.db.all(statements.existing(search.filters, are_deleted=False), **values)
    names = {row["name"] for row in found}
    gone: set[str] = set()
    if export["since"] is not None:
        rows = await call.db.all(statements.existing(search.filters, are_deleted=True), **values)
        gone = {row["name"] for row in rows}
    return [name for name in TYPES if name in names & {*export["types"]}], not gone.isdisjoint(export["types"])
