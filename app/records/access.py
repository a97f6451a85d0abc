"""Access: the SQL statements on records. Each statement is limited to the records of one owner.

Every statement contains the condition `owned`. The write engine, the reads and the lists run only the statements of
this module, so no other module can forget the condition. The computed views (`app.views`) build statements of their
own, also with `owned`. Every statement has the bind parameter `owner_id`. A statement that checks that the caller is
signed in has all of `View.binds`.
"""

from functools import cache, cached_property
from typing import Any, Final

import sqlalchemy as sa

from app.db import (
    CompareAndSwap,
    Lookup,
    Statement,
    any_of,
    bind,
    bulk_delete,
    bulk_insert,
    bulk_trim,
    bulk_update,
    byte_length,
    bytes_before,
    json_row,
)
from app.identity import SIGNED_IN, TIMEZONE, Feed
from app.records.codec import EPOCH_SHIFT
from app.records.coverage import ACTIVE_WITH_FEED
from app.records.filters import ActiveFilter
from app.records.resource import Resource, kinds
from app.records.tables import Change, RememberedOp, Restoration, Revision

_IS_REMOVED: Final = sa.text("change.deleted")  # SQLite uses the partial index only for this exact text
_ROWS: Final = sa.bindparam("rows", type_=sa.BigInteger)
_MOST_BYTES: Final = sa.bindparam("most_bytes", type_=sa.BigInteger)
_feed = Feed.table()
_change = Change.table()
_revision = Revision.table()
_remembered = RememberedOp.table()
_restoration = Restoration.table()


def owned(table: sa.Table) -> sa.ColumnElement[bool]:
    """Return the SQL condition that a row belongs to the owner."""
    return table.c.owner_id == bind(table.c.owner_id)


USAGE: Final = (_feed.c.records, _feed.c.document_bytes, _feed.c.remembered_ops)
"""The columns of the feed's row that contain the owner's usage: the numbers that quotas limit."""
LOCK_FEED: Final = Statement(
    sa.select(_feed.c.head, _feed.c.epoch, _feed.c.consents, TIMEZONE, *USAGE)
    .where(owned(_feed))
    .with_for_update(of=_feed, key_share=True)
)
"""Locks the owner's feed against other writers, and returns its state.

Other transactions can still insert rows with a foreign key to the feed, such as rows of the access log.
"""
ADVANCE_FEED: Final = bulk_update(_feed, ["owner_id"], ["head", *(column.name for column in USAGE)])
FEED_CAS: Final = CompareAndSwap(
    _feed, {"head": "began", "epoch": "epoch", "floor": "floor"}, ("head", "records", "document_bytes")
)
"""Advances the feed's head, but only if the owner's records were not written, purged or restored since the read.

Does not set `remembered_ops`: a purge can lower this number without changing the columns that are compared.
"""
FEED: Final = Statement(sa.select(_feed.c.head, _feed.c.epoch, _feed.c.floor).where(owned(_feed)))
KNOWN_CHANGES: Final = Statement(
    sa.select(_change.c.collection, _change.c.id, _change.c.seq, _change.c.deleted).where(
        owned(_change), any_of(_change.c.collection, "collections"), any_of(_change.c.id, "ids")
    )
)
COUNT_RECORDS: Final = Statement(
    sa.select(_change.c.collection, sa.func.count().label("count"))
    .where(owned(_change), sa.not_(_change.c.deleted))
    .group_by(_change.c.collection)
)
"""Counts the owner's records of each kind."""
_epoch = sa.select(_feed.c.epoch).where(owned(_feed)).scalar_subquery()
_version = sa.cast(_epoch, sa.BigInteger) * sa.literal_column(str(EPOCH_SHIFT))
HEAD_VERSION: Final = sa.cast(_feed.c.epoch, sa.BigInteger) * sa.literal_column(str(EPOCH_SHIFT)) + _feed.c.head
"""An SQL expression: the version of the feed's head, in a statement that reads the feed's row."""
FORMER: Final = (_change.c.actor_id, _change.c.revised_at)
"""The columns of `change` about the version of a record that a write replaces.

The write reads them together with the record's row, and decides from them whether the history keeps this version.
"""
INSERT_CHANGE: Final = bulk_insert(_change)
UPDATE_CHANGE: Final = bulk_update(
    _change,
    ["owner_id", "collection", "id"],
    ["seq", "deleted", "written_at", "actor_id", "visibility", "revised_at", "happened_at"],
)
MAX_REVISIONS: Final = 100
"""The maximum number of former versions that are kept of one record."""
_RECORD: Final = ("owner_id", "collection", "id")
KEEP_REVISION: Final = bulk_insert(_revision)
TRIM_REVISIONS: Final = bulk_trim(_revision, _RECORD, "seq", MAX_REVISIONS)
REMOVE_REVISIONS: Final = bulk_delete(_revision, _RECORD)
REMEMBERED_OPS: Final = Statement(
    sa.select(_remembered).where(owned(_remembered), any_of(_remembered.c.op_id, "op_ids"))
)
INSERT_REMEMBERED_OP: Final = bulk_insert(_remembered)
RESTORATIONS: Final = Statement(sa.select(_restoration.c.epoch, _restoration.c.head).where(owned(_restoration)))


