"""Access: the only way to a row. Every statement on records starts from its owner, here and nowhere else.

A rule that has to be remembered is forgotten once; a statement that does not exist cannot be run. So the statements of
a kind of record are built here, from `mine`, when it is first used, and the store and the lists run no other.
"""

from functools import cache, cached_property
from typing import Final

import sqlalchemy as sa

from app.db import CompareAndSwap, Lookup, Statement, any_of, bind, bulk_insert, bulk_update, byte_length
from app.identity import SIGNED_IN, TIMEZONE, Feed
from app.records.codec import EPOCH_SHIFT
from app.records.filters import ActiveFilter
from app.records.resource import Resource
from app.records.tables import Change, RememberedOp, Restoration

_feed = Feed.table()
_change = Change.table()
_remembered = RememberedOp.table()
_restoration = Restoration.table()


def mine(table: sa.Table) -> sa.ColumnElement[bool]:
    """Return the condition that a row is the caller's own."""
    return table.c.owner_id == bind(table.c.owner_id)


_epoch = sa.select(_feed.c.epoch).where(mine(_feed)).scalar_subquery()
LOCK_FEED: Final = Statement(
    sa.select(_feed.c.head, _feed.c.epoch, TIMEZONE).where(mine(_feed)).with_for_update(of=_feed)
)
ADVANCE_FEED: Final = bulk_update(_feed, ["owner_id"], ["head"])
MOVE_FEED: Final = CompareAndSwap(_feed, {"head": "began", "epoch": "epoch", "floor": "floor"}, "head")
"""What advances the feed if nobody wrote, purged or restored since it was read."""
CHANGES_AMONG: Final = Statement(
    sa.select(_change.c.collection, _change.c.id, _change.c.seq, _change.c.deleted).where(
        mine(_change), any_of(_change.c.collection, "collections"), any_of(_change.c.id, "ids")
    )
)
_version = sa.cast(_epoch, sa.BigInteger) * sa.literal_column(str(EPOCH_SHIFT))
READ: Final = Lookup(
    sa.select((_version + _change.c.seq).label("version"), _change.c.document).where(
        mine(_change),
        SIGNED_IN,
        *(_change.c[name] == bind(_change.c[name]) for name in ("collection", "id")),
        _change.c.deleted.is_(False),
    )
)
FIRST_CHANGE: Final = bulk_insert(_change)
NEXT_CHANGE: Final = bulk_update(
    _change, ["owner_id", "collection", "id"], ["seq", "deleted", "written_at", "written_by", "document"]
)
REMEMBERED_AMONG: Final = Statement(
    sa.select(_remembered).where(mine(_remembered), any_of(_remembered.c.op_id, "op_ids"))
)
RESTORATIONS: Final = Statement(sa.select(_restoration.c.epoch, _restoration.c.head).where(mine(_restoration)))
REMEMBER: Final = bulk_insert(_remembered)


def changes(*, filtered: bool) -> Statement:
    """Return the statement of a pull: one row of where the feed is, and one for each change above a number, in one
    snapshot and in no order that could be relied on. What one of the two does not have is null: nulls cost next to
    nothing, and to repeat the feed beside a thousand changes, or to have them ordered, took as long as to read them.

    A change fits where the documents before it have less than `most_bytes` together; where it does not, its document is
    not read, and its collection is null.
    """
    some = [any_of(_change.c.collection, "collections")] if filtered else []
    found = (
        sa.select(*(_change.c[name] for name in ("collection", "id", "seq", "document")))
        .where(mine(_change), _change.c.seq > bind(_change.c.seq, "after"), *some)
        .order_by(_change.c.seq)
        .limit(sa.bindparam("rows", type_=sa.BigInteger))
        .subquery("found")
    )
    size = sa.func.coalesce(byte_length(found.c.document), 0)  # a tombstone has no document
    before = sa.func.sum(size).over(order_by=found.c.seq, rows=(None, 0)) - size
    sized = sa.select(*found.c, sa.cast(before, sa.BigInteger).label("before")).subquery("sized")
    fits = sized.c.before < sa.bindparam("most_bytes", type_=sa.BigInteger)
    nothing = {column.name: sa.cast(sa.null(), column.type).label(column.name) for column in (*found.c, *_feed.c)}
    feed = sa.select(nothing["collection"], nothing["id"], _feed.c.head.label("seq"), nothing["document"])
    changed = sa.select(sa.case((fits, sized.c.collection)), sized.c.id, sized.c.seq, sa.case((fits, sized.c.document)))
    return Statement(
        sa.union_all(
            feed.add_columns(_feed.c.epoch, _feed.c.floor, TIMEZONE).where(mine(_feed)),
            changed.add_columns(nothing["epoch"], nothing["floor"], sa.cast(sa.null(), sa.String())),
        )
    )


