"""A value that is written to a column is read back equal and of the same type, on both databases."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from app import json_strict
from app.db import Database, Row, Statement, Table, bulk_insert
from app.ids import make_id
from app.resources import RESOURCES
from app.settings import Settings
from tests.conftest import DATABASES, Databases
from tests.db.helpers import with_database

KEY = UUID("019aa2c4-7b00-7000-8000-00000000a110")
CET = timezone(timedelta(hours=1))
TEXTS = [
    "wisteria",
    "",
    "\U0001f33f wisteria \U00024f5c, \U0001f469\u200d\U0001f9b0, e\u0301 \u00e9",
    " wisteria\r\n\t'\"\\%_;-- :name $1 ? \x01\x7f\u2028\ufeff ",
    "wisteria " * 20_000,
]
VALUES: dict[type[sa.types.TypeEngine[Any]], list[Any]] = {
    sa.Uuid: [KEY, UUID(int=0), UUID(int=2**128 - 1)],
    sa.String: TEXTS,
    sa.Integer: [0, 1, -1, 2**31 - 1, -(2**31)],
    sa.BigInteger: [1, 0, 2**53, 2**63 - 1, -(2**63)],
    sa.Boolean: [True, False],
    sa.Date: [date(2026, 11, 22), date(1900, 1, 1), date(2200, 12, 31)],
    sa.DateTime: [
        datetime(2026, 11, 22, 10, 0, tzinfo=UTC),
        datetime(1900, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
        datetime(2200, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2026, 3, 29, 2, 30, 0, 123_456, tzinfo=CET),
        datetime(1969, 12, 31, 23, 59, 59, 500_000, tzinfo=UTC),
    ],
    sa.Numeric: [Decimal("62.5"), Decimal("0.001"), Decimal("99999.999"), Decimal("-99999.999"), Decimal(0)],
    sa.JSON: [
        [],
        {},
        TEXTS,
        {"": "", "seq": 2**53, "wisteria": [None, True, -1, {"deep": [[]]}]},  # in the order that JSONB keeps
        ["\\u0000 wisteria", '"', "\\"],
    ],
    sa.LargeBinary: [bytes(range(256)), b"", b"\0", b"wisteria" * 5_000],
}
VARIANTS = [*((number, False) for number in range(max(map(len, VALUES.values())))), (0, True)]
"""The index of the values in a row, and whether all possible values are null."""
MAX_KEY = 200
"""The length of texts of which a primary key has several."""
ALWAYS_NULL, NEVER_NULL = {("client", "jwks")}, {("client", "jwks_uri")}
"""Columns of a pair of which a constraint demands exactly one."""
TYPES = {
    sa.Uuid: UUID,
    sa.String: str,
    sa.Integer: int,
    sa.BigInteger: int,
    sa.Boolean: bool,
    sa.Date: date,
    sa.DateTime: datetime,
    sa.Numeric: Decimal,
    sa.LargeBinary: bytes,
}
TABLES = [table for table in Table.metadata.sorted_tables if RESOURCES]
every_table = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)


class RolledBackError(Exception):
    """Raised to roll the transaction back."""


def kind_of(column: sa.Column[Any]) -> type[sa.types.TypeEngine[Any]]:
    """Return the key of `VALUES` for a column."""
    type_: object = column.type.impl_instance if isinstance(column.type, sa.TypeDecorator) else column.type
    kinds: tuple[type[sa.types.TypeEngine[Any]], ...] = (sa.BigInteger, *VALUES)
    return next(kind for kind in kinds if isinstance(type_, kind))


def row_of(table: sa.Table, variant: int, *, nulls: bool) -> Row:
    """Return a row of extreme values, or one with all possible nulls. Keys and references are the same id."""
    known = {
        str(check.sqltext).partition(" IN ")[0]: re.findall("'([^']*)'", str(check.sqltext))
        for check in table.constraints
        if isinstance(check, sa.CheckConstraint)
    }
    row: Row = {}
    for column in table.c:
        values = known.get(column.name) or VALUES[kind_of(column)]
        leads = isinstance(column.type, sa.Uuid) and (column.primary_key or column.foreign_keys)
        value = KEY if leads else values[variant % len(values)]
        if isinstance(value, str) and len(table.primary_key) > 2 and column.primary_key:
            value = value[:MAX_KEY]  # PostgreSQL limits the row of an index to 2704 bytes
        name = (table.name, column.name)
        is_null = name in ALWAYS_NULL or (nulls and column.nullable and name not in NEVER_NULL)
        row[column.name] = None if is_null else value
    return row


Found = dict[tuple[str, int, bool], tuple[Row, Row]]
"""The written and the read row of each table, variant and `nulls`."""


def write_and_read(url: str) -> Found:
    """Write rows of each table to a database, and read them."""
    found: Found = {}

    async def write_variant(db: Database, variant: int, *, nulls: bool) -> None:
        async with db.transaction() as tx:
            for table in TABLES:
                row = row_of(table, variant, nulls=nulls)
                await tx.run(bulk_insert(table).one_row, **row)
                read = await tx.one(Statement(sa.select(table)))
                assert read is not None
                found[table.name, variant, nulls] = row, read
            raise RolledBackError

    async def work(db: Database) -> None:
        for variant, nulls in VARIANTS:
            with pytest.raises(RolledBackError):
                await write_variant(db, variant, nulls=nulls)

    with_database(Settings(database_url=url, statement_seconds=30), work)
    return found


@pytest.fixture(scope="module")
def found(databases: Databases) -> dict[str, Found]:
    """What each kind of database returns."""
    return {kind: write_and_read(databases.fresh(kind)) for kind in DATABASES}


def test_every_type_of_the_schema_is_among_the_values() -> None:
    assert {kind_of(column) for table in TABLES for column in table.c} == set(VALUES)


@every_table
@pytest.mark.parametrize("kind", DATABASES)
def test_values_are_read_equal_and_of_their_types(found: dict[str, Found], kind: str, table: sa.Table) -> None:
    for variant, nulls in VARIANTS:
        written, read = found[kind][table.name, variant, nulls]
        assert read == written
        assert list(read) == list(written)
        assert all(type(column) is str for column in read)
        assert not nulls or None in read.values() or not any(column.nullable for column in table.c)
        for column in table.c:
            value, type_ = read[column.name], kind_of(column)
            assert value is None or type_ is sa.JSON or type(value) is TYPES[type_] or isinstance(value, UUID)
            assert not isinstance(value, datetime) or value.utcoffset() == timedelta(0)


@every_table
def test_both_databases_return_the_same_values_and_json(found: dict[str, Found], table: sa.Table) -> None:
    for variant, nulls in VARIANTS:
        rows = [found[kind][table.name, variant, nulls][1] for kind in DATABASES]
        sqlite, postgresql = ({name: repr(value) for name, value in row.items()} for row in rows)
        assert sqlite == postgresql
        sqlite_json, postgresql_json = (
            json_strict.dump({name: value for name, value in row.items() if type(value) is not bytes}) for row in rows
        )
        assert sqlite_json == postgresql_json


def test_no_rows_are_an_empty_list_or_none(settings: Settings) -> None:
    async def work(db: Database) -> None:
        table = TABLES[0]
        assert await db.all(Statement(sa.select(table))) == []
        assert await db.one(Statement(sa.select(table))) is None
        assert await db.one(Statement(sa.select(sa.func.count().label("rows")).select_from(table))) == {"rows": 0}

    with_database(settings, work)


@pytest.mark.parametrize("made_of", [str(KEY), KEY.hex, KEY.bytes])
def test_an_id_is_a_uuid_like_any_other(made_of: str | bytes) -> None:
    id = make_id(made_of)
    assert (str(id), f"{id}", repr(id), id.hex) == (str(KEY), f"{KEY}", repr(KEY), KEY.hex)
    assert (id, hash(id), id.bytes, id.version) == (KEY, hash(KEY), KEY.bytes, KEY.version)
    assert {id: 1}[KEY] == {KEY: 1}[id] == 1
    assert id < UUID(int=2**128 - 1)


@pytest.mark.parametrize("database", ["sqlite"])
def test_sqlite_refuses_an_instant_without_an_offset(settings: Settings) -> None:
    async def work(db: Database) -> None:
        throttle = Table.metadata.tables["throttle"]
        with pytest.raises(ValueError, match="without a UTC offset"):
            await db.run(
                bulk_insert(throttle).one_row,
                key=b"wisteria",
                began_at=datetime(2026, 11, 22, 10, 0),  # noqa: DTZ001 - what is refused
                count=1,
                reserved=0,
                reserved_until=None,
            )

    with_database(settings, work)
