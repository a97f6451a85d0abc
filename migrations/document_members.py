"""Gives stored documents of records the members that a later version has added, and takes them away again for a downgrade.

It runs between two revisions, a batch at a time, each in a transaction of its own. So it can be interrupted at any time, and
continues where it stopped. Documents are sealed: each is opened, completed, and sealed again for the same version.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from app.db import BulkStatement, Database, Row, Statement, bind, bulk_update
from app.keyring import Keyring
from app.sealing import DataKeys

BATCH_SIZE: Final = 500
_FIRST: Final = UUID(int=0)
_KEY: Final = ("owner_id", "id", "seq")


class Members(NamedTuple):
    """Members that documents of a kind got at their end, as JSON text with their first values and a leading comma."""

    table: str
    collection: str
    text: str

    @property
    def begin(self) -> str:
        """The beginning of the first member. In a person's words the quotes would be escaped."""
        return self.text.partition(":")[0] + ":"

    def add(self, document: str) -> str:
        """Return a document with the members."""
        return document if self.begin in document else f"{document[:-1]}{self.text}}}"

    def take_away(self, document: str) -> str:
        """Return a document without the members, whatever their values are."""
        return document.rpartition(self.begin)[0] + "}" if self.begin in document else document


MANAGED: Final = "0023"
"""The revision with sessions that clinics manage."""
PRACTISED: Final = "0025"
"""The revision with practices."""
ADDED: Final[Mapping[str, Sequence[Members]]] = {
    MANAGED: (Members("session", "sessions", ',"clinic_id":null'),),
    PRACTISED: (
        Members("intention", "intentions", ',"scale":null,"weight":1,"baseline":null'),
        Members("reflection", "reflections", ',"prompt_id":null'),
    ),
}
"""The members that documents get between a revision and the next one."""


async def complete(db: Database, keyring: Path, report: Callable[[str], None], added: Sequence[Members]) -> None:
    """Add the members to each document that lacks them."""
    for members in added:
        await _rewrite(db, keyring, partial(_report, report, members), members, members.add)


async def take_away(db: Database, keyring: Path, report: Callable[[str], None], added: Sequence[Members]) -> None:
    """Remove the members from each document that has them."""
    for members in added:
        await _rewrite(db, keyring, partial(_report, report, members), members, members.take_away)


def _report(report: Callable[[str], None], members: Members, count: int) -> None:
    if count:
        report(f"completed {count} documents of {members.collection}")


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


def _statements(members: Members) -> list[tuple[Statement, BulkStatement]]:
    """Return the statements that read and write a batch of documents: of records, and of former versions."""
    record = _table(members.table)
    revision = _table("revision", sa.Column("collection", sa.String(), primary_key=True))
    of_kind = revision.c.collection == sa.literal_column(f"'{members.collection}'")
    return [
        (_next(record), bulk_update(record, _KEY, ["document"])),
        (_next(revision, of_kind), bulk_update(revision, ("collection", *_KEY), ["document"])),
    ]


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


async def _rewrite(
    db: Database, keyring: Path, report: Callable[[int], None], members: Members, change: Callable[[str], str]
) -> None:
    keys: DataKeys | None = None
    count, collection = 0, members.collection
    for find, store in _statements(members):
        after: Row = {"after_owner_id": _FIRST, "after_id": _FIRST, "after_seq": 0}
        while True:
            async with db.transaction() as tx:
                rows = await tx.all(find, rows=BATCH_SIZE, **after)
                changed = []
                for row in rows:
                    keys = keys or DataKeys(db, Keyring(keyring))
                    owner = await keys.of_or_create(tx, row["owner_id"])
                    document = owner.open(collection, row["id"], row["seq"], row["document"])
                    if change(document) != document:
                        sealed = owner.seal(collection, row["id"], row["seq"], change(document))
                        changed.append(row | {"document": sealed})
                if changed:
                    await tx.write((store, changed))
            if not rows:
                break
            count += len(changed)
            after = {f"after_{name}": rows[-1][name] for name in _KEY}
    report(count)