FEED: Final = Statement(sa.select(_feed.c.head, _feed.c.epoch, _feed.c.floor).where(mine(_feed)))
CHANGES: Final = changes(filtered=False)
CHANGES_OF_SOME: Final = changes(filtered=True)


class Statements:
    """The statements of one kind of record."""

    def __init__(self, resource: Resource) -> None:
        """Build them all, but for the lists, which depend on the filters."""
        self._resource = resource
        table = resource.table
        these = (mine(table), any_of(table.c.id, "ids"))
        self._stored = [column for column in table.c if column.name != "owner_id"]
        self.stored_among = Statement(sa.select(*self._stored).where(*these))
        self.stored_names = tuple(column.name for column in self._stored)
        self.insert = bulk_insert(table)
        changeable = (*resource.field_names, "seq", "field_seq", "updated_at")
        self.update = bulk_update(table, ["owner_id", "id"], changeable)
        self.delete_among = Statement(sa.delete(table).where(*these))
        self.lists: dict[tuple[object, ...], Statement] = {}

    def page(self, filters: list[ActiveFilter], *, continued: bool) -> Statement:
        """Return the statement of a list with these filters, newest first; `continued` starts below a given row."""
        key = (continued, *(each.variant for each in filters))
        statement = self.lists.get(key)
        if statement is None:
            table = self._resource.table
            document = sa.select(_change.c.document).where(
                _change.c.owner_id == table.c.owner_id,
                _change.c.collection == self._resource.collection,
                _change.c.id == table.c.id,
            )
            chosen = [mine(table), SIGNED_IN, *(each.condition(table) for each in filters)]
            if continued:
                place = sa.tuple_(bind(table.c.created_at, "after_created_at"), bind(table.c.id, "after_id"))
                chosen.append(sa.tuple_(table.c.created_at, table.c.id) < place)
            statement = self.lists[key] = Statement(
                sa.select(
                    table.c.created_at,
                    table.c.id,
                    (_version + table.c.seq).label("version"),
                    document.scalar_subquery().label("document"),
                )
                .where(*chosen)
                .order_by(table.c.created_at.desc(), table.c.id.desc())
                .limit(sa.bindparam("rows", type_=sa.BigInteger))
            )
        return statement

    @cached_property
    def with_feed(self) -> Lookup:
        """The statement that reads one record and where the feed is, in one snapshot and without a lock."""
        table = self._resource.table
        owns = (_change.c.owner_id == _feed.c.owner_id, _change.c.collection == self._resource.collection)
        this = (table.c.owner_id == _feed.c.owner_id, table.c.id == bind(table.c.id))
        return Lookup(
            sa.select(_feed.c.head, _feed.c.epoch, _feed.c.floor, TIMEZONE)
            .add_columns(_change.c.seq.label("number"), _change.c.deleted, *self._stored)
            .join_from(_feed, _change, sa.and_(*owns, _change.c.id == bind(table.c.id)), isouter=True)
            .join(table, sa.and_(*this), isouter=True)
            .where(mine(_feed))
        )

    @cached_property
    def children(self) -> Statement:
        """The statement that finds the records that go with the given `parents`."""
        table, parent = self._resource.table, self._resource.parent or ""
        return Statement(sa.select(table.c.id).where(mine(table), any_of(table.c[parent], "parents")))

    @cached_property
    def referrers(self) -> Statement:
        """The statement that finds the records that refer, by a reference that may be null, to any of those given under
        the reference's name; a record that does so twice, twice. SQLite looks a condition up by its index, but not two.
        """
        table = self._resource.table
        of_owner = sa.select(*self._stored).where(mine(table))
        return Statement(
            sa.union_all(
                *(of_owner.where(any_of(table.c[field], field)) for field in self._resource.on_delete_set_null)
            )
        )

    @cached_property
    def lines(self) -> Statement:
        """The statement that follows the acyclic reference from given records to the ends of their lines."""
        table, field = self._resource.table, self._resource.acyclic or ""
        step = (table.c.id, table.c[field].label("above"))
        line = sa.select(*step).where(mine(table), any_of(table.c.id, "ids")).cte("line", recursive=True)
        above = sa.select(*step).where(mine(table), table.c.id == line.c.above)
        whole = line.union(above)
        return Statement(sa.select(whole.c.id, whole.c.above))


@cache
def statements(resource: Resource) -> Statements:
    """Return the statements of a kind of record."""
    return Statements(resource)
