"""Access: the only way to a row. Every statement on records starts from its owner, here and nowhere else.

A rule that has to be remembered is forgotten once; a statement that does not exist cannot be run. So the statements of
a kind of record are built here, from `mine`, when it is first used, and the store and the lists run no other.
"""

from collections.abc import Iterator
from functools import cache, cached_property
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from app.db import Statement, given
from app.identity import Feed
from app.records.filters import Asked
from app.records.resource import Resource, kinds
from app.records.tables import Change

EPOCH_SHIFT: Final = 2**40
_feed = Feed.table()
_change = Change.table()
_epoch = sa.select(_feed.c.epoch).where(_feed.c.owner_id == given(_feed.c.owner_id)).scalar_subquery()

LOCK_FEED: Final = Statement(
    sa.select(_feed.c.head, _feed.c.epoch).where(_feed.c.owner_id == given(_feed.c.owner_id)).with_for_update()
)
ADVANCE_FEED: Final = Statement(
    sa.update(_feed).where(_feed.c.owner_id == given(_feed.c.owner_id)).values(head=given(_feed.c.head))
)
FIRST_CHANGE: Final = Statement(sa.insert(_change).values({column.name: given(column) for column in _change.c}))
NEXT_CHANGE: Final = Statement(
    sa.update(_change)
    .where(*(_change.c[name] == given(_change.c[name]) for name in ("owner_id", "collection", "id")))
    .values({name: given(_change.c[name]) for name in ("seq", "deleted", "written_at", "written_by")})
)


def mine(table: sa.Table) -> sa.ColumnElement[bool]:
    """Return the condition that a row is the caller's own."""
    return table.c.owner_id == given(table.c.owner_id)


def version_of(epoch: int, seq: int) -> int:
    """Put a feed's epoch and a number together, as the wire has them."""
    return epoch * EPOCH_SHIFT + seq


class Children(NamedTuple):
    """Records that go with the record they belong to, and how they are found and deleted."""

    resource: Resource
    find: Statement
    delete: Statement


class Referrers(NamedTuple):
    """Records that refer to one that goes, or to a child of it: how they are found, and set free."""

    resource: Resource
    fields: tuple[str, ...]
    find: Statement
    detach: Statement


class Statements:
    """The statements of one kind of record."""

    def __init__(self, resource: Resource) -> None:
        """Build them all, but for the lists, which depend on the filters."""
        self._resource = resource
        table = resource.table
        this = (mine(table), table.c.id == given(table.c.id))
        version = (sa.cast(_epoch, sa.BigInteger) * sa.literal_column(str(EPOCH_SHIFT)) + table.c.seq).label("version")
        self._public = [version if name == "version" else table.c[name] for name in resource.public_names]
        self.read = Statement(sa.select(*self._public).where(*this))
        self.read_to_write = Statement(sa.select(*self._public, table.c.field_seq).where(*this))
        self.insert = Statement(sa.insert(table).values({column.name: given(column) for column in table.c}))
        changeable = (*resource.field_names, "seq", "field_seq", "updated_at")
        self.update = Statement(
            sa.update(table).where(*this).values({name: given(table.c[name]) for name in changeable})
        )
        self.delete = Statement(sa.delete(table).where(*this))
        self.known = Statement(
            sa.select(
                sa.select(_change.c.deleted)
                .where(mine(_change), _change.c.collection == resource.collection, _change.c.id == given(_change.c.id))
                .scalar_subquery()
                .label("deleted"),
                *_living(resource),
            )
        )
        self.lists: dict[tuple[object, ...], Statement] = {}
        self.children = tuple(_children(resource))
        self.referrers = tuple(_referrers(resource))

    def page(self, filters: list[Asked], *, continued: bool) -> Statement:
        """Return the statement of a list with these filters, newest first; `continued` starts below a given row."""
        key = (continued, *(each.variant for each in filters))
        statement = self.lists.get(key)
        if statement is None:
            table = self._resource.table
            chosen = [mine(table), *(each.condition(table) for each in filters)]
            if continued:
                place = sa.tuple_(given(table.c.created_at, "after_created_at"), given(table.c.id, "after_id"))
                chosen.append(sa.tuple_(table.c.created_at, table.c.id) < place)
            statement = self.lists[key] = Statement(
                sa.select(*self._public)
                .where(*chosen)
                .order_by(table.c.created_at.desc(), table.c.id.desc())
                .limit(sa.bindparam("rows", type_=sa.BigInteger))
            )
        return statement

    @cached_property
    def ancestors(self) -> Statement:
        """The statement that follows the acyclic reference from a given record to the end of its line."""
        table, field = self._resource.table, self._resource.acyclic or ""
        line = (
            sa.select(table.c.id, table.c[field].label("next"))
            .where(mine(table), table.c.id == given(table.c.id))
            .cte("line", recursive=True)
        )
        above = sa.select(table.c.id, table.c[field]).where(mine(table), table.c.id == line.c.next)
        return Statement(sa.select(line.union(above).c.id))


def _living(resource: Resource) -> list[sa.ColumnElement[Any]]:
    """Return, for each reference, whether the record that it names is there."""
    return [
        sa.exists(sa.select(sa.literal_column("1")).where(mine(table), table.c.id == given(table.c.id, field))).label(
            field
        )
        for field, table in resource.references.items()
    ]


def _children(resource: Resource) -> Iterator[Children]:
    for kind in kinds():
        if kind.parent and kind.references[kind.parent] is resource.table:
            table = kind.table
            theirs = (mine(table), table.c[kind.parent] == given(table.c.id))
            find = sa.select(table.c.id).where(*theirs).order_by(table.c.id)
            yield Children(kind, Statement(find), Statement(sa.delete(table).where(*theirs)))


def _referrers(resource: Resource) -> Iterator[Referrers]:
    children = {
        kind.table: kind.parent for kind in kinds() if kind.parent and kind.references[kind.parent] is resource.table
    }
    for kind in kinds():
        table = kind.table
        points = []
        for field, target in kind.references.items():
            if target is resource.table and field != kind.parent:
                points.append((field, table.c[field] == given(table.c.id)))
            elif target in children:
                gone = sa.select(target.c.id).where(mine(target), target.c[children[target]] == given(table.c.id))
                points.append((field, table.c[field].in_(gone)))
        if points:
            fields = tuple(field for field, _ in points)
            found = sa.select(table.c.id, table.c.field_seq, *(table.c[field] for field in fields))
            changed = {name: given(table.c[name]) for name in (*fields, "seq", "field_seq", "updated_at")}
            yield Referrers(
                kind,
                fields,
                Statement(found.where(mine(table), sa.or_(*(point for _, point in points))).order_by(table.c.id)),
                Statement(sa.update(table).where(mine(table), table.c.id == given(table.c.id)).values(changed)),
            )


@cache
def statements(resource: Resource) -> Statements:
    """Return the statements of a kind of record."""
    return Statements(resource)
