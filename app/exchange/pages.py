"""The SQL statement that reads a page of a clinic's changes, and checks which records the clinic may see.

A change contains its record if the consent is active, its `until` is not past, its purpose is that of the client, and
it covers the record. A reference to a record that the clinic does not see is null.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any, Final

import sqlalchemy as sa

from app.clinics.calls import IS_ACTIVE
from app.clinics.consent_tables import ConsentRecord, ConsentStatus, PatientRecord, SharedItem
from app.db import Statement, any_of, bind, bytes_before, json_row
from app.records import Resource, kinds
from app.records.coverage import CONNECTIONS, is_covered, is_shared

TERMS: Final = ("status", "shares", "receives", "purpose", "name", "until")
"""The columns of the consent that a connection shows."""
_item, _patient = SharedItem.table(), PatientRecord.table()
LIVE: Final = ConsentRecord.table().alias("live")
"""The consent that applies to a row of a page."""
_any = ConsentRecord.table().alias("any_consent")
_ACTIVE: Final[sa.ColumnElement[str]] = sa.literal_column(f"'{ConsentStatus.ACTIVE.value}'")
_ITEM: Final = ("number", "owner_id", "collection", "id", "version", "removed", "changed_at")
_MANAGED: Final[dict[str, sa.types.TypeEngine[Any]]] = {
    "clinic_id": sa.Uuid(),
    "system": sa.String(),
    "value": sa.String(),
    "revision": sa.BigInteger(),
}
is_visible: Final = sa.and_(
    LIVE.c.clinic_id == bind(LIVE.c.clinic_id),
    LIVE.c.purpose == bind(LIVE.c.purpose),
    LIVE.c.status == _ACTIVE,
    sa.or_(LIVE.c.ends_at.is_(None), LIVE.c.ends_at > bind(LIVE.c.ends_at, "now")),
)
"""The condition that the client may see what the consent covers."""


def _page(*, of_patient: bool) -> sa.CTE:
    conditions = [
        _item.c.clinic_id == bind(_item.c.clinic_id),
        _item.c.number > bind(_item.c.number, "after"),
        _item.c.number <= bind(_item.c.number, "head"),
        any_of(_item.c.collection, "collections"),
        IS_ACTIVE,
    ]
    if of_patient:
        patient = sa.select(_patient.c.owner_id).where(
            _patient.c.clinic_id == bind(_patient.c.clinic_id), _patient.c.id == bind(_patient.c.id, "patient")
        )
        conditions.append(_item.c.owner_id == patient.scalar_subquery())
    return (
        sa.select(*(_item.c[name] for name in _ITEM))
        .where(*conditions)
        .order_by(_item.c.number)
        .limit(sa.bindparam("rows", type_=sa.BigInteger))
        .cte("page")
    )


def _null(kind: sa.types.TypeEngine[Any]) -> sa.ColumnElement[Any]:
    return sa.cast(sa.null(), kind)


def had_consent(item: sa.FromClause) -> sa.ColumnElement[bool]:
    """Return the condition that the clinic has, or had, a consent of an item's owner for the client's purpose."""
    return sa.exists(
        sa.select(_any.c.id).where(
            _any.c.owner_id == item.c.owner_id,
            _any.c.clinic_id == bind(_any.c.clinic_id),
            _any.c.purpose == bind(_any.c.purpose),
            _any.c.patient_id.is_not(None),
        )
    )


def _of_connections(page: sa.CTE) -> sa.Select[Any]:
    return (
        sa.select(
            *(page.c[name] for name in _ITEM),
            LIVE.c.patient_id,
            had_consent(page).label("is_known"),
            LIVE.c.id.label("record_id"),
            json_row([LIVE.c[name] for name in TERMS]).label("terms"),
            sa.false().label("is_shared"),
            *(_null(each).label(name) for name, each in _MANAGED.items()),
            _null(sa.BigInteger()).label("seq"),
            _null(sa.BigInteger()).label("hidden"),
            _null(sa.LargeBinary()).label("document"),
        )
        .select_from(sa.outerjoin(page, LIVE, sa.and_(LIVE.c.owner_id == page.c.owner_id, is_visible)))
        .where(page.c.collection == sa.literal_column(f"'{CONNECTIONS}'", sa.String()))
    )


def _of_kind(page: sa.CTE, kind: Resource) -> sa.Select[Any]:
    table = kind.table.alias("record")
    same = sa.and_(table.c.owner_id == page.c.owner_id, table.c.id == page.c.id, is_covered(kind, table, LIVE))
    joined = sa.outerjoin(page, LIVE, sa.and_(LIVE.c.owner_id == page.c.owner_id, is_visible))
    return (
        sa.select(
            *(page.c[name] for name in _ITEM),
            LIVE.c.patient_id,
            LIVE.c.id.is_not(None).label("is_known"),
            table.c.id.label("record_id"),
            _null(sa.JSON()).label("terms"),
            *record_columns(kind, table),
        )
        .select_from(sa.outerjoin(joined, table, same))
        .where(page.c.collection == sa.literal_column(f"'{kind.collection}'", sa.String()))
    )


def record_columns(kind: Resource, table: sa.FromClause) -> list[Any]:
    """Return the columns from which `clinic_record` makes the clinic's view of a record.

    In `hidden`, bit n is set if the clinic does not see the target of the n-th reference, with references ordered by
    name.
    """
    managed = [table.c[name] if kind.clinical else _null(each).label(name) for name, each in _MANAGED.items()]
    shared = is_shared(kind, table, LIVE).label("is_shared")
    hidden = sa.cast(sum(_hidden_bits(kind, table), sa.literal_column("0")), sa.BigInteger).label("hidden")
    return [shared, *managed, table.c.seq, hidden, table.c.document]


def _hidden_bits(kind: Resource, table: sa.FromClause) -> Iterable[sa.ColumnElement[int]]:
    """Yield an expression for each reference of a kind: the bit of the reference if the consent does not cover its
    target, otherwise 0. If the reference is null, the database does not look for a target.
    """
    for number, (field, target) in enumerate(sorted(kind.targets.items())):
        other = target.table.alias(f"target_{field}")
        seen = sa.exists(
            sa.select(other.c.id).where(
                other.c.owner_id == table.c.owner_id, other.c.id == table.c[field], is_covered(target, other, LIVE)
            )
        )
        none, bit = (sa.literal_column(str(value), sa.Integer) for value in (0, 1 << number))
        yield sa.case((table.c[field].is_(None), none), (seen, none), else_=bit)


@cache
def page(*, of_patient: bool) -> Statement:
    """Return the statement that selects a page: a row for each of the next changes, of one patient or of all patients.

    `is_known` is false if the client must not learn of the change, and `record_id` is null if the client does not see
    the record. `terms` has the `TERMS` of a connection.
    """
    changes = _page(of_patient=of_patient)
    found = sa.union_all(_of_connections(changes), *(_of_kind(changes, kind) for kind in kinds())).subquery("found")
    return fitting(found, found.c.number)


def fitting(found: sa.Subquery, *order: sa.ColumnElement[Any]) -> Statement:
    """Return the statement that limits a page to about `most_bytes` of documents, which are added up in this order.

    A row has its document, and `fits` is true, if the documents before it have fewer bytes than that. All later rows
    have no document, and `fits` is false.
    """
    sized = sa.select(*found.c, bytes_before(found.c.document, *order).label("before")).subquery("sized")
    fits = sized.c.before < sa.bindparam("most_bytes", type_=sa.BigInteger)
    columns: Iterable[sa.ColumnElement[Any]] = (each for each in sized.c if each.name not in {"document", "before"})
    return Statement(
        sa.select(*columns, sa.case((fits, sized.c.document)).label("document"), fits.label("fits")).order_by(
            *(sized.c[each.name] for each in order)
        )
    )
