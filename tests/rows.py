"""Reads rows of the database, and writes rows that no request can write."""

import subprocess
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

import jwt
import sqlalchemy as sa

from app.db import Row, Statement, Table, bind
from app.identity import Feed
from app.ids import new_id
from app.records import Resource, access
from app.records.access import statements
from app.records.codec import document_of
from app.records.tables import Change, Revision
from app.records.write.feed_lock import with_sealed_fields
from app.sealing import OwnerKeys
from tests.drafts import Json
from tests.serving import Person, Server


def _of_owner(table: sa.Table) -> Statement:
    return Statement(sa.select(table).where(table.c.owner_id == bind(table.c.owner_id)).order_by(*table.primary_key))


FEED = _of_owner(Feed.table())
CHANGES = _of_owner(Change.table())
REVISIONS = _of_owner(Revision.table())


def feed_of(server: Server, person: Person) -> Row:
    """Return a person's row of the feed table."""
    return server.run(server.db.all(FEED, owner_id=person.id))[0]


def changes_of(server: Server, person: Person) -> dict[str, Row]:
    """Return a person's rows of the change table by record id."""
    return {str(row["id"]): row for row in server.run(server.db.all(CHANGES, owner_id=person.id))}


def revisions_of(server: Server, person: Person) -> list[Row]:
    """Return a person's rows of the table of former versions."""
    return server.run(server.db.all(REVISIONS, owner_id=person.id))


def rows_of(server: Server, person: Person, resource: Resource) -> dict[str, Row]:
    """Return a person's rows of one kind of record by id."""
    rows = server.run(server.db.all(_of_owner(resource.table), owner_id=person.id))
    return {str(row["id"]): row for row in rows}


def data_keys_of(server: Server, person: Person) -> OwnerKeys:
    """Return a person's data keys."""
    return server.run(server.services.data_keys.of(person.id))


def device_of(person: Person) -> UUID:
    """Return the id of a person's device, from its access token."""
    return UUID(jwt.decode(person.token, options={"verify_signature": False})["sid"])


def version_of(feed: Row, row: Row) -> int:
    """Return the version of a row: the feed's epoch and the row's sequence number."""
    version: int = feed["epoch"] * 2**40 + row["seq"]
    return version


def insert_copies(
    server: Server, person: Person, resource: Resource, record: Json, changes: Iterable[Json]
) -> list[str]:
    """Insert a copy of a record for each of `changes`, with these columns changed, without any check; return the ids."""
    keys = data_keys_of(server, person)
    row = with_sealed_fields(keys, resource, rows_of(server, person, resource)[record["id"]])
    feed = feed_of(server, person)
    rows: list[Row] = [row | {"id": new_id(), "seq": seq} | each for seq, each in enumerate(changes, feed["head"] + 1)]
    for each in rows:
        each |= {name: fact(each) for name, fact in resource.facts.items()}
        each["document"] = keys.seal(resource.collection, each["id"], each["seq"], document_of(resource, each))
    usage = {
        "records": feed["records"] + len(rows),
        "document_bytes": feed["document_bytes"] + sum(len(each["document"]) for each in rows),
    }
    columns = {
        "collection": resource.collection,
        "deleted": False,
        "written_at": row["updated_at"],
        "actor_id": person.id,
        "visibility": row["visibility"],
        "revised_at": None,
    }

    async def insert() -> None:
        async with server.db.transaction() as tx:
            await tx.write(
                (statements(resource).insert, rows),
                (
                    access.INSERT_CHANGE,
                    [each | columns | {"happened_at": resource.happened_at(each, "UTC")} for each in rows],
                ),
                (access.ADVANCE_FEED, [feed | {"head": feed["head"] + len(rows)} | usage]),
            )

    server.run(insert())
    return [str(each["id"]) for each in rows]


def dump_database(server: Server) -> bytes:
    """Return every value of every table, and on SQLite every byte of its files."""
    statements = [Statement(sa.select(table)) for table in Table.metadata.sorted_tables]
    rows = [row for statement in statements for row in server.run(server.db.all(statement))]
    found = b"".join(
        value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row.values()
    )
    if server.settings.uses_sqlite:
        file = Path(server.settings.database_url.removeprefix("sqlite:///"))
        # by another process: closing a file that SQLite has open releases all locks of this process on it (POSIX)
        read = subprocess.run(["cat", *file.parent.glob(f"{file.name}*")], check=True, capture_output=True)
        found += read.stdout
    return found
