"""The SQL statement that reads a page of a clinic's changes, and checks which records the clinic may see.

A change contains its record if the owner's consent is active, the consent's `until` is not past, its purpose is that of
the client, and it covers the record. A reference to a record that the clinic does not see is null.
"""

import operator
from collections.abc import Callable, Iterable
from functools import cache, reduce
from typing import Any, Final, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from app.clinics.calls import IS_ACTIVE
from app.clinics.consent_tables import ConsentRecord, ConsentStatus, PatientRecord, SharedItem
from app.db import Statement, any_of, bind, bytes_before, json_row
from app.records import Resource, kinds
from app.records.coverage import CONNECTIONS, is_covered, is_shared

TERMS: Final = ("status", "shares", "receives", "purpose", "name", "until")
"""The columns of a consent that are members of the connection, which the clinic sees."""
_item, _patient = SharedItem.table(), PatientRecord.table()
CONSENT: Final = ConsentRecord.table().alias("live")
"""The consents, joined to a page: the condition `is_visible` selects the consent that applies to each row."""
_any = ConsentRecord.table().alias("any_consent")
_ACTIVE: Final[sa.ColumnElement[str]] = sa.literal_column(f"'{ConsentStatus.ACTIVE.value}'")
_ITEM: Final = ("number", "owner_id", "collection", "id", "version", "removed", "changed_at")
_SHOWN: Final = ("number", "owner_id", "collection", "id", "version")
"""The columns of `shared_item` that a page returns. Each additional column costs about a tenth of a page's CPU time."""
IS_VISIBLE: Final = 1
IS_SHARED: Final = 2
IS_MANAGED: Final = 4
IS_OWN: Final = 8
"""The bits of the column `flags`.

`IS_VISIBLE`: the client sees the record. `IS_SHARED`: the owner shares the record with the clinic. `IS_MANAGED`: some
clinic manages the record. `IS_OWN`: the client's clinic manages it.
"""
HIDDEN_SHIFT: Final = 4
"""The position of the first bit of `flags` for references: one bit for each reference, in the order of the field names.

A bit is set if the clinic does not see the record to which the reference refers.
"""
MANAGED: Final = ("system", "value", "revision")
"""The columns of a record that the column `details` contains if the clinic manages the record."""


Columns = Callable[[sa.ColumnElement[int]], Iterable[sa.ColumnElement[Any]]]
"""A function that takes the number of a row in a page, as an SQL expression, and returns further columns of the row."""


def _no_columns(_number: sa.ColumnElement[int]) -> Iterable[sa.ColumnElement[Any]]:
    return ()


class Item(NamedTuple):
    """A row of a page: a change, and the columns from which the clinic's view of the changed record is made.

    The columns are described in `page` and `record_columns`.
    """

    number: int
    owner_id: UUID
    collection: str
    id: UUID
    version: int
    patient_id: UUID
    flags: int
    details: Any
    seq: int
    document: bytes
    fits: bool


is_in_force: Final = sa.and_(
    CONSENT.c.purpose == bind(CONSENT.c.purpose),
    CONSENT.c.status == _ACTIVE,
    sa.or_(CONSENT.c.ends_at.is_(None), CONSENT.c.ends_at > bind(CONSENT.c.ends_at, "now")),
)
"""The condition that a consent is in force, and has the purpose of the client."""
is_visible: Final = sa.and_(CONSENT.c.clinic_id == bind(CONSENT.c.clinic_id), is_in_force)
"""The condition that a consent lets the client see the records that the consent covers."""


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
    """Return the condition that the owner of `item` has, or had, a consent for this clinic and the client's purpose."""
    return sa.exists(
        sa.select(_any.c.id).where(
            _any.c.owner_id == item.c.owner_id,
            _any.c.clinic_id == bind(_any.c.clinic_id),
            _any.c.purpose == bind(_any.c.purpose),
            _any.c.patient_id.is_not(None),
        )
    )


def _of_connections(page: sa.CTE) -> sa.Select[Any]:
    is_known, is_visible_now = had_consent(page), sa.and_(CONSENT.c.id.is_not(None), page.c.removed.is_(False))
    return (
        sa.select(
            *(page.c[name] for name in _SHOWN),
            CONSENT.c.patient_id,
            sa.case(
                (sa.not_(is_known), _null(sa.BigInteger())), (is_visible_now, _flag(IS_VISIBLE)), else_=_flag(0)
            ).label("flags"),
            json_row([CONSENT.c[name] for name in TERMS]).label("details"),
            _null(sa.BigInteger()).label("seq"),
            _null(sa.LargeBinary()).label("document"),
        )
        .select_from(sa.outerjoin(page, CONSENT, sa.and_(CONSENT.c.owner_id == page.c.owner_id, is_visible)))
        .where(page.c.collection == sa.literal_column(f"'{CONNECTIONS}'", sa.String()))
    )


