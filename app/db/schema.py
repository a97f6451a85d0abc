"""Migrates the schema with numbered migrations, which Alembic runs in one process at a time."""

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import sqlalchemy as sa

import migrations
from app.database_url import PostgresUrl, SqliteUrl, read_database_url
from app.db.database import REVISION, Database
from app.db.opening import open_database
from app.db.statement import Statement
from app.problems import Failure, StorageFull, Unavailable
from app.settings import Settings

MIGRATIONS: Final = migrations.FOLDER
HEAD: Final = migrations.HEAD
BOTH_FORMS: Final = "0010"
"""The schema revision that has both plain and encrypted ("sealed") columns.

At this revision, an upgrade encrypts all documents, and a downgrade decrypts them.
"""
SEALED: Final = "0011"
"""The schema revision that drops the plain columns. Their values stay in the files until `_vacuum` rewrites them."""
_LOCK: Final = 0x41667466
_CONNECT_SECONDS: Final = 10.0
_FOUND: Final = sa.column("found", sa.Integer)
_HAS_REVISION: Final[dict[type, Statement]] = {
    PostgresUrl: Statement(
        sa.text("SELECT 1 AS found FROM pg_tables WHERE tablename = 'alembic_version'").columns(_FOUND)
    ),
    SqliteUrl: Statement(
        sa.text("SELECT 1 AS found FROM sqlite_master WHERE name = 'alembic_version'").columns(_FOUND)
    ),
}
_OTHER_VERSION: Final = Failure(
    "newer-schema",
    "the database's schema is of another version of Afterglow, probably a newer one: start that version",
    is_configuration=True,
)
Report = Callable[[str], None]
T = TypeVar("T")


class MigrationError(Exception):
    """Raised if the schema cannot be migrated. The message says why, and contains no data."""

    def __init__(self, failure: Failure) -> None:
        """`failure` is the cause."""
        super().__init__(failure.message)
        self.is_configuration = failure.is_configuration


def migrate(
    database_url: str,
    revision: str = "head",
    report: Report = lambda _line: None,
    keyring: Path = Path("afterglow-keys.json"),
) -> None:
    """Migrate the schema up or down to `revision`: a number, `head`, `base`, or a number of steps down (`-1`).

    An upgrade to revision 0011 or higher encrypts people's words with the keyring; a downgrade below 0011 decrypts
    them. `report` is called with one line of text for each step. Raise `MigrationError` if the migration fails.
    """
    from alembic.util import CommandError  # noqa: PLC0415 - Alembic is slow to load, and a server does not need it
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    from app.db.postgres.failures import CONNECT_ERRORS  # noqa: PLC0415 - a server needs it only on PostgreSQL

    try:
        asyncio.run(_migrate(database_url, revision, report, keyring))
    except CommandError:
        raise MigrationError(_OTHER_VERSION) from None
    except (Unavailable, StorageFull) as problem:
        raise MigrationError(problem.failure or _OTHER_VERSION) from None
    except (SQLAlchemyError, *CONNECT_ERRORS) as error:
        raise MigrationError(_explain(error)) from None


async def _migrate(database_url: str, revision: str, report: Report, keyring: Path) -> None:
    async with _lock(database_url):
        if revision == "head":
            await _upgrade(database_url, revision, report, keyring)
            return
        present = await _revision(database_url)
        target = 0 if revision == "base" else present + int(revision) if revision.startswith("-") else int(revision)
        if target > present:
            await _upgrade(database_url, f"{target:04}", report, keyring)
        else:
            await _downgrade(database_url, present, target, report, keyring)


async def _upgrade(database_url: str, revision: str, report: Report, keyring: Path) -> None:
    from migrations import document_steps, sealing  # noqa: PLC0415

    if revision <= BOTH_FORMS:  # "head" is greater than any number
        await _run("upgrade", database_url, revision, report)
        return
    await _run("upgrade", database_url, BOTH_FORMS, report)
    if await _revision(database_url) == int(BOTH_FORMS):
        await _with_database(database_url, lambda db: sealing.seal(db, keyring, report))
        await _run("upgrade", database_url, SEALED, report)
    if revision > SEALED and await _revision(database_url) == int(SEALED):
        await _vacuum(database_url, sealing.TABLES)  # before the next revision, so that a killed process repeats it
    for number, step in document_steps.STEPS.items():
        if revision > number:
            await _run("upgrade", database_url, number, report)
            if await _revision(database_url) == int(number):
                await _with_database(database_url, partial(step.upgrade, keyring=keyring, report=report))
    await _run("upgrade", database_url, revision, report)


