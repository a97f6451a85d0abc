"""SQL statements that read resources. Each statement selects only resources that the client may see.

A resource is visible if the patient's consent is active, the consent's `until` is not past, its purpose is that of the
client, and it covers the record. Searches order resources by id, because ids never change: so no page skips or repeats
a resource. Two patients can choose the same id, and one patient can choose it for records of two collections. So the
order continues with the patient and with the source, which is the collection. Exports order resources by patient first,
so that a page belongs to few patients: each of them gets an entry in the access log.
"""

import operator
from functools import cache, reduce
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from app.clinics.calls import CLINIC_ID
from app.clinics.consent_tables import PatientIdentifier, PatientRecord, SharedItem
from app.consents import access_log
from app.db import Statement, any_of, bind, json_row
from app.exchange.pages import CONSENT, fitting, flags_of, had_consent, is_in_force, managed_columns
from app.fhir.types import TYPES, Source
from app.records.coverage import is_covered

TERMS: Final = ("name", "until", "purpose", "created_at")
"""The columns of a consent that the resources Patient and Consent are made from."""
_item, _patient, _identifier = SharedItem.table(), PatientRecord.table(), PatientIdentifier.table()
_applies: Final = sa.and_(CONSENT.c.owner_id == _item.c.owner_id, CONSENT.c.clinic_id == _item.c.clinic_id, is_in_force)
"""The condition that a consent lets the client see the records that the consent covers."""
_exported: Final = _patient.alias("exported")
_ONE: Final[sa.ColumnElement[int]] = sa.literal_column("1")
_ROWS: Final = sa.bindparam("rows", type_=sa.BigInteger)
_AFTER_SOURCE: Final = sa.bindparam("after_source", type_=sa.BigInteger)
Order = tuple[str, str, str]
"""The columns by which a statement orders resources."""
Filters = frozenset[str]
"""The names of the conditions of a search: `ids`, `patients`, `identifiers`, `codes`, `date`, `updated`."""


class Page(NamedTuple):
    """The statements that select a page of resources.

    `read` only selects the page; `read_and_log` is for PostgreSQL, and also writes the entries of the access log.
    """

    read: Statement
    read_and_log: Statement


@cache
def page(name: str, filters: Filters, *, continued: bool, counted: bool) -> Page:
    """Return the statements that select a page of the resources of the type `name`.

    The column `source` is the index of a row's `Source` in the sources of the type. With `continued`, the page starts
    after the position in the bind parameters `after_id`, `after_patient` and `after_source`. With `counted`, the last row
    has the number of all resources of the search in the column `total`.
    """
    count = _count(name, filters) if counted else None
    return _of_sources(name, filters, ("id", "patient_id", "source"), count, continued=continued)


@cache
def export_page(name: str, filters: Filters, *, continued: bool) -> Page:
    """Return the statements that select a page of an export, with the same columns and bind parameters as `page`.

    The page is ordered by patient first, as the index of the patients' primary key is. So the database reads only the
    rows of the page, and does not sort all rows of the export.
    """
    return _of_sources(name, filters, ("patient_id", "source", "id"), continued=continued)


def _of_sources(
    name: str, filters: Filters, order: Order, count: sa.ColumnElement[int] | None = None, *, continued: bool
) -> Page:
    sources = TYPES[name].sources
    pages = [
        _page(source, number, filters, order, continued=continued).subquery() for number, source in enumerate(sources)
    ]
    several = len(pages) > 1
    both = sa.union_all(*(sa.select(each) for each in pages)).subquery("both") if several else pages[0]
    ordered = sa.select(both).order_by(*(both.c[each] for each in order)).limit(_ROWS)
    found = ordered.subquery("found") if several else both

    def total(number: sa.ColumnElement[int]) -> list[sa.ColumnElement[int]]:
        return [] if count is None else [sa.case((number < _ROWS, number), else_=count).label("total")]

    columns = [found.c[each] for each in order]
    read = fitting(found, *columns, more=total)
    page = fitting(found, *columns, more=lambda number: [*total(number), number]).cte("page")
    collections = {number: source.collection for number, source in enumerate(sources)}
    shown = sa.select(*(page.c[each.name] for each in read.selected_columns)).order_by(page.c.row_number)
    return Page(Statement(read), Statement(shown.add_cte(access_log.insert_of(page, collections))))


