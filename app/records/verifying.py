"""Verifying seals: decrypts every sealed document, and finds those that cannot be decrypted.

The operator can then remove such a record or version (`give_up`).
"""

from collections.abc import AsyncGenerator, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson
import sqlalchemy as sa

from app.db import Database, Statement, bind, bulk_delete
from app.identity import Caller
from app.identity.accounts import public_account
from app.problems import UnreadableRecord
from app.records.resource import Resource, kinds
from app.records.tables import Change, Revision
from app.records.view import View
from app.records.write import store
from app.records.write.ops import Op
from app.sealing import DataKeys, OwnerKeys
from app.services import Services

BATCH_SIZE: Final = 500
_KEY: Final = ("owner_id", "collection", "id", "seq")
_AFTER: Final = tuple(f"after_{name}" for name in _KEY)
_change, _revision = Change.table(), Revision.table()


class Documents(NamedTuple):
    """Statements that read the sealed documents of all owners; only the operator's command runs them.

    `total` counts the documents. Each statement of `next` reads the next rows of one table after a given primary key.
    """

    total: Statement
    next: tuple[Statement, ...]


def _count(table: sa.Table, *conditions: sa.ColumnElement[bool]) -> Statement:
    return Statement(sa.select(sa.func.count().label("documents")).select_from(table).where(*conditions))


def _next(table: sa.Table, collection: sa.ColumnElement[str]) -> Statement:
    key = [*table.primary_key]
    after = sa.tuple_(*(bind(column, f"after_{column.name}") for column in key))
    columns = (table.c.owner_id, collection.label("collection"), table.c.id, table.c.seq, table.c.document)
    ordered = sa.select(*columns).where(sa.tuple_(*key) > after).order_by(*key)
    return Statement(ordered.limit(sa.bindparam("rows", type_=sa.BigInteger)))


def current_documents(resources: Sequence[Resource]) -> Documents:
    """Return the statements that read the current documents of all records; `resources` are all kinds."""
    tables = ((kind.table, sa.literal_column(f"'{kind.collection}'", sa.String())) for kind in resources)
    return Documents(_count(_change, _change.c.deleted.is_(False)), tuple(_next(*each) for each in tables))


FORMER: Final = Documents(_count(_revision), (_next(_revision, _revision.c.collection),))
_DELETE_REVISION: Final = bulk_delete(_revision, _KEY)


class Unreadable(NamedTuple):
    """A record or former version whose document cannot be decrypted. `seq` is the version's sequence number."""

    owner_id: UUID
    collection: str
    id: UUID
    seq: int


async def count(db: Database, documents: Documents) -> int:
    """Return the total number of documents that the statements read."""
    return int((await db.only(documents.total))["documents"])


async def verify(
    db: Database, keys: DataKeys, documents: Documents, found: list[Unreadable]
) -> AsyncGenerator[int, None]:
    """Decrypt every document, and append those that cannot be decrypted to `found`.

    After each batch, yield the number of documents in it.
    """
    for statement in documents.next:
        after: dict[str, Any] = dict(zip(_AFTER, (UUID(int=0), "", UUID(int=0), 0), strict=True))
        while rows := await db.all(statement, rows=BATCH_SIZE, **after):
            for row in rows:
                record = Unreadable(*(row[name] for name in _KEY))
                try:
                    (await keys.of(record.owner_id)).open(record.collection, record.id, record.seq, row["document"])
                except UnreadableRecord:
                    found.append(record)
            after = {name: rows[-1][key] for name, key in zip(_AFTER, _KEY, strict=True)}
            yield len(rows)


async def give_up_version(db: Database, version: Unreadable) -> None:
    """Delete a former version that cannot be decrypted."""
    async with db.transaction() as tx:
        await tx.write((_DELETE_REVISION, [version._asdict()]))


async def give_up(services: Services, record: Unreadable) -> None:
    """Remove a record whose document cannot be decrypted, in the name of its owner: a pull returns the removal."""
    resource = next(kind for kind in kinds() if kind.collection == record.collection)
    timezone = (await public_account(services.db, record.owner_id))["timezone"]
    caller = Caller(
        services, record.owner_id, record.owner_id, timezone=timezone, is_authenticated=True, is_internal=True
    )
    view = _LenientView(caller, record.owner_id)
    view.record, view.resource = record, resource
    await store.write(view, [Op(resource=resource, id=record.id, fields=None)])


class _LenientView(View):
    """A view in which the sealed fields of one record are null."""

    record: Unreadable
    resource: Resource

    async def data_keys(self) -> OwnerKeys:
        return _LenientKeys(await super().data_keys(), self.record.id, self.resource)


class _LenientKeys(OwnerKeys):
    """The data keys of an owner, without decryption for one record.

    For this record, `open` returns a document in which the sealed fields are null.
    """

    def __init__(self, keys: OwnerKeys, id: UUID, resource: Resource) -> None:
        self._keys, self._id, self._empty = keys, id, orjson.dumps(dict.fromkeys(resource.sealed_names)).decode()

    def seal(self, collection: str, id: UUID, seq: int, document: str, *, may_compress: bool = False) -> bytes:
        return self._keys.seal(collection, id, seq, document, may_compress=may_compress)

    def open(self, collection: str, id: UUID, seq: int, sealed: bytes) -> str:
        return self._empty if id == self._id else self._keys.open(collection, id, seq, sealed)