async def _downgrade(database_url: str, present: int, target: int, report: Report, keyring: Path) -> None:
    from migrations import document_steps, sealing  # noqa: PLC0415

    for number, step in reversed([*document_steps.STEPS.items()]):
        if present > int(number) >= target:
            await _run("downgrade", database_url, number, report)
        if present >= int(number) >= target:
            await _with_database(database_url, partial(step.downgrade, keyring=keyring, report=report))
            present = int(number)
    if present > int(BOTH_FORMS) > target:
        await _run("downgrade", database_url, BOTH_FORMS, report)
    if present >= int(BOTH_FORMS) > target:
        await _with_database(database_url, lambda db: sealing.open_again(db, keyring, report))
    await _run("downgrade", database_url, f"{target:04}" if target else "base", report)


@asynccontextmanager
async def _lock(database_url: str) -> AsyncIterator[None]:
    """Make other processes that migrate the same database wait until the block ends."""
    url = read_database_url(database_url)
    if isinstance(url, SqliteUrl):
        with ExitStack() as stack:
            with suppress(OSError):  # opening the database then raises an error with the reason
                folder = os.open(Path(url.path).parent, os.O_RDONLY)
                stack.callback(os.close, folder)
                await asyncio.to_thread(fcntl.flock, folder, fcntl.LOCK_EX)
            yield
    else:
        connection = await _connect(url)
        try:
            async with connection.transaction():  # a pooler assigns one session for a whole transaction
                await connection.execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
                yield
        finally:
            await connection.close()


async def _connect(url: PostgresUrl) -> Any:
    from app.db.postgres.connecting import open_connection  # noqa: PLC0415 - SQLite needs no driver of PostgreSQL

    return await open_connection(url, _CONNECT_SECONDS, name="afterglow migrate")


async def _run(command: str, database_url: str, revision: str, report: Report) -> None:
    """Run an Alembic command in a thread, because Alembic starts its own event loop."""
    from alembic import command as commands  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"database_url": database_url, "report": report})
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    await asyncio.to_thread(getattr(commands, command), config, revision)


async def _revision(database_url: str) -> int:
    """Return the number of the current revision, or 0 if the database is empty."""

    async def read(db: Database) -> int:
        exists = await db.one(_HAS_REVISION[type(read_database_url(database_url))])
        row = None if exists is None else await db.one(REVISION)
        return 0 if row is None else int(row["version_num"])

    return await _with_database(database_url, read)


async def _with_database(database_url: str, work: Callable[[Database], Awaitable[T]]) -> T:
    db = open_database(Settings(database_url=database_url))
    await db.open()
    try:
        return await work(db)
    finally:
        await db.close()


async def _vacuum(database_url: str, tables: list[str]) -> None:
    """Rewrite the files of `tables`, or the whole SQLite file, to remove the values of dropped columns from them."""
    url = read_database_url(database_url)
    if isinstance(url, SqliteUrl):
        await asyncio.to_thread(_vacuum_sqlite, url.path)
        return
    connection = await _connect(url)
    try:
        for table in tables:
            await connection.execute(f'VACUUM (FULL, ANALYZE) "{table}"')
    finally:
        await connection.close()


def _vacuum_sqlite(path: str) -> None:
    connection = sqlite3.connect(path, timeout=30, isolation_level=None)
    try:
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


def _explain(error: BaseException) -> Failure:
    """Return the `Failure` (cause and remedy) for the error of a migration.

    An error of SQLAlchemy has the driver's error in `orig`. The cause of that error is asyncpg's own error.
    """
    from app.db.postgres import failures as postgres  # noqa: PLC0415 - only one of the drivers is needed
    from app.db.sqlite import failures as sqlite  # noqa: PLC0415

    found = getattr(error, "orig", None) or error
    if isinstance(found, sqlite3.Error):
        return sqlite.explain(found)
    return postgres.explain(found.__cause__ or found)
