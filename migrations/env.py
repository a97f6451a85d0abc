"""How Alembic runs migrations: in one transaction, and in one process at a time.

PostgreSQL serializes the processes by an advisory lock, SQLite by its write lock. The second one finds nothing to do.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import sqlalchemy as sa
from alembic import context
from sqlalchemy.ext.asyncio import create_async_engine

from app import jobs, resources
from app.calendar import tables as calendar_tables
from app.clinics import consent_tables
from app.database_url import PostgresUrl, SqliteUrl, read_database_url
from app.db import Table
from app.db.postgres.connecting import open_connection
from app.db.sqlite.private_file import create_private
from app.settings import Settings
from migrations.autogenerate import prepare, render_type

MODELS: Final = (
    calendar_tables,
    consent_tables,
    jobs,
    resources,
)  # importing them adds their tables to the metadata, which autogenerate compares
LOCK: Final = 0x41667465
CONNECT_SECONDS: Final = 10.0
LOCK_TIMEOUT: Final = "SET LOCAL lock_timeout = '10s'"


def run(connection: sa.Connection) -> None:
    """Run the migrations that the command asks for."""
    report: Callable[[str], None] = context.config.attributes.get("report", print)
    is_postgresql = connection.dialect.name == "postgresql"

    def report_step(*_args: Any, **details: Any) -> None:
        step = details["step"]
        direction = "up to" if step.is_upgrade else "down from"
        report(f"{direction} {step.up_revision_id}: {step.up_revision.doc}")

    context.configure(
        connection=connection,
        target_metadata=Table.metadata,
        render_as_batch=True,  # a generated migration must also run on SQLite
        compare_type=True,
        render_item=render_type,
        on_version_apply=report_step,
        process_revision_directives=prepare,
    )
    with context.begin_transaction():
        if is_postgresql:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
            connection.execute(sa.text(LOCK_TIMEOUT))
        context.run_migrations()
        if not is_postgresql and connection.execute(sa.text("PRAGMA foreign_key_check")).first():
            message = "a migration left references to rows that do not exist"
            raise RuntimeError(message)


async def run_on_postgresql(url: PostgresUrl) -> None:
    """Run over asyncpg, without named prepared statements, which a pooler may not keep."""

    async def connect() -> Any:
        return await open_connection(url, CONNECT_SECONDS, name="afterglow migrate")

    engine = create_async_engine(
        "postgresql+asyncpg://",
        poolclass=sa.NullPool,
        isolation_level="READ COMMITTED",
        async_creator=lambda **_: connect(),
        connect_args={"prepared_statement_cache_size": 0, "prepared_statement_name_func": lambda: ""},
    )
    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()


def run_on_sqlite(path: str) -> None:
    """Run over the standard library, with the write lock from the first statement on, and foreign keys off."""
    create_private(path)
    url = sa.URL.create("sqlite", database=path)
    engine = sa.create_engine(url, poolclass=sa.NullPool, connect_args={"isolation_level": None, "timeout": 30})
    sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    with engine.connect() as connection:
        run(connection)


URL: Final = read_database_url(context.config.attributes.get("database_url") or Settings().database_url)
if isinstance(URL, SqliteUrl):
    run_on_sqlite(URL.path)
else:
    asyncio.run(run_on_postgresql(URL))
