"""Seals stored documents again between two revisions, a batch at a time, each in a transaction of its own.

So it can be interrupted at any time. When it is repeated, it continues where it stopped.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from app.db import BulkStatement, Database, Row, Statement, bind, bulk_update
from app.db.schema import MigrationError
from app.keyring import Keyring, KeyringError
from app.problems import Failure
from app.sealing import DataKeys, OwnerKeys

BATCH_SIZE: Final = 500
Reseal = Callable[[OwnerKeys, str, Row], bytes | None]
"""Takes the owner's data keys, the collection, and a row with `id`, `seq` and the sealed `document`.

It returns the document, sealed again for the same version; None if it need not change.
"""
Selects = Callable[[bytes], bool]
"""Takes a sealed document, and returns whether it may have to change."""
_FIRST: Final = UUID(int=0)
_KEY: Final = ("owner_id", "id", "seq")


async def reseal(
    db: Database,
    keyring: Path,
    table: str,
    collection: str,
    change: Reseal,
    *,
    selects: Selects = lambda _sealed: True,
) -> int:
    """Seal the documents of a kind again, also of former versions, as `change` says; return how many have changed.

    Raise `MigrationError` if `selects` has selected a document, and there is no keyring.
    """
    keys: DataKeys | None = None
    owners: dict[UUID, OwnerKeys] = {}
    count = 0
    for find, store in _statements(table, collection):
        after: Row = {"after_owner_id": _FIRST, "after_id": _FIRST, "after_seq": 0}
        while True:
            async with db.transaction() as tx:
                rows = await tx.all(find, rows=BATCH_SIZE, **after)
                if not rows:
                    break
                selected = [row for row in rows if selects(row["document"])]
                if selected:
                    keys = keys or open_data_keys(db, keyring)
                    owners = {id: await keys.of_or_create(tx, id) for id in {row["owner_id"] for row in selected}}
                sealed = [(row, change(owners[row["owner_id"]], collection, row)) for row in selected]
                changed = [row | {"document": document} for row, document in sealed if document is not None]
                if changed:
                    await tx.write((store, changed))
            count += len(changed)
            after = {f"after_{name}": rows[-1][name] for name in _KEY}
    return count


def open_data_keys(db: Database, keyring: Path) -> DataKeys:
    """Return the data keys of all accounts; raise `MigrationError` if the keyring has no key-encryption key."""
    try:
        opened = Keyring(keyring)
        _ = opened.sealing_key  # raises if there is none
    except KeyringError as error:
        raise MigrationError(Failure("no-keyring", str(error), is_configuration=True)) from None
    return DataKeys(db, opened)


def _statements(table: str, collection: str) -> list[tuple[Statement, BulkStatement]]:
    """Return the statements that read and write a batch of documents: of records, and of former versions."""
    record = _table(table)
    revision = _table("revision", sa.Column("collection", sa.String(), primary_key=True))
    of_kind = revision.c.collection == sa.literal_column(f"'{collection}'")
    return [
        (_next(record), bulk_update(record, _KEY, ["document"])),
        (_next(revision, of_kind), bulk_update(revision, ("collection", *_KEY), ["document"])),
    ]


def _table(name: str, *more: sa.Column[str]) -> sa.Table:
    return sa.Table(
        name,
        sa.MetaData(),
        sa.Column("owner_id", sa.Uuid(), primary_key=True),
        *more,
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("seq", sa.BigInteger(), primary_key=True),
        sa.Column("document", sa.LargeBinary()),
    )


def _next(table: sa.Table, *conditions: sa.ColumnElement[bool]) -> Statement:
    key = [table.c[name] for name in _KEY]
    after = sa.tuple_(*(bind(column, f"after_{column.name}") for column in key))
    return Statement(
        sa.select(table)
        .where(sa.tuple_(*key) > after, *conditions)
        .order_by(*key)
        .limit(sa.bindparam("rows", type_=sa.BigInteger))
        .with_for_update()
    )
