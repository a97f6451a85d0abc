"""Query plans of purges: among 200 000 changes of 1 000 accounts, old rows are found by an index."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app.db import Statement
from app.db.postgres.connecting import SESSION
from app.records import purging
from tests.conftest import Databases

OWNER = UUID(int=500)
VALUES: dict[str, Any] = {
    "since": datetime.now(UTC) - timedelta(days=500),
    "before": datetime.now(UTC) - timedelta(days=499),
    "rows": 1000,
    "locked": [OWNER],
}
PEOPLE = """
INSERT INTO account SELECT id, id || '@example.com', id || '@example.com', 'none', NULL, 'UTC', 'en', 'person',
  now(), now(), NULL FROM (SELECT lpad(to_hex(n), 32, '0')::uuid AS id FROM generate_series(1, 1000) n) people;
INSERT INTO feed SELECT id, 300, 1, 0, 0, 0, 0, 0 FROM account;
"""
CHANGES = """
INSERT INTO change (owner_id, collection, id, seq, deleted, written_at, actor_id)
  SELECT owner_id, 'sessions', gen_random_uuid(), n, n % 10 = 0, now() - (300 - n) * interval '3 days', owner_id
  FROM feed, generate_series(101, 300) n ORDER BY n;
INSERT INTO remembered_op SELECT owner_id, gen_random_uuid(), '\\x00', 'applied', 201, written_at FROM change;
INSERT INTO revision (owner_id, collection, id, seq, written_at, written_by, replaced_at, document)
  SELECT owner_id, collection, id, seq - 100, written_at, actor_id, written_at, '{}'::bytea FROM change;
ANALYZE;
"""


STATEMENTS = pytest.mark.parametrize(
    ("statement", "index"),
    [
        pytest.param(purging.DELETE_TOMBSTONES, "ix_change_written_at", id="delete tombstones"),
        pytest.param(purging.LOCK_FEEDS, "ix_change_written_at", id="lock feeds"),
        pytest.param(purging.LOCK_FEEDS_OF_OPERATIONS, "ix_remembered_op_written_at", id="lock feeds of operations"),
        pytest.param(purging.DELETE_OPERATIONS, "ix_remembered_op_written_at", id="delete operations"),
        pytest.param(purging.DELETE_REVISIONS, "ix_revision_replaced_at", id="delete former versions"),
    ],
)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def connection(databases: Databases, runner: asyncio.Runner) -> Iterator[asyncpg.Connection]:
    connection = runner.run(asyncpg.connect(databases.fresh("postgresql"), server_settings=SESSION))
    for sql in (PEOPLE, CHANGES):
        runner.run(connection.execute(sql))
    yield connection
    runner.run(connection.close())


def steps(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from steps(child)


@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
@STATEMENTS
def test_postgresql_finds_old_rows_by_an_index(
    connection: asyncpg.Connection, runner: asyncio.Runner, statement: Statement, index: str, mode: str
) -> None:
    plan = statement.postgres
    runner.run(connection.execute(f"SET plan_cache_mode = {mode}"))
    explained = connection.fetchval(f"EXPLAIN (FORMAT JSON) {plan.sql}", *plan.arguments(VALUES))
    nodes = list(steps(json.loads(runner.run(explained))[0]["Plan"]))
    assert not {node.get("Relation Name") for node in nodes if node["Node Type"] == "Seq Scan"} - {"feed"}
    assert index in {node.get("Index Name") for node in nodes}


@STATEMENTS
def test_sqlite_finds_old_rows_by_an_index(databases: Databases, statement: Statement, index: str) -> None:
    connection = sqlite3.connect(databases.fresh("sqlite").removeprefix("sqlite:///"))
    plan = statement.sqlite
    explained = connection.execute(f"EXPLAIN QUERY PLAN {plan.sql}", plan.arguments(VALUES))
    lines = [line[3] for line in explained if " json_each " not in line[3]]
    connection.close()
    assert any(index in line for line in lines), lines
    assert not [line for line in lines if line.startswith("SCAN") and line not in {"SCAN page", "SCAN feed"}], lines
