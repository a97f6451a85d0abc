"""Gives the stored documents of sessions their member `clinic_id`, and takes it away again for a downgrade.

It runs between the revisions 0023 and 0024, a batch at a time, each in a transaction of its own. So it can be interrupted at
any time, and continues where it stopped. Documents are sealed: each is opened, completed, and sealed again for the same
version.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from app.db import Database, Row, Statement, bind, bulk_update
from app.keyring import Keyring
from app.sealing import DataKeys

BATCH_SIZE: Final = 500
COLLECTION: Final = "sessions"
MEMBER: Final = ',"clinic_id":'
"""The beginning of the member, which is the last one. In a person's words the quotes would be escaped."""
_METADATA: Final = sa.MetaData()
_FIRST: Final = UUID(int=0)


def _table(name: str, *more: sa.Column[str]) -> sa.Table:
    return sa.Table(
        name,
        _METADATA,
        sa.Column("owner_id", sa.Uuid(), primary_key=True),
        *more,
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("seq", sa.BigInteger(), primary_key=True),
        sa.Column("document", sa.LargeBinary()),
    )


_session = _table("session")
_revision = _table("revision", sa.Column("collection", sa.String(), primary_key=True))
_KEY: Final = ("owner_id", "id", "seq")


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


_TABLES: Final = (
    (_next(_session), bulk_update(_session, _KEY, ["document"])),
    (
        _next(_revision, _revision.c.collection == sa.literal_column(f"'{COLLECTION}'")),
        bulk_update(_revision, ("collection", *_KEY), ["document"]),
    ),
)


def _completed(document: str) -> str:
    return document if MEMBER in document else f"{document[:-1]}{MEMBER}null}}"


def _without(document: str) -> str:
    return document.rpartition(MEMBER)[0] + "}" if MEMBER in document else document


async def complete(db: Database, keyring: Path, report: Callable[[str], None]) -> None:
    """Add the member to each document that lacks it."""
    await _rewrite(db, keyring, report, _completed)


async def take_away(db: Database, keyring: Path, report: Callable[[str], None]) -> None:
    """Remove the member from each document that has it. No session is managed any more."""
    await _rewrite(db, keyring, report, _without)


async def _rewrite(db: Database, keyring: Path, report: Callable[[str], None], change: Callable[[str], str]) -> None:
    keys: DataKeys | None = None
    count = 0
    for find, store in _TABLES:
        after: Row = {"after_owner_id": _FIRST, "after_id": _FIRST, "after_seq": 0}
        while True:
            async with db.transaction() as tx:
                rows = await tx.all(find, rows=BATCH_SIZE, **after)
                changed = []
                for row in rows:
                    keys = keys or DataKeys(db, Keyring(keyring))
                    owner = await keys.of_or_create(tx, row["owner_id"])
                    document = owner.open(COLLECTION, row["id"], row["seq"], row["document"])
                    if change(document) != document:
                        sealed = owner.seal(COLLECTION, row["id"], row["seq"], change(document))
                        changed.append(row | {"document": sealed})
                if changed:
                    await tx.write((store, changed))
            if not rows:
                break
            count += len(changed)
            after = {f"after_{name}": rows[-1][name] for name in _KEY}
    if count:
        report(f"completed {count} documents of sessions")