def _page(source: Source, number: int, filters: Filters, order: Order, *, continued: bool) -> sa.Select[Any]:
    """Return the query for the first rows of one source, ordered by the columns `order`.

    `number` is the index of the source in the sources of the type.
    """
    by_patient = order[0] == "patient_id"
    table = _table(source)
    columns: list[Any] = [_item.c[each] for each in ("owner_id", "id", "version", "changed_at")]
    if source.kind is None:
        more: list[Any] = [
            json_row([CONSENT.c[each] for each in TERMS]).label("details"),
            sa.cast(sa.null(), sa.LargeBinary()).label("document"),
        ]
    else:
        managed = managed_columns(table) if source.kind.clinical else []
        more = [flags_of(source.kind, table), *managed, table.c.seq, table.c.document]
    own = sa.literal_column(str(number), sa.BigInteger)
    select = _from(sa.select(*columns, CONSENT.c.patient_id, own.label("source"), *more), source, table, filters)
    patient: sa.ColumnElement[Any] = CONSENT.c.patient_id
    after_patient = bind(CONSENT.c.patient_id, "after_patient")
    if by_patient:
        patient = _exported.c.id
        select = select.where(_exported.c.clinic_id == bind(_exported.c.clinic_id), patient == CONSENT.c.patient_id)
    if by_patient and continued:
        select = select.where(patient >= after_patient)
    keys: dict[str, tuple[Any, Any]] = {
        "id": (_item.c.id, bind(_item.c.id, "after_id")),
        "patient_id": (patient, after_patient),
        "source": (own, _AFTER_SOURCE),
    }
    if continued:
        key, after = (sa.tuple_(*(keys[each][side] for each in order)) for side in (0, 1))
        select = select.where(key > after)
    return select.order_by(*(keys[each][0] for each in order if each != "source")).limit(_ROWS)


@cache
def deleted(name: str, number: int, filters: Filters, *, continued: bool) -> Statement:
    """Return the statement that selects a page of the resources of one source that the client no longer sees.

    `number` is the index of the source in the sources of the type `name`. The rows are ordered by owner and id. With
    `continued`, they start after the position in the bind parameters `after_owner` and `after_id`.
    """
    select = _deleted(sa.select(_item.c.owner_id, _item.c.id), TYPES[name].sources[number], filters)
    key = sa.tuple_(_item.c.owner_id, _item.c.id)
    if continued:
        select = select.where(key > sa.tuple_(bind(_item.c.owner_id, "after_owner"), bind(_item.c.id, "after_id")))
    return Statement(select.order_by(_item.c.owner_id, _item.c.id).limit(_ROWS))


@cache
def existing(filters: Filters, *, are_deleted: bool) -> Statement:
    """Return the statement that selects the names of the types of which an export has resources.

    With `are_deleted`, the statement selects the types of which the export has deletions.
    """

    def of(name: str, source: Source) -> sa.Select[Any]:
        one = sa.select(_ONE)
        found = _deleted(one, source, filters) if are_deleted else _from(one, source, _table(source), filters)
        return sa.select(sa.literal_column(f"'{name}'", sa.String()).label("name")).where(sa.exists(found))

    return Statement(sa.union_all(*(of(kind.name, each) for kind in TYPES.values() for each in kind.sources)))


@cache
def total(name: str, filters: Filters) -> Statement:
    """Return the statement that counts the resources of a search."""
    return Statement(sa.select(_count(name, filters).label("total")))


def _count(name: str, filters: Filters) -> sa.ColumnElement[int]:
    counts: list[sa.ColumnElement[int]] = [
        _from(sa.select(sa.func.count()), source, _table(source), filters).scalar_subquery()
        for source in TYPES[name].sources
    ]
    return reduce(operator.add, counts)


def _table(source: Source) -> sa.FromClause:
    """Return the table of a source's records. For connections, return a table that is not used."""
    return _item if source.kind is None else source.kind.table.alias("record")


def _from(select: sa.Select[Any], source: Source, table: sa.FromClause, filters: Filters) -> sa.Select[Any]:
    """Add tables and conditions to `select`, so that it selects from the resources of one source.

    The resources are those that match the search and that the client may see.
    """
    joined: sa.FromClause = sa.join(_item, CONSENT, _applies)
    conditions = [*_items(source, filters), _item.c.removed.is_(False)]
    if source.kind is not None:
        same = sa.and_(table.c.owner_id == _item.c.owner_id, table.c.id == _item.c.id)
        joined = sa.join(joined, table, sa.and_(same, is_covered(source.kind, table, CONSENT)))
        conditions += _of_record(source, table, filters)
    elif "identifiers" in filters:
        conditions.append(_is_named())
    if "ids" in filters:
        conditions.append(any_of(_item.c.id, "ids"))
    if "codes" in filters:
        conditions.append(_has_status(source, table))
    return select.select_from(joined).where(*conditions)


