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
from app.db import Table
from app.db.sqlite.private_file import create_private
from app.settings import Settings
from migrations.autogenerate import prepare, render_type

MODELS: Final = (jobs, resources)  # importing them adds their tables to the metadata, which autogenerate compares
LOCK: Final = 0x41667465
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


async def run_on_postgresql(url: str) -> None:
    """Run over asyncpg."""
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://", 1), poolclass=sa.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()


def run_on_sqlite(url: str) -> None:
    """Run over the standard library, with the write lock from the first statement on, and foreign keys off."""
    create_private(url.removeprefix("sqlite:///"))
    engine = sa.create_engine(url, poolclass=sa.NullPool, connect_args={"isolation_level": None, "timeout": 30})
    sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    with engine.connect() as connection:
        run(connection)


URL: Final[str] = context.config.attributes.get("database_url") or Settings().database_url
if URL.startswith("sqlite:"):
    run_on_sqlite(URL)
else:
    asyncio.run(run_on_postgresql(URL))
