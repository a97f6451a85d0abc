"""The migration of the keys of e-mail addresses finds accounts that were stored under the former folding."""

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.db import Database, Statement, schema
from app.identity.fields import email_key
from app.ids import new_id
from app.settings import Settings
from tests.conftest import Databases
from tests.db.helpers import with_database

BEFORE = "0016"
NOW = datetime(2026, 11, 29, tzinfo=UTC)
SHARP, DOUBLE = "Stra\u00dfe@Stra\u00dfe.example", "strasse@stra\u00dfe.example"
FORMER = "strasse@xn--strae-oqa.example"
PROFILE = {"password_hash": "", "timezone": "UTC", "locale": "en"}
CODE = {"code_mac": b"", "tries": 0, "created_at": NOW, "expires_at": NOW + timedelta(days=1)}
ACCOUNT = {"role": "person", "created_at": NOW, "updated_at": NOW, **PROFILE}
CODES = ("reset_code", "reopen_code", "registration", "email_change")
TYPES: dict[type, sa.types.TypeEngine[Any]] = {
    type(new_id()): sa.Uuid(),
    datetime: sa.DateTime(timezone=True),
    bytes: sa.LargeBinary(),
    int: sa.Integer(),
    str: sa.String(),
}


async def store(db: Database, table: str, **values: Any) -> None:
    """Store a row of the schema before the migration."""
    row = {"id": new_id(), **values}
    columns = [sa.column(name, TYPES[type(value)]) for name, value in row.items()]
    binds = {column.name: sa.bindparam(column.name, type_=column.type) for column in columns}
    await db.run(Statement(sa.insert(sa.table(table, *columns)).values(binds)), **row)


def keys_of(settings: Settings, table: str) -> list[str]:
    column = sa.column("email_key", sa.String())
    statement = Statement(sa.select(column).select_from(sa.table(table)).order_by(column))
    return [row["email_key"] for row in with_database(settings, lambda db: db.all(statement))]


def test_accounts_and_their_codes_are_found_after_the_migration(databases: Databases, database: str) -> None:
    url, id = databases.fresh(database, migrated=False), new_id()
    settings = Settings(database_url=url)
    schema.migrate(url, BEFORE)

    async def plant(db: Database) -> None:
        await store(db, "account", **ACCOUNT | {"id": id, "email": SHARP, "email_key": FORMER})
        for email in ("ada@example.com", "ben@example.com"):
            await store(db, "account", **ACCOUNT, email=email, email_key=email)
        for table in ("reset_code", "reopen_code"):
            await store(db, table, **CODE, email_key=FORMER)
        for email in (SHARP, DOUBLE):
            await store(db, "registration", **PROFILE, **CODE, email=email, email_key=FORMER)
            await store(db, "email_change", **CODE, email=email, email_key=FORMER, account_id=id)

    with_database(settings, plant)
    schema.migrate(url)
    sharp, double = email_key(SHARP), email_key(DOUBLE)
    assert (sharp, double) == ("stra\u00dfe@xn--strae-oqa.example", FORMER)
    assert keys_of(settings, "account") == ["ada@example.com", "ben@example.com", sharp]
    assert [keys_of(settings, table) for table in CODES] == [[sharp], [sharp], [double, sharp], [double, sharp]]
    schema.migrate(url, BEFORE)
    assert [keys_of(settings, table) for table in CODES] == [[FORMER], [FORMER], [FORMER] * 2, [FORMER] * 2]
    schema.migrate(url)
    assert sharp in keys_of(settings, "account")


def test_an_account_whose_new_key_belongs_to_another_one_stays_as_it_is(databases: Databases, database: str) -> None:
    url = databases.fresh(database, migrated=False)
    settings = Settings(database_url=url)
    schema.migrate(url, BEFORE)

    async def plant(db: Database) -> None:
        await store(db, "account", **ACCOUNT, email=SHARP, email_key=FORMER)
        await store(db, "account", **ACCOUNT, email="ada@example.com", email_key=email_key(SHARP))

    with_database(settings, plant)
    schema.migrate(url)
    assert keys_of(settings, "account") == ["ada@example.com", FORMER]