@cache
def changes_since(*, filtered: bool) -> Statement:
    """Return the statement of a pull, which reads the feed's state and the next changes after the number `after`.

    One row has the feed's state, and each other row has one change; a column that does not apply to a row is null. All
    rows come from one snapshot. They are not sorted, and the feed's state is not repeated in each row: to sort a
    thousand rows, or to repeat the state in them, would take as long as to read them. Living records are read from the
    tables of the kinds, and tombstones from `change`, each by an index. A change is returned without its document, and
    with a null collection, if the documents of the changes with lower sequence numbers have `most_bytes` or more
    together. If `filtered`, only changes of the kinds in `collections` are returned.
    """
    found = (
        sa.union_all(_removed_since(filtered=filtered), *(_changed_since(kind, filtered=filtered) for kind in kinds()))
        .order_by(sa.literal_column("seq"))
        .limit(_ROWS)
        .subquery("found")
    )
    sized = sa.select(*found.c, bytes_before(found.c.document, found.c.seq).label("before")).subquery("sized")
    fits = sized.c.before < _MOST_BYTES
    null = {column.name: sa.cast(sa.null(), column.type).label(column.name) for column in (*found.c, *_feed.c)}
    feed = sa.select(null["collection"], null["id"], _feed.c.head.label("seq"), null["document"])
    changed = sa.select(sa.case((fits, sized.c.collection)), sized.c.id, sized.c.seq, sa.case((fits, sized.c.document)))
    return Statement(
        sa.union_all(
            feed.add_columns(_feed.c.epoch, _feed.c.floor, TIMEZONE).where(owned(_feed)),
            changed.add_columns(null["epoch"], null["floor"], sa.cast(sa.null(), sa.String())),
        )
    )


def _history() -> Statement:
    older = (
        sa.select(*(_revision.c[name] for name in ("seq", "written_at", "written_by", "document")))
        .where(owned(_revision), *(_revision.c[name] == bind(_revision.c[name]) for name in ("collection", "id")))
        .where(_revision.c.seq < bind(_revision.c.seq, "before"))
        .order_by(_revision.c.seq.desc())
        .limit(sa.bindparam("rows", type_=sa.BigInteger))
        .subquery("older")
    )
    before = bytes_before(older.c.document, older.c.seq.desc())
    sized = sa.select(*older.c, before.label("before")).subquery("sized")
    fits = sized.c.before < _MOST_BYTES
    return Statement(
        sa.select((_version + sized.c.seq).label("version"), sized.c.written_at, sized.c.written_by)
        .add_columns(sa.case((fits, sized.c.document)).label("document"))
        .select_from(sa.outerjoin(_change, sized, sa.true()))
        .where(owned(_change), SIGNED_IN, _change.c.deleted.is_(False))
        .where(*(_change.c[name] == bind(_change.c[name]) for name in ("collection", "id")))
        .order_by(sized.c.seq.desc())
    )


HISTORY: Final = _history()
"""Returns a page of a living record's former versions, newest first.

Returns no row if there is no such record, and one row of nulls if there is no former version. A version is returned
without its document if the documents of the newer versions on the page have `most_bytes` or more together.
"""