def _of_kind(page: sa.CTE, kind: Resource) -> sa.Select[Any]:
    table = kind.table.alias("record")
    same = sa.and_(table.c.owner_id == page.c.owner_id, table.c.id == page.c.id, is_covered(kind, table, CONSENT))
    joined = sa.outerjoin(page, CONSENT, sa.and_(CONSENT.c.owner_id == page.c.owner_id, is_visible))
    flags, *columns = record_columns(kind, table, page.c.changed_at)
    unknown, gone = CONSENT.c.id.is_(None), sa.or_(page.c.removed, table.c.id.is_(None))
    return (
        sa.select(
            *(page.c[name] for name in _SHOWN),
            CONSENT.c.patient_id,
            sa.case((unknown, _null(sa.BigInteger())), (gone, _flag(0)), else_=flags).label("flags"),
            *columns,
        )
        .select_from(sa.outerjoin(joined, table, same))
        .where(page.c.collection == sa.literal_column(f"'{kind.collection}'", sa.String()))
    )


def record_columns(kind: Resource, table: sa.FromClause, changed_at: sa.ColumnElement[Any]) -> list[Any]:
    """Return the columns from which `clinic_record` makes the clinic's view of a record, and the column `details`.

    `details` is a JSON array of the columns `MANAGED` and `changed_at` if the clinic manages the record, otherwise null.
    """
    details: sa.ColumnElement[Any] = _null(sa.JSON())
    if kind.clinical:
        details = sa.case((_is_own(table), json_row([*(table.c[name] for name in MANAGED), changed_at])))
    return [flags_of(kind, table), details.label("details"), table.c.seq, table.c.document]


def managed_columns(table: sa.FromClause) -> list[sa.ColumnElement[Any]]:
    """Return the columns `MANAGED` of a record, which are null if the clinic does not manage it."""
    return [sa.case((_is_own(table), table.c[name])).label(name) for name in MANAGED]


def flags_of(kind: Resource, table: sa.FromClause) -> sa.ColumnElement[int]:
    """Return the column `flags`, which has the bits `IS_VISIBLE` to `IS_OWN`, and those from `HIDDEN_SHIFT` on."""
    flags = [_flag(IS_VISIBLE), _bit(is_shared(kind, table, CONSENT), IS_SHARED), *_hidden_bits(kind, table)]
    if kind.clinical:
        flags += [_bit(table.c.clinic_id.is_not(None), IS_MANAGED), _bit(_is_own(table), IS_OWN)]
    return sa.cast(reduce(operator.add, flags), sa.BigInteger).label("flags")


def _is_own(table: sa.FromClause) -> sa.ColumnElement[bool]:
    return table.c.clinic_id == CONSENT.c.clinic_id


def _flag(value: int) -> sa.ColumnElement[int]:
    return sa.literal_column(str(value), sa.BigInteger)


def _bit(condition: sa.ColumnElement[bool], value: int) -> sa.ColumnElement[int]:
    return sa.case((condition, _flag(value)), else_=_flag(0))


def _hidden_bits(kind: Resource, table: sa.FromClause) -> Iterable[sa.ColumnElement[int]]:
    """Yield an SQL expression for each reference of a kind.

    Its value is the reference's bit in `flags` if the consent does not cover the record to which the reference refers,
    otherwise 0. If the reference is null, the database does not look for a record.
    """
    for number, (field, target) in enumerate(sorted(kind.targets.items())):
        other = target.table.alias(f"target_{field}")
        seen = sa.exists(
            sa.select(other.c.id).where(
                other.c.owner_id == table.c.owner_id, other.c.id == table.c[field], is_covered(target, other, CONSENT)
            )
        )
        yield sa.case((table.c[field].is_(None), _flag(0)), (seen, _flag(0)), else_=_flag(1 << HIDDEN_SHIFT + number))


@cache
def page(*, of_patient: bool) -> Statement:
    """Return the statement that selects a page of the clinic's changes, of one patient or of all patients.

    Each row has one change, and the columns of `record_columns`. `flags` is null if the client must not learn of the
    change; without `IS_VISIBLE`, the client learns only that it no longer sees the record. If the change is of a
    connection, `details` is a JSON array of the columns `TERMS`.
    """
    changes = _page(of_patient=of_patient)
    found = sa.union_all(_of_connections(changes), *(_of_kind(changes, kind) for kind in kinds())).subquery("found")
    return Statement(fitting(found, found.c.number))


def fitting(found: sa.Subquery, *order: sa.ColumnElement[Any], more: Columns = _no_columns) -> sa.Select[Any]:
    """Return the query that selects the rows of `found` in this order, with about `most_bytes` of documents.

    A row has its document, and `fits` is true, if the documents of the rows before it have less than `most_bytes`
    together. All later rows have no document, and `fits` is false. Each row also has the columns that `more` returns
    for the row's number, which counts from 1.
    """
    number = sa.func.count().over(order_by=order, rows=(None, 0)).label("row_number")
    sized = sa.select(*found.c, bytes_before(found.c.document, *order).label("before"), number).subquery("sized")
    fits = sized.c.before < sa.bindparam("most_bytes", type_=sa.BigInteger)
    hidden = {"document", "before", "row_number"}
    columns: Iterable[sa.ColumnElement[Any]] = (each for each in sized.c if each.name not in hidden)
    document = sa.case((fits, sized.c.document)).label("document")
    return sa.select(*columns, document, fits.label("fits"), *more(sized.c.row_number)).order_by(
        *(sized.c[each.name] for each in order)
    )
