"""The statements that read resources, and check in them what the client may see.

A resource is visible if the consent is active, its `until` is not past, its purpose is the client's, and it covers the
record. Resources are ordered by their ids, which never change, so that no page skips or repeats one.
"""

from functools import cache
from typing import Any, Final

import sqlalchemy as sa

from app.clinics.calls import IS_ACTIVE
from app.clinics.consent_tables import PatientIdentifier, PatientRecord, SharedItem
from app.db import Statement, any_of, bind, json_row
from app.exchange.pages import LIVE, fitting, is_visible, record_columns
from app.fhir.types import TYPES, FhirType
from app.records.coverage import is_covered

TERMS: Final = ("name", "until", "purpose", "created_at")
"""The columns of the consent that Patient and Consent show."""
_item, _patient, _identifier = SharedItem.table(), PatientRecord.table(), PatientIdentifier.table()
_ROWS: Final = sa.bindparam("rows", type_=sa.BigInteger)
Filters = frozenset[str]
"""The names of the conditions of a search: `ids`, `patients`, `identifiers`, `statuses`, `date`."""


@cache
def page(name: str, filters: Filters, *, continued: bool) -> Statement:
    """Return the statement of a page of resources of a type; `continued` starts after `after_id` and `after_patient`."""
    kind = TYPES[name]
    table = None if kind.kind is None else kind.kind.table.alias("record")
    columns: list[Any] = [_item.c[each] for each in ("owner_id", "id", "version", "changed_at")]
    if kind.kind is None or table is None:
        more: list[Any] = [
            json_row([LIVE.c[each] for each in TERMS]).label("more"),
            sa.cast(sa.null(), sa.LargeBinary()).label("document"),
        ]
    else:
        more = record_columns(kind.kind, table)
    select = _from(sa.select(*columns, LIVE.c.patient_id, *more), kind, table, filters)
    if continued:
        after = sa.tuple_(bind(_item.c.id, "after_id"), bind(LIVE.c.patient_id, "after_patient"))
        select = select.where(sa.tuple_(_item.c.id, LIVE.c.patient_id) > after)
    found = select.order_by(_item.c.id, LIVE.c.patient_id).limit(_ROWS).subquery("found")
    return fitting(found, found.c.id, found.c.patient_id)


@cache
def total(name: str, filters: Filters) -> Statement:
    """Return the statement that counts the resources of a search."""
    kind = TYPES[name]
    table = None if kind.kind is None else kind.kind.table.alias("record")
    return Statement(_from(sa.select(sa.func.count().label("total")), kind, table, filters))


def _from(select: sa.Select[Any], kind: FhirType, table: sa.FromClause | None, filters: Filters) -> sa.Select[Any]:
    """Add the tables and the conditions of a search."""
    joined: sa.FromClause = sa.join(_item, LIVE, sa.and_(LIVE.c.owner_id == _item.c.owner_id, is_visible))
    conditions: list[sa.ColumnElement[Any]] = [
        _item.c.clinic_id == bind(_item.c.clinic_id),
        _item.c.collection == sa.literal_column(f"'{kind.collection}'", sa.String()),
        _item.c.removed.is_(False),
        _item.c.changed_at >= bind(_item.c.changed_at, "updated_from"),
        _item.c.changed_at < bind(_item.c.changed_at, "updated_before"),
        IS_ACTIVE,
    ]
    if kind.kind is not None and table is not None:
        same = sa.and_(table.c.owner_id == _item.c.owner_id, table.c.id == _item.c.id)
        joined = sa.join(joined, table, sa.and_(same, is_covered(kind.kind, table, LIVE)))
        conditions += _of_record(kind, table, filters)
    elif "identifiers" in filters:
        conditions.append(_is_named())
    if "ids" in filters:
        conditions.append(any_of(_item.c.id, "ids"))
    if "patients" in filters:
        owners = sa.select(_patient.c.owner_id).where(
            _patient.c.clinic_id == bind(_patient.c.clinic_id), any_of(_patient.c.id, "patients")
        )
        conditions.append(_item.c.owner_id.in_(owners))
    return select.select_from(joined).where(*conditions)


def _of_record(kind: FhirType, table: sa.FromClause, filters: Filters) -> list[sa.ColumnElement[Any]]:
    """Return the conditions on the record of a resource."""
    conditions: list[sa.ColumnElement[Any]] = [] if kind.condition is None else [kind.condition(table)]
    if "identifiers" in filters:
        conditions += [
            table.c.clinic_id == bind(_item.c.clinic_id),
            *_matches(table.c.system, table.c.value),
        ]
    if "statuses" in filters and kind.statuses:
        conditions.append(any_of(table.c.status, "statuses"))
    if "date" in filters and kind.date is not None:
        moment = kind.date(table)
        conditions += [
            moment >= bind(_item.c.changed_at, "date_from"),
            moment < bind(_item.c.changed_at, "date_before"),
        ]
    return conditions


def _matches(system: sa.ColumnElement[Any], value: sa.ColumnElement[Any]) -> list[sa.ColumnElement[Any]]:
    """Return the conditions that an identifier is one of `tokens` (`system|value`), or has one of `bare_values`."""
    token = sa.cast(system + sa.literal_column("'|'", sa.String()) + value, sa.String())
    return [any_of(value, "some_values"), sa.or_(any_of(token, "tokens"), any_of(value, "bare_values"))]


def _is_named() -> sa.ColumnElement[bool]:
    return sa.exists(
        sa.select(_identifier.c.patient_id).where(
            _identifier.c.clinic_id == bind(_identifier.c.clinic_id),
            _identifier.c.patient_id == LIVE.c.patient_id,
            *_matches(_identifier.c.system, _identifier.c.value),
        )
    )
