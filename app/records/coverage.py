"""Coverage: which records a consent covers, and the rows of `shared_item`, which the consent's clinic pulls.

A consent covers each record with the visibility `shared` whose collection is in the consent's `shares`, and each record
that the clinic manages. Each covered record has one shared item, with the record's latest change. When a record is no
longer covered, its item is kept and marked as `removed`. A write reads the consents after it has locked the owner's
feed, or in the statement that reads the feed.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from app.clinics.consent_tables import ConsentRecord, ConsentStatus, SharedItem
from app.db import Row, Statement, bind, bulk_update, bulk_upsert, decode_json_row, json_rows
from app.identity import Feed
from app.records.resource import Resource
from app.records.shapes import Visibility

CONNECTIONS: Final = "connections"
"""The collection of the shared item that stands for the connection instead of a record. Its id is the patient id."""
_consent, _feed, _item = ConsentRecord.table(), Feed.table(), SharedItem.table()
_ACTIVE: Final[sa.ColumnElement[str]] = sa.literal_column(f"'{ConsentStatus.ACTIVE.value}'")
_SHARED: Final[sa.ColumnElement[str]] = sa.literal_column(f"'{Visibility.SHARED.value}'")
_COLUMNS: Final = tuple(
    _consent.c[name] for name in ("id", "clinic_id", "patient_id", "shares", "receives", "purpose", "head", "ends_at")
)
_is_active: Final = sa.and_(_consent.c.owner_id == bind(_consent.c.owner_id), _consent.c.status == _ACTIVE)
ACTIVE: Final = Statement(sa.select(*_COLUMNS).where(_is_active))
"""Reads the owner's active consents."""
ACTIVE_WITH_FEED: Final = sa.case(
    (
        _feed.c.consents > sa.literal_column("0"),
        sa.select(json_rows(_COLUMNS))
        .where(_consent.c.owner_id == _feed.c.owner_id, _consent.c.status == _ACTIVE)
        .scalar_subquery(),
    )
).label("active_consents")
"""A JSON column with the owner's active consents, for a statement that reads the feed.

The column is null, and no consent is read, if the owner has none that has not ended (`feed.consents` is 0).
"""
UPDATE_HEADS: Final = bulk_update(_consent, ["owner_id", "id"], ["head"])
_KEY: Final = ("owner_id", "clinic_id", "collection", "id")
_CHANGE: Final = ("version", "number", "removed", "changed_at")
UPSERT_ITEMS: Final = bulk_upsert(_item, _KEY, _CHANGE)


def decode_active(found: Sequence[Sequence[Any]] | None) -> list[Row]:
    """Return the consents from a value of the column `ACTIVE_WITH_FEED`; an empty list for null."""
    return [decode_json_row(_COLUMNS, values) for values in found or ()]


def covers(consent: Row, resource: Resource, row: Row) -> bool:
    """Return whether a consent covers a record."""
    if resource.clinical and row["clinic_id"] == consent["clinic_id"]:
        return True
    return row["visibility"] == Visibility.SHARED and resource.collection in consent["shares"]


def shows_change(consent: Row, resource: Resource, before: Row, after: Row) -> bool:
    """Return whether the clinic of a consent can see a difference between two versions of a covered record.

    If the clinic manages the record and the record is not shared, the clinic sees only the clinical fields and the
    columns `of_clinics`.
    """
    if (
        any(row["visibility"] == Visibility.SHARED for row in (before, after))
        and resource.collection in consent["shares"]
    ):
        return True
    return any(before[name] != after[name] for name in (*resource.clinical, *resource.of_clinics))


def is_covered(kind: Resource, table: sa.FromClause, consent: sa.FromClause) -> sa.ColumnElement[bool]:
    """Return the SQL condition that a consent covers a record of the same owner."""
    shared = is_shared(kind, table, consent)
    return sa.or_(shared, table.c.clinic_id == consent.c.clinic_id) if kind.clinical else shared


def is_shared(kind: Resource, table: sa.FromClause, consent: sa.FromClause) -> sa.ColumnElement[bool]:
    """Return the SQL condition that a record is shared under a consent of the same owner."""
    shares = sa.cast(consent.c.shares, sa.String())
    named = sa.literal_column(f"""'%"{kind.collection}"%'""", sa.String())
    return sa.and_(table.c.visibility == _SHARED, shares.like(named))


@cache
def deliver(kind: Resource) -> Statement:
    """Return the statement after which a consent's clinic pulls all records of a kind that the consent covers.

    It inserts or updates the shared items of these records, as if each record had changed. Its bind parameters are the
    `owner_id` and the `id` of the consent, and the new `version` and `changed_at` of the items.
    """
    table = kind.table
    covered = (
        sa.select(
            table.c.owner_id,
            _consent.c.clinic_id,
            sa.literal_column(f"'{kind.collection}'", sa.String()),
            table.c.id,
            bind(_item.c.version),
            sa.cast(sa.null(), sa.BigInteger()),
            sa.false(),
            bind(_item.c.changed_at),
        )
        .join_from(_consent, table, table.c.owner_id == _consent.c.owner_id)
        .where(_consent.c.owner_id == bind(_consent.c.owner_id), _consent.c.id == bind(_consent.c.id))
        .where(is_covered(kind, table, _consent))
        .suffix_with(_on_conflict())
    )
    return Statement(sa.insert(_item).from_select([_item.c[name] for name in (*_KEY, *_CHANGE)], covered))


def _on_conflict() -> sa.TextClause:
    return sa.text(
        f"ON CONFLICT ({', '.join(_KEY)}) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _CHANGE)}"
    )


_of_clinic: Final = [_item.c[name] == bind(_item.c[name]) for name in ("owner_id", "clinic_id")]
_is_record: Final = _item.c.collection != sa.literal_column(f"'{CONNECTIONS}'", sa.String())
WITHDRAW: Final = Statement(
    sa.update(_item)
    .where(*_of_clinic, _is_record, _item.c.removed.is_(False), _item.c.version < bind(_item.c.version))
    .values(
        version=bind(_item.c.version),
        number=sa.null(),
        removed=sa.true(),
        changed_at=bind(_item.c.changed_at),
    )
)
"""Marks shared items as removed if the consent no longer covers their records.

It runs after the statements of `deliver`, which set `version` in the items of all covered records. So an item with a
lower version is of a record that is not covered.
"""
FORGET: Final = Statement(sa.delete(_item).where(*_of_clinic, _is_record))
"""Deletes the shared items of an owner's records for a clinic whose consent has ended.

The item of the connection is not deleted. It is marked as removed, and tells the clinic that all records are removed.
"""
LAST_VERSION: Final = Statement(
    sa.select(_item.c.version).where(
        *_of_clinic, *(_item.c[name] == bind(_item.c[name]) for name in ("collection", "id"))
    )
)
"""Reads the version of a shared item.

If a clinic had a consent before, the versions of a new consent continue from the version of the old connection's item.
"""


def item(clinic_id: UUID, collection: str, id: UUID, version: int, *, removed: bool, **more: object) -> Row:
    """Return a row of `shared_item` for a new change. Its number is null until the clinic pulls the change."""
    return {
        "clinic_id": clinic_id,
        "collection": collection,
        "id": id,
        "version": version,
        "number": None,
        "removed": removed,
        **more,
    }
