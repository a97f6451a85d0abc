"""Migrations run up and down on both databases, and only once if several processes start at the same time."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import create_async_engine

from app.db import Database, Statement, Table, schema
from app.settings import Settings
from tests.conftest import Databases
from tests.db.helpers import with_database

PROCESSES = 4
AFTERGLOW = Path(sys.executable).with_name("afterglow")


def inspected(url: str, work: Any) -> Any:
    """Return the result of `work` on a connection."""

    async def on_postgresql() -> Any:
        driver = url.replace("postgresql://", "postgresql+asyncpg://")
        engine = create_async_engine(driver, poolclass=sa.NullPool)
        async with engine.connect() as connection:
            found = await connection.run_sync(work)
        await engine.dispose()
        return found

    if url.startswith("postgresql:"):
        return asyncio.run(on_postgresql())
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return work(connection)


def tables(url: str) -> set[str]:
    return set(inspected(url, lambda connection: sa.inspect(connection).get_table_names()))


def test_up_down_and_up_again_leaves_no_difference_to_the_models(databases: Databases, database: str) -> None:
    url = databases.fresh(database, migrated=False)
    said: list[str] = []
    for revision in ("head", "-1", "head", "base", "head"):
        schema.migrate(url, revision, said.append)
        if revision == "base":
            assert tables(url) == {"alembic_version"}
        elif revision == "head":
            assert tables(url) == {"alembic_version", *Table.metadata.tables}
    assert said[0] == "up to 0001: create accounts, feeds, registrations, devices and refresh tokens."
    assert sum(line.startswith("down from") for line in said) == int(schema.HEAD) + 1

    def left(connection: sa.Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Table.metadata))

    assert inspected(url, left) == []


def constraint_names(connection: sa.Connection, names: Iterable[str]) -> set[tuple[str, str | None]]:
    """Return the table and the name of each constraint and index of some tables."""
    inspector = sa.inspect(connection)
    return {
        (table, constraint["name"])
        for table in names
        for constraint in (
            *inspector.get_check_constraints(table),
            *inspector.get_foreign_keys(table),
            *inspector.get_unique_constraints(table),
            inspector.get_pk_constraint(table),
            *inspector.get_indexes(table),
        )
        if not constraint.get("duplicates_constraint")
    }


def test_the_constraints_of_the_database_are_those_of_the_models(databases: Databases, database: str) -> None:
    declared: set[tuple[str, Any]] = {
        (table.name, part.name)
        for table in Table.metadata.sorted_tables
        for part in (*table.constraints, *table.indexes)
        if isinstance(part, sa.Constraint | sa.Index)
    }
    url = databases.fresh(database)
    assert inspected(url, lambda connection: constraint_names(connection, Table.metadata.tables)) == declared


def test_the_newest_revision_is_the_one_that_the_server_expects() -> None:
    scripts = ScriptDirectory(str(schema.MIGRATIONS))
    assert scripts.get_heads() == [schema.HEAD]
    assert [script.revision for script in scripts.walk_revisions()] == [
        f"{number:04}" for number in range(int(schema.HEAD), 0, -1)
    ]


def test_of_several_processes_exactly_one_migrates(databases: Databases, database: str) -> None:
    url = databases.fresh(database, migrated=False)
    environment = os.environ | {"AFTERGLOW_DATABASE_URL": url}
    processes = [
        subprocess.Popen(
            [AFTERGLOW, "migrate"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(PROCESSES)
    ]
    said = [process.communicate(timeout=60)[0].splitlines() for process in processes]
    assert [process.returncode for process in processes] == [0] * PROCESSES
    assert sorted(map(len, said)) == [1] * (PROCESSES - 1) + [1 + int(schema.HEAD)]
    assert {lines[-1] for lines in said} == {f"The schema is at version {schema.HEAD}."}


def test_a_schema_of_a_newer_version_is_left_alone(databases: Databases, database: str) -> None:
    url = databases.fresh(database)
    version = sa.table("alembic_version", sa.column("version_num", sa.String))

    async def age(db: Database) -> None:
        await db.run(Statement(sa.update(version).values(version_num="9999")))

    with_database(Settings(database_url=url), age)
    with pytest.raises(schema.MigrationError, match="newer"):
        schema.migrate(url)


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("postgresql://nobody@127.0.0.1:1/nothing", "nothing listens on the host and port [^\n]+"),
        ("sqlite:////nowhere/wisteria.db", "the SQLite file in AFTERGLOW_DATABASE_URL cannot be opened: [^\n]+"),
    ],
)
def test_an_unreachable_database_is_reported_in_one_line(url: str, line: str) -> None:
    with pytest.raises(schema.MigrationError, match=f"^{line}$"):
        schema.migrate(url)


def test_a_file_that_is_no_database_cannot_be_migrated_down(tmp_path: Path) -> None:
    path = tmp_path / "wisteria.db"
    path.write_bytes(b"wisteria " * 1_000)
    with pytest.raises(schema.MigrationError, match="is not a SQLite database"):
        schema.migrate(f"sqlite:///{path}", "-1")
    assert path.read_bytes() == b"wisteria " * 1_000