def _items(source: Source, filters: Filters) -> list[sa.ColumnElement[Any]]:
    """Return the SQL conditions that select the shared items of the collection that `source` describes.

    They compare the clinic, the collection, the time of the change, and the patients of the search.
    """
    conditions: list[sa.ColumnElement[Any]] = [
        _item.c.clinic_id == CLINIC_ID,
        _item.c.collection == sa.literal_column(f"'{source.collection}'", sa.String()),
    ]
    if "updated" in filters:  # without it, the database estimates the number of rows better
        conditions += [
            _item.c.changed_at >= bind(_item.c.changed_at, "updated_from"),
            _item.c.changed_at < bind(_item.c.changed_at, "updated_before"),
        ]
    if "patients" in filters:
        owners = sa.select(_patient.c.owner_id).where(
            _patient.c.clinic_id == bind(_patient.c.clinic_id), any_of(_patient.c.id, "patients")
        )
        conditions.append(_item.c.owner_id.in_(owners))
    return conditions


def _deleted(select: sa.Select[Any], source: Source, filters: Filters) -> sa.Select[Any]:
    """Add tables and conditions to `select`, so that it selects from the deleted resources of one source.

    These are resources that the client may have received, but can no longer see. If a connection has ended, only the
    connection is selected, and not the records of the patient. A resource can be deleted although its record exists: a
    session has no MedicationAdministration any more after its medicine was cleared.
    """
    joined = sa.outerjoin(_item, CONSENT, _applies)
    is_gone: sa.ColumnElement[bool] = _item.c.removed
    if source.condition is not None:
        table = _table(source)
        same = (table.c.owner_id == _item.c.owner_id, table.c.id == _item.c.id, source.condition(table))
        is_gone = sa.or_(is_gone, sa.not_(sa.exists(sa.select(table.c.id).where(*same))))
    if source.kind is None:
        is_gone = sa.and_(CONSENT.c.id.is_(None), had_consent(_item))
    else:
        is_gone = sa.and_(CONSENT.c.id.is_not(None), is_gone)
    return select.select_from(joined).where(*_items(source, filters), is_gone)


def _has_status(source: Source, table: sa.FromClause) -> sa.ColumnElement[bool]:
    """Return the condition that a resource has one of the wanted statuses.

    If all resources of the source have the same status, the condition compares this status with the bind parameter
    `codes`. Otherwise it compares the status of the record with the bind parameter `statuses`.
    """
    if source.status is not None:
        return any_of(sa.literal_column(f"'{source.status}'", sa.String()), "codes")
    return any_of(table.c.status, "statuses")


def _of_record(source: Source, table: sa.FromClause, filters: Filters) -> list[sa.ColumnElement[Any]]:
    """Return the conditions of a search on the record from which a resource is made: identifier, date, `condition`."""
    conditions: list[sa.ColumnElement[Any]] = [] if source.condition is None else [source.condition(table)]
    if "identifiers" in filters:
        conditions += [
            table.c.clinic_id == bind(_item.c.clinic_id),
            *_matches(table.c.system, table.c.value),
        ]
    if "date" in filters and source.date is None:
        conditions.append(sa.false())
    elif "date" in filters and source.date is not None:
        moment = source.date(table)
        conditions += [
            moment >= bind(_item.c.changed_at, "date_from"),
            moment < bind(_item.c.changed_at, "date_before"),
        ]
    return conditions


def _matches(system: sa.ColumnElement[Any], value: sa.ColumnElement[Any]) -> list[sa.ColumnElement[Any]]:
    """Return the conditions that an identifier is one of those in the search.

    The bind parameter `tokens` has identifiers with a system (`system|value`), `bare_values` has the values of those
    without a system, and `some_values` has the values of both.
    """
    token = sa.cast(system + sa.literal_column("'|'", sa.String()) + value, sa.String())
    return [any_of(value, "some_values"), sa.or_(any_of(token, "tokens"), any_of(value, "bare_values"))]


def _is_named() -> sa.ColumnElement[bool]:
    return sa.exists(
        sa.select(_identifier.c.patient_id).where(
            _identifier.c.clinic_id == bind(_identifier.c.clinic_id),
            _identifier.c.patient_id == CONSENT.c.patient_id,
            *_matches(_identifier.c.system, _identifier.c.value),
        )
    )
