"""Verifying seals: opens every sealed document, and finds those that do not open; one of them can be given up."""

from collections.abc import AsyncGenerator
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson
import sqlalchemy as sa

from app.db import Database, Statement, bind
from app.identity import Caller
from app.problems import UnreadableRecord
from app.records.resource import Resource, kinds
from app.records.tables import Change
from app.records.view import View
from app.records.write import store
from app.records.write.ops import Op
from app.sealing import DataKeys, OwnerKeys
from app.services import Services

BATCH_SIZE: Final = 500
_change = Change.table()
_KEY: Final = [_change.c[name] for name in ("owner_id", "collection", "id")]
COUNT_RECORDS: Final = Statement(sa.select(sa.func.count().label("records")).where(_change.c.deleted.is_(False)))
"""The number of all owners' records: only the operator runs this."""
NEXT_RECORDS: Final = Statement(
    sa.select(*_KEY, _change.c.seq, _change.c.document)
    .where(sa.tuple_(*_KEY) > sa.tuple_(*(bind(column, f"after_{column.name}") for column in _KEY)))
    .where(_change.c.deleted.is_(False))
    .order_by(*_KEY)
    .limit(sa.bindparam("rows", type_=sa.BigInteger))
)
"""The sealed documents of all owners, in the order of their keys: only the operator runs this."""


class Unreadable(NamedTuple):
    """A record whose document does not open."""

    owner_id: UUID
    collection: str
    id: UUID


async def count(db: Database) -> int:
    """Return the number of records."""
    return int((await db.only(COUNT_RECORDS))["records"])


async def verify(db: Database, keys: DataKeys, found: list[Unreadable]) -> AsyncGenerator[int, None]:
    """Open every document, and append those that do not open to `found`; yield how many were tried, after each batch."""
    after: dict[str, Any] = {"after_owner_id": UUID(int=0), "after_collection": "", "after_id": UUID(int=0)}
    while rows := await db.all(NEXT_RECORDS, rows=BATCH_SIZE, **after):
        for row in rows:
            record = Unreadable(row["owner_id"], row["collection"], row["id"])
            try:
                (await keys.of(record.owner_id)).open(record.collection, record.id, row["seq"], row["document"])
            except UnreadableRecord:
                found.append(record)
        after = {f"after_{name}": rows[-1][name] for name in ("owner_id", "collection", "id")}
        yield len(rows)


async def give_up(services: Services, record: Unreadable) -> None:
    """Remove a record whose document does not open, as its owner would: each device learns of it by its next pull."""
    resource = next(kind for kind in kinds() if kind.collection == record.collection)
    caller = Caller(services, record.owner_id, record.owner_id, is_authenticated=True)
    view = _LenientView(caller, record.owner_id)
    view.record, view.resource = record, resource
    await store.write(view, [Op(resource=resource, id=record.id, fields=None)])


class _LenientView(View):
    """A view in which one record has empty words."""

    record: Unreadable
    resource: Resource

    async def data_keys(self) -> OwnerKeys:
        return _LenientKeys(await super().data_keys(), self.record.id, self.resource)


class _LenientKeys(OwnerKeys):
    """Data keys that open the document of one record as empty."""

    def __init__(self, keys: OwnerKeys, id: UUID, resource: Resource) -> None:
        self._keys, self._id, self._empty = keys, id, orjson.dumps(dict.fromkeys(resource.sealed_names)).decode()

    def seal(self, collection: str, id: UUID, seq: int, document: str) -> bytes:
        return self._keys.seal(collection, id, seq, document)

    def open(self, collection: str, id: UUID, seq: int, sealed: bytes) -> str:
        return self._empty if id == self._id else self._keys.open(collection, id, seq, sealed)