def _changed_since(kind: Resource, *, filtered: bool) -> sa.Select[Any]:
    table = kind.table
    collection = sa.cast(sa.literal_column(f"'{kind.collection}'", sa.String()), sa.String())
    of_collections = [any_of(collection, "collections")] if filtered else []
    columns = (collection.label("collection"), table.c.id, table.c.seq, table.c.document)
    since = sa.select(*columns).where(owned(table), table.c.seq > bind(table.c.seq, "after"), *of_collections)
    return sa.select(*since.order_by(table.c.seq).limit(_ROWS).subquery().c)


def _removed_since(*, filtered: bool) -> sa.Select[Any]:
    of_collections = [any_of(_change.c.collection, "collections")] if filtered else []
    columns = (
        _change.c.collection,
        _change.c.id,
        _change.c.seq,
        sa.cast(sa.null(), sa.LargeBinary()).label("document"),
    )
    since = sa.select(*columns).where(
        owned(_change), _IS_REMOVED, _change.c.seq > bind(_change.c.seq, "after"), *of_collections
    )
    return sa.select(*since.order_by(_change.c.seq).limit(_ROWS).subquery().c)


def _bounded(newest: sa.Select[Any]) -> sa.Select[Any]:
    """Return the statement of a list page whose documents are limited to about `most_bytes` together.

    A row has its document only if the documents of the rows before it have less than `most_bytes` together.
    """
    page = newest.subquery("newest")
    before = bytes_before(page.c.document, page.c.created_at.desc(), page.c.id.desc())
    sized = sa.select(*page.c, before.label("before")).subquery("sized").c
    return sa.select(
        sized.created_at,
        sized.id,
        sized.version,
        sa.case((sized.before < _MOST_BYTES, sized.document)).label("document"),
    ).order_by(sized.created_at.desc(), sized.id.desc())


class Statements:
    """The SQL statements on the records of one kind."""

    def __init__(self, resource: Resource) -> None:
        """Build the statements, except those that are built at their first use: pages, `with_feed`, `ancestors`."""
        self._resource = resource
        table = resource.table
        self.stored = [column for column in table.c if column.name != "owner_id"]
        self.stored_names = tuple(column.name for column in self.stored)
        of_row = sa.and_(
            _change.c.owner_id == table.c.owner_id,
            _change.c.collection == resource.collection,
            _change.c.id == table.c.id,
        )
        self.with_change = sa.outerjoin(table, _change, of_row)
        """The join of the kind's table with `change`: each record with its latest change.

        It is an outer join, because SQLite would start an inner join with all changes of the collection.
        """
        self.stored_by_id = Statement(
            sa.select(*self.stored, *FORMER)
            .select_from(self.with_change)
            .where(owned(table), any_of(table.c.id, "ids"))
        )
        self.read = Lookup(
            sa.select((_version + table.c.seq).label("version"), table.c.document).where(
                owned(table), SIGNED_IN, table.c.id == bind(table.c.id)
            )
        )
        self.insert = bulk_insert(table)
        sealed = resource.sealed_names
        changeable = [name for name in (*resource.field_names, *resource.computed_names) if name not in sealed]
        changeable += ["seq", "field_seq", "updated_at", "document", *resource.facts, *resource.of_clinics]
        self.update = bulk_update(table, ["owner_id", "id"], changeable)
        self.delete = bulk_delete(table, ["owner_id", "id"])
        self.lists: dict[tuple[object, ...], Statement] = {}

    def page(self, filters: list[ActiveFilter], *, continued: bool, bounded: bool = False) -> Statement:
        """Return the statement of a list page with these filters, newest first.

        If `continued`, the page starts after the record with `after_created_at` and `after_id`. If `bounded`, a row has
        its document only if the documents of the rows before it have less than `most_bytes` together; otherwise, only
        if this document itself has at most `most_bytes`.
        """
        key = (continued, bounded, *(each.variant for each in filters))
        statement = self.lists.get(key)
        if statement is None:
            table = self._resource.table
            conditions = [owned(table), SIGNED_IN, *(each.condition(table) for each in filters)]
            if continued:
                last = sa.tuple_(bind(table.c.created_at, "after_created_at"), bind(table.c.id, "after_id"))
                conditions.append(sa.tuple_(table.c.created_at, table.c.id) < last)
            newest = (
                sa.select(table.c.created_at, table.c.id, (_version + table.c.seq).label("version"))
                .where(*conditions)
                .order_by(table.c.created_at.desc(), table.c.id.desc())
                .limit(_ROWS)
            )
            statement = self.lists[key] = Statement(
                _bounded(newest.add_columns(table.c.document))
                if bounded
                else newest.add_columns(
                    sa.case((byte_length(table.c.document) <= _MOST_BYTES, table.c.document)).label("document")
                )
            )
        return statement

    @cached_property
    def with_feed(self) -> Lookup:
        """The statement that reads one record and the feed's state, in one snapshot and without a lock."""
        table = self._resource.table
        latest = (_change.c.owner_id == _feed.c.owner_id, _change.c.collection == self._resource.collection)
        this = (table.c.owner_id == _feed.c.owner_id, table.c.id == bind(table.c.id))
        return Lookup(
            sa.select(_feed.c.head, _feed.c.epoch, _feed.c.floor, TIMEZONE, ACTIVE_WITH_FEED, *USAGE)
            .add_columns(_change.c.seq.label("number"), _change.c.deleted, *FORMER, *self.stored)
            .join_from(_feed, _change, sa.and_(*latest, _change.c.id == bind(table.c.id)), isouter=True)
            .join(table, sa.and_(*this), isouter=True)
            .where(owned(_feed))
        )

    @cached_property
    def ancestors(self) -> Statement:
        """The statement that reads given records and all their ancestors, by the reference `Resource.acyclic`.

        Each row has the id of a record, and as `above` the id to which this reference of the record refers, or null.
        """
        table, field = self._resource.table, self._resource.acyclic or ""
        step = (table.c.id, table.c[field].label("above"))
        line = sa.select(*step).where(owned(table), any_of(table.c.id, "ids")).cte("line", recursive=True)
        above = sa.select(*step).where(owned(table), table.c.id == line.c.above)
        every = line.union(above)
        return Statement(sa.select(every.c.id, every.c.above))


