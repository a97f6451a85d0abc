"""Seals the documents that were stored before revision 0011, and opens them again for a downgrade.

It runs between the revisions 0010 and 0011, a batch at a time, each in a transaction of its own. So it can be
interrupted at any time, and continues where it stopped. Each batch is read back before it is committed.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson
import sqlalchemy as sa

from app.db import Database, Row, Statement, Transaction, any_of, bind, bulk_update
from app.sealing import DataKeys, OwnerKeys
from migrations.resealing import open_data_keys

BATCH_SIZE: Final = 500
_METADATA: Final = sa.MetaData()
_change: Final = sa.Table(
    "change",
    _METADATA,
    sa.Column("owner_id", sa.Uuid(), primary_key=True),
    sa.Column("collection", sa.String(), primary_key=True),
    sa.Column("id", sa.Uuid(), primary_key=True),
    sa.Column("seq", sa.BigInteger()),
    sa.Column("deleted", sa.Boolean()),
    sa.Column("document", sa.String()),
    sa.Column("sealed", sa.LargeBinary()),
)
_KEY: Final = ("owner_id", "collection", "id")
_COLUMNS: Final = [str(column.name) for column in _change.c]
_WORDS: Final = {
    "sessions": ("session", ("status_reason", "title", "notes"), ()),
    "elements": ("element", ("title", "description", "meaning", "origin", "reframe"), ()),
    "intentions": ("intention", ("statement", "why"), ()),
    "reflections": ("reflection", ("body", "title", "prompt"), ("emotions",)),
    "action-items": ("action_item", ("title", "details", "if_cue", "then_response"), ()),
}
"""The table of each collection, and its columns of words: texts, and lists of texts."""
TABLES: Final = ["change", *(table for table, _, _ in _WORDS.values())]
"""The tables that had words in clear."""


def _next(missing: sa.Column[Any], present: sa.Column[Any]) -> Statement:
    position = sa.tuple_(*(_change.c[name] for name in _KEY))
    after = sa.tuple_(*(bind(_change.c[name], f"after_{name}") for name in _KEY))
    return Statement(
        sa.select(_change)
        .where(position > after, missing.is_(None), present.is_not(None))
        .order_by(*(_change.c[name] for name in _KEY))
        .limit(sa.bindparam("rows", type_=sa.BigInteger))
        .with_for_update()
    )


_NEXT_PLAIN: Final = _next(_change.c.sealed, _change.c.document)
_NEXT_SEALED: Final = _next(_change.c.document, _change.c.sealed)
_FIRST: Final[Row] = {"after_owner_id": UUID(int=0), "after_collection": "", "after_id": UUID(int=0)}
_feed: Final = sa.Table("feed", _METADATA, sa.Column("owner_id", sa.Uuid(), primary_key=True))
_data_key: Final = sa.Table("data_key", _METADATA, sa.Column("owner_id", sa.Uuid(), primary_key=True))
_WITHOUT_KEY: Final = Statement(
    sa.select(_feed.c.owner_id).where(~sa.exists().where(_data_key.c.owner_id == _feed.c.owner_id))
)
_LOCK_FEEDS: Final = Statement(sa.select(_feed.c.owner_id).where(any_of(_feed.c.owner_id, "owners")).with_for_update())
_STORE_SEALED: Final = bulk_update(_change, _KEY, ["sealed"])
_STORE_PLAIN: Final = bulk_update(_change, _KEY, ["document"])


def _words_table(name: str, texts: tuple[str, ...], lists: tuple[str, ...]) -> sa.Table:
    return sa.Table(
        name,
        _METADATA,
        sa.Column("owner_id", sa.Uuid(), primary_key=True),
        sa.Column("id", sa.Uuid(), primary_key=True),
        *(sa.Column(text, sa.String()) for text in texts),
        *(sa.Column(each, sa.JSON(none_as_null=True)) for each in lists),
    )


_STORE_WORDS: Final = {
    collection: bulk_update(_words_table(table, texts, lists), ["owner_id", "id"], [*texts, *lists])
    for collection, (table, texts, lists) in _WORDS.items()
}


async def seal(db: Database, keyring: Path, report: Callable[[str], None]) -> None:
    """Seal every document that is not sealed yet, and give every account a data key."""
    await _in_batches(db, keyring, _NEXT_PLAIN, _seal_batch, lambda count: report(f"sealed {count} records"))


async def open_again(db: Database, keyring: Path, report: Callable[[str], None]) -> None:
    """Store every sealed document in clear again, and its words in their columns."""
    await _in_batches(db, keyring, _NEXT_SEALED, _open_batch, lambda count: report(f"opened {count} records"))


async def _in_batches(
    db: Database,
    keyring: Path,
    statement: Statement,
    work: Callable[[DataKeys, Transaction, list[Row]], Awaitable[None]],
    report: Callable[[int], None],
) -> None:
    """Process the rows that are left, in the order of their keys; read the keyring only if there are any."""
    owners = {row["owner_id"] for row in await db.all(_WITHOUT_KEY)}
    keys: DataKeys | None = None
    for owner_id in sorted(owners):
        keys = keys or open_data_keys(db, keyring)
        async with db.transaction() as tx:
            await tx.all(_LOCK_FEEDS, owners=[owner_id])
            await keys.of_or_create(tx, owner_id)
    after, count = _FIRST, 0
    while True:
        async with db.transaction() as tx:
            found = await tx.tuples(statement, rows=BATCH_SIZE, **after)
            rows: list[Row] = [dict(zip(_COLUMNS, values, strict=True)) for values in found]
            if rows:
                keys = keys or open_data_keys(db, keyring)
                await work(keys, tx, rows)
        if not rows and after is _FIRST:
            return
        count += len(rows)
        if rows:
            report(count)
        # Another process may have done what this one waited for: the end is what a pass from the start finds nothing.
        after = {f"after_{name}": rows[-1][name] for name in _KEY} if rows else _FIRST


async def _seal_batch(keys: DataKeys, tx: Transaction, rows: list[Row]) -> None:
    by_owner: dict[UUID, OwnerKeys] = {}
    for row in rows:
        owner_id = row["owner_id"]
        if owner_id not in by_owner:
            by_owner[owner_id] = await keys.of_or_create(tx, owner_id)
        row["sealed"] = by_owner[owner_id].seal(row["collection"], row["id"], row["seq"], row["document"])
        opened = by_owner[owner_id].open(row["collection"], row["id"], row["seq"], row["sealed"])
        if opened != row["document"]:
            message = "a sealed document does not read back"
            raise RuntimeError(message)
    await tx.write((_STORE_SEALED, rows))


async def _open_batch(keys: DataKeys, tx: Transaction, rows: list[Row]) -> None:
    words: dict[str, list[Row]] = {}
    for row in rows:
        owner = await keys.of_or_create(tx, row["owner_id"])
        row["document"] = owner.open(row["collection"], row["id"], row["seq"], row["sealed"])
        words.setdefault(row["collection"], []).append(row | orjson.loads(row["document"]))
    await tx.write((_STORE_PLAIN, rows))
    for collection, complete in words.items():
        await tx.write((_STORE_WORDS[collection], complete))
