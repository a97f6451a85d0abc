"""Statements outside a transaction, and the errors of a database that cannot execute them."""

from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa

from app.db import Database, Statement
from app.identity.accounts import BY_EMAIL
from app.identity.tables import Feed
from app.problems import Unavailable
from app.settings import Settings
from tests.conftest import Databases
from tests.db.helpers import DELETE_FEEDS, LOCALES, RENAME, account_names, add_account, with_database

_feed = Feed.table()


def test_a_single_statement_needs_no_transaction(settings: Settings) -> None:
    async def work(db: Database) -> None:
        async with db.transaction() as tx:
            alice = await add_account(tx, "alice")
        await db.run(RENAME, id=alice, locale="wisteria")
        assert await db.all(LOCALES) == [{"locale": "wisteria"}]

    with_database(settings, work)


@pytest.mark.parametrize("database", ["sqlite"])
def test_the_reading_connection_of_sqlite_cannot_write(settings: Settings) -> None:
    async def work(db: Database) -> None:
        async with db.transaction() as tx:
            await add_account(tx, "alice")
        for verb in (db.one, db.all):
            with pytest.raises(Unavailable):
                await verb(DELETE_FEEDS)
        assert await db.one(Statement(sa.select(sa.func.count().label("feeds")).select_from(_feed))) == {"feeds": 1}

    with_database(settings, work)


@pytest.mark.parametrize("database", ["postgresql"])
def test_a_read_on_postgresql_sends_no_begin(settings: Settings) -> None:
    async def work(db: Database) -> None:
        watcher = await asyncpg.connect(settings.database_url)

        async def last_said() -> Any:
            """Return the last query that the server received on the pool's only connection, and its state."""
            return await watcher.fetchrow(
                "SELECT query, state FROM pg_stat_activity "
                "WHERE datname = current_database() AND application_name = 'afterglow'"
            )

        for _ in range(2):
            await db.one(BY_EMAIL, email_key="nobody@example.com")
            assert tuple(await last_said()) == (BY_EMAIL.postgres.sql, "idle")
            await db.all(LOCALES)
            assert tuple(await last_said()) == (LOCALES.postgres.sql, "idle")
        async with db.transaction() as tx:
            await tx.one(BY_EMAIL, email_key="nobody@example.com")
            assert tuple(await last_said()) == (BY_EMAIL.postgres.sql, "idle in transaction")
        assert tuple(await last_said()) == ("COMMIT", "idle")
        await watcher.close()

    with_database(settings, work)


@pytest.mark.parametrize("database", ["postgresql"])
def test_after_a_migration_a_prepared_statement_is_prepared_again(settings: Settings) -> None:
    async def work(db: Database) -> None:
        migrator = await asyncpg.connect(settings.database_url)
        async with db.transaction() as tx:
            await add_account(tx, "alice")
        for kind in ("varchar(40)", "varchar(50)"):
            assert await db.all(LOCALES) == [{"locale": "en"}]
            await migrator.execute(f"ALTER TABLE account ALTER COLUMN locale TYPE {kind}")
        assert await db.all(LOCALES) == [{"locale": "en"}]
        await migrator.execute("ALTER TABLE account ALTER COLUMN locale TYPE varchar(60)")
        with pytest.raises(Unavailable):
            async with db.transaction() as tx:
                await tx.all(LOCALES)
        async with db.transaction() as tx:
            assert await tx.all(LOCALES) == [{"locale": "en"}]
        await migrator.close()

    with_database(settings, work)


@pytest.mark.parametrize("database", ["postgresql"])
def test_a_long_statement_is_prepared_once_for_each_connection(settings: Settings) -> None:
    words = ", ".join(f"'a literal that makes the statement long, number {number}'" for number in range(1000))
    long = Statement(sa.text(f"SELECT 1 WHERE 'wisteria' NOT IN ({words})").columns(sa.column("one", sa.Integer)))
    times = sa.text("SELECT generic_plans + custom_plans FROM pg_prepared_statements WHERE length(statement) > 40000")
    executions = Statement(times.columns(sa.column("times", sa.BigInteger)))

    async def work(db: Database) -> None:
        for _ in range(3):
            assert await db.tuples(long) == [(1,)]
        assert await db.tuples(executions) == [(3,)]

    assert len(long.postgres.sql) > 40_000
    with_database(settings, work)


def test_only_raises_if_there_is_no_row(settings: Settings) -> None:
    async def work(db: Database) -> None:
        with pytest.raises(LookupError):
            await db.only(LOCALES)

    with_database(settings, work)


def test_a_schema_without_tables_is_unavailable(databases: Databases, database: str) -> None:
    async def work(db: Database) -> None:
        with pytest.raises(Unavailable):
            await account_names(db)
        with pytest.raises(Unavailable):
            await db.run(DELETE_FEEDS)
        with pytest.raises(Unavailable):
            await db.check_health()

    with_database(Settings(database_url=databases.fresh(database, migrated=False)), work)