@cache
def statements(resource: Resource) -> Statements:
    """Return the statements of a kind of record."""
    return Statements(resource)


def removed_ids(resource: Resource) -> str:
    """Return the name of the bind parameter of `referrers` and `reference_counts` for the given ids of one kind."""
    return f"removed_{resource.table.name}"


@cache
def readable_columns(resource: Resource) -> tuple[sa.Column[Any], ...]:
    """Return the stored columns of a kind that `json_row` can return: not `document`, because JSON has no bytes."""
    return tuple(column for column in statements(resource).stored if column.name != "document")


@cache
def referrers() -> Statement:
    """Return the statement that finds the records, of every kind, that refer to any of the given records.

    It takes a list of ids for each kind, as the bind parameter that `removed_ids` names. It returns at most `rows`
    rows, one for each reference: the referrer's collection, the field, the stored row as `json_row` without the sealed
    document, the document, and the columns `FORMER`. One statement serves all kinds, so a removal takes the same number
    of round trips however many kinds there are. Each field that is a reference has its own branch of the union, because
    SQLite uses no index for two conditions joined by OR.
    """
    return Statement(
        sa.union_all(
            *(
                sa.select(
                    sa.literal_column(f"'{kind.collection}'", sa.String()).label("collection"),
                    sa.literal_column(f"'{field}'", sa.String()).label("field"),
                    json_row(readable_columns(kind)).label("stored"),
                    kind.table.c.document,
                    *FORMER,
                )
                .select_from(statements(kind).with_change)
                .where(owned(kind.table), any_of(kind.table.c[field], removed_ids(target)))
                for kind in kinds()
                for field, target in kind.targets.items()
            )
        ).limit(_ROWS)
    )


@cache
def reference_counts() -> Statement:
    """Return the statement that counts the references to each of the given records.

    It takes the same ids as `referrers`. Each row has a target's collection and id, and the number of references to it
    from one field of one kind, so a target may have several rows.
    """
    return Statement(
        sa.union_all(
            *(
                sa.select(
                    sa.literal_column(f"'{target.collection}'", sa.String()).label("collection"),
                    kind.table.c[field].label("id"),
                    sa.func.count().label("count"),
                )
                .where(owned(kind.table), any_of(kind.table.c[field], removed_ids(target)))
                .group_by(kind.table.c[field])
                for kind in kinds()
                for field, target in kind.targets.items()
            )
        )
    )
