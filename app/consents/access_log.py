"""The access log: what clinics did with a patient's data, for the patient to read.

An entry is written in the same transaction as the access: if the entry cannot be written, the clinic gets no data.
After the commit, a log line is emitted as evidence outside the database. It names the account, the clinic and the
request, and has no content of records.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, Field
from sqlalchemy.dialects.postgresql import aggregate_order_by

from app import clock, observability
from app.clinics.consent_tables import AccessRecord, Action
from app.clinics.tables import ClinicRecord
from app.clock import Instant
from app.consents import examples
from app.consents.shapes import ClinicName
from app.db import Row, Statement, Transaction, bind, bulk_insert
from app.ids import Id, new_id
from app.openapi import example
from app.records.shapes import page

CONSENTS: Final = "consents"
CONNECTIONS: Final = "connections"
"""`CONSENTS` and `CONNECTIONS` are the collections in entries about a consent, or about the connection itself."""
_access, _clinic = AccessRecord.table(), ClinicRecord.table()
INSERT: Final = bulk_insert(_access)
_entries: Final = (
    sa.select(_access, _clinic.c.name.label("clinic_name"))
    .join_from(_access, _clinic, _access.c.clinic_id == _clinic.c.id)
    .where(_access.c.owner_id == bind(_access.c.owner_id))
)
PAGE: Final = Statement(
    _entries.where(_access.c.id < bind(_access.c.id, "after_id"))
    .order_by(_access.c.id.desc())
    .limit(sa.bindparam("rows", type_=sa.BigInteger))
)
"""Selects a page of an owner's entries, newest first. Ids of entries rise with time."""
NEWEST: Final = UUID(int=2**128 - 1)
"""The greatest possible id. The page whose `after_id` is this id starts with the newest entry."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the access log: an access to an owner's data, or a start, change or end of a consent.

    `ids` are the ids of the records, connection or consent, all in the collection `collection`.
    """

    owner_id: UUID
    clinic_id: UUID
    action: Action
    collection: str
    ids: list[str]
    client_id: UUID | None = None
    request_id: str | None = None


class Access(BaseModel, defer_build=True, json_schema_extra=example(examples.ACCESS)):
    """An access of a clinic to the account's data, or a start, change or end of a consent."""

    at: Instant = Field(description="When it happened.")
    clinic: ClinicName = Field(description="The clinic.")
    client_id: Id | None = Field(
        description="The id of the clinic's client that sent the request; null if it was not a client."
    )
    action: Action = Field(
        description="`read`, `export`, `write`: an access. `connect`, `change`, `end`: the start, a change or the end "
        "of a consent, or `change` of a connection: an invitation of the clinic added an identifier."
    )
    collection: str = Field(
        description="The collection of the records; `connections` for the connection itself, `consents` for a consent."
    )
    ids: list[str] = Field(
        description="The ids of the records, the clinic's id of the patient (`connections`), or the id of the consent."
    )
    request_id: str | None = Field(description="The id of the request; null if no request caused it.")


AccessPage: Final = page(Access, "A page of the access log, newest first.")


def insert_of(page: sa.CTE, collections: Mapping[int, str]) -> sa.CTE:
    """Return the PostgreSQL statement that writes the entries for a page of records, as a part of the page's statement.

    `page` has the columns `owner_id`, `id`, `source`, `fits` and `row_number`, which counts from 1. `collections` maps
    each value of `source` to a collection. An entry has the ids of an owner's records of one source, without the row
    number `rows` and those that do not fit. The first row of an entry determines its place in the order of the entries:
    the ids of the entries are taken from `access_ids`, a text with ids separated by spaces, in this order. The other
    bind parameters are `now`, `action`, `clinic_id`, `client_id` and `request_id`.
    """
    place = sa.func.row_number().over(order_by=sa.func.min(page.c.row_number))
    texts = sa.func.string_to_array(sa.bindparam("access_ids", type_=sa.Text()), sa.literal_column("' '"))
    ids = sa.select(sa.cast(texts, sa.ARRAY(_access.c.id.type))).scalar_subquery()  # evaluated once, not for each entry
    names: dict[Any, Any] = {
        sa.literal_column(str(source)): sa.literal_column(f"'{name}'") for source, name in collections.items()
    }
    values: dict[str, sa.ColumnElement[Any]] = {
        "owner_id": page.c.owner_id,
        "id": ids[place],
        "at": bind(_access.c.at, "now"),
        "clinic_id": bind(_access.c.clinic_id),
        "client_id": bind(_access.c.client_id),
        "action": bind(_access.c.action),
        "collection": sa.case(names, value=page.c.source),
        "ids": sa.func.json_agg(aggregate_order_by(page.c.id, page.c.row_number)),
        "request_id": bind(_access.c.request_id),
    }
    shown = sa.and_(page.c.fits, page.c.row_number < sa.bindparam("rows", type_=sa.BigInteger))
    entries = sa.select(*values.values()).where(shown).group_by(page.c.owner_id, page.c.source)
    return sa.insert(_access).from_select([*values], entries).cte("logged")


async def write(tx: Transaction, entries: Iterable[Entry]) -> list[Row]:
    """Write entries in the transaction of the access, and return their rows, to pass to `emit` after the commit."""
    rows = [*map(row_of, entries)]
    if rows:
        await tx.write((INSERT, rows))
    return rows


def row_of(entry: Entry, id: UUID | None = None, at: datetime | None = None) -> Row:
    """Return the row of the table `access` for an entry, by default with a new id and the current time."""
    return {"id": id or new_id(), "at": at or clock.now()} | {name: getattr(entry, name) for name in Entry.__slots__}


def emit(rows: Iterable[Row]) -> None:
    """Write a line to the server's log for each committed entry."""
    observability.log_events("access", map(_line_of, rows))


def _line_of(row: Row) -> Row:
    return {
        "access_id": row["id"],
        "account_id": row["owner_id"],
        "clinic_id": row["clinic_id"],
        "client_id": row["client_id"],
        "action": row["action"],
        "collection": row["collection"],
        "records": len(row["ids"]),
        "request_id": row["request_id"],
    }


def public_access(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row of an entry as the API returns it to the owner."""
    clinic = {"id": row["clinic_id"], "name": row["clinic_name"]}
    return {name: clinic if name == "clinic" else row[name] for name in Access.model_fields}
