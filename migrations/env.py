"""How migrations run: in one transaction, and by one starter at a time.

PostgreSQL serialises starters by an advisory lock, SQLite by its write lock; whoever comes second finds the work done.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import sqlalchemy as sa
from alembic import context
from sqlalchemy.ext.asyncio import create_async_engine

from app import resources
from app.db import Table
from app.settings import Settings

METADATA: Final = Table.metadata
KINDS: Final = resources.RESOURCES  # their tables are in the metadata once the rooms are open
LOCK: Final = 0x41667465
LOCK_TIMEOUT: Final = "SET LOCAL lock_timeout = '10s'"


def run(connection: sa.Connection) -> None:
    """Run the migrations that the command asks for."""
    said: Callable[[str], None] = context.config.attributes.get("said", print)
    on_postgresql = connection.dialect.name == "postgresql"

    def tell(*_args: Any, **told: Any) -> None:
        step = told["step"]
        direction = "up to" if step.is_upgrade else "down from"
        said(f"{direction} {step.up_revision_id}: {step.up_revision.doc}")

    context.configure(
        connection=connection,
        target_metadata=METADATA,
        render_as_batch=not on_postgresql,
        compare_type=True,
        on_version_apply=tell,
    )
    with context.begin_transaction():
        if on_postgresql:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
            connection.execute(sa.text(LOCK_TIMEOUT))
        context.run_migrations()
        if not on_postgresql and connection.execute(sa.text("PRAGMA foreign_key_check")).first():
            message = "a migration left references that lead nowhere"
            raise RuntimeError(message)


async def on_postgresql(url: str) -> None:
    """Run over asyncpg."""
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://", 1), poolclass=sa.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()


def on_sqlite(url: str) -> None:
    """Run over the standard library, with the write lock from the first statement on, and foreign keys off."""
    engine = sa.create_engine(url, poolclass=sa.NullPool, connect_args={"isolation_level": None, "timeout": 30})
    sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    with engine.connect() as connection:
        run(connection)


URL: Final[str] = context.config.attributes.get("database_url") or Settings().database_url
if URL.startswith("sqlite:"):
    on_sqlite(URL)
else:
    asyncio.run(on_postgresql(URL))
