"""Plans: over 100 000 records of 1 000 people, a page and a single record are found by an index, without a sort."""

import asyncio
import itertools
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app.db import Statement
from app.db.bulk import encode_rows
from app.db.postgres.pool import SESSION
from app.ids import new_id
from app.records import access
from app.records.access import statements
from app.records.filters import active_filters
from app.resources import RESOURCES
from app.resources.elements import ELEMENTS
from app.resources.reflections import REFLECTIONS, ReflectionFilters
from tests.conftest import Databases
from tests.db.opened import own_binds

ROWS = 201
SOMEBODY = UUID(int=500)
OWN = own_binds(SOMEBODY)
PLANTED = """
INSERT INTO account SELECT id, id || '@example.com', id || '@example.com', 'none', NULL, 'UTC', 'en', 'person',
  now(), now(), NULL FROM (SELECT lpad(to_hex(n), 32, '0')::uuid AS id FROM generate_series(1, 1000) n) people;
INSERT INTO feed SELECT id, 1, 1, 0 FROM account;
INSERT INTO device (id, account_id, created_at, last_used_at) SELECT id, id, now(), now() FROM account;
INSERT INTO session (owner_id, id, seq, created_at, updated_at, field_seq, visibility, kind, status, timezone)
  SELECT id, id, 1, now(), now(), '{}', 'private', 'dosing', 'planned', 'UTC' FROM account;
INSERT INTO change (owner_id, collection, id, seq, deleted, written_at, actor_id, document)
  SELECT account.id, CASE WHEN n % 2 = 0 THEN 'reflections' ELSE 'intentions' END, gen_random_uuid(), n, false, now(),
  account.id, '{}' FROM account, generate_series(1, 20) n
  UNION ALL SELECT lpad(to_hex(500), 32, '0')::uuid, 'reflections', gen_random_uuid(), n, false, now(), gen_random_uuid(),
  '{}' FROM generate_series(21, 20000) n;
INSERT INTO remembered_op SELECT account.id, gen_random_uuid(), '', 'applied', 200, now()
  FROM account, generate_series(1, 20);
INSERT INTO element (owner_id, id, seq, created_at, updated_at, field_seq, visibility, session_id, kind, title, status)
  SELECT account.id, gen_random_uuid(), n, now(), now(), '{}', 'private', account.id, 'memory', 'wisteria', 'captured'
  FROM account, generate_series(1, 10) n;
INSERT INTO reflection (owner_id, id, seq, created_at, updated_at, field_seq, visibility, body, occurred_at, timezone,
  session_id, capture, emotions, domains)
  SELECT account.id, gen_random_uuid(), n, now() - n * interval '1 hour', now(), '{}', 'private', 'wisteria', now(),
  'UTC', CASE WHEN n % 2 = 0 THEN account.id END, 'typed', '[]', '[]'
  FROM account, generate_series(1, 100) n ORDER BY random();
ANALYZE;
"""


class Plans:
    """Asks PostgreSQL for the plans of statements."""

    def __init__(self, url: str, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._connection = runner.run(asyncpg.connect(url, server_settings=SESSION))
        runner.run(self._connection.execute(PLANTED))
        runner.run(self._connection.set_type_codec("uuid", schema="pg_catalog", encoder=str, decoder=UUID))

    def nodes(self, statement: Statement, *, generic: bool, **values: object) -> list[dict[str, Any]]:
        """Return the steps of a statement's plan: for these values, or, as a prepared statement's, for any."""
        mode = "force_generic_plan" if generic else "force_custom_plan"
        plan = statement.postgres
        self._runner.run(self._connection.execute(f"SET plan_cache_mode = {mode}"))
        explained = self._connection.fetchval(f"EXPLAIN (FORMAT JSON) {plan.sql}", *plan.arguments(values))
        return list(_steps(json.loads(self._runner.run(explained))[0]["Plan"]))

    def close(self) -> None:
        """Let the connection go."""
        self._runner.run(self._connection.close())


def _steps(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from _steps(below)


@pytest.fixture(scope="module")
def plans(databases: Databases) -> Iterator[Plans]:
    with asyncio.Runner() as runner:
        found = Plans(databases.fresh("postgresql"), runner)
        yield found
        found.close()


def by_index(nodes: list[dict[str, Any]], table: str = "reflection") -> None:
    kinds = {node["Node Type"] for node in nodes}
    assert not kinds & {"Seq Scan", "Sort", "Incremental Sort", "Bitmap Heap Scan"}, kinds
    assert any(node.get("Relation Name") == table and "Index Name" in node for node in nodes)


def test_a_page_and_a_record_are_read_from_an_index_in_its_order(plans: Plans) -> None:
    for generic, continued, filtered in itertools.product([False, True], repeat=3):
        given = active_filters(ReflectionFilters(session_id=SOMEBODY) if filtered else ReflectionFilters())
        place = {"after_created_at": datetime.now(UTC), "after_id": new_id()} if continued else {}
        values = {name: value for each in given for name, value in each.arguments.items()} | place
        statement = statements(REFLECTIONS).page(given, continued=continued)
        by_index(plans.nodes(statement, generic=generic, rows=ROWS, **OWN, **values))
        one = {**OWN, "collection": "reflections", "id": new_id()}
        nodes = plans.nodes(access.READ, generic=generic, **one)
        by_index(nodes, "change")


def test_a_pull_walks_the_feeds_index_and_a_filtered_one_too(plans: Plans) -> None:
    for generic, statement in itertools.product([False, True], [access.CHANGES, access.CHANGES_OF_COLLECTIONS]):
        some = {"collections": ["reflections", "sessions"]} if statement is access.CHANGES_OF_COLLECTIONS else {}
        wanted = {**OWN, "after": 19_000, "rows": ROWS, "most_bytes": 2**22}
        nodes = plans.nodes(statement, generic=generic, **wanted, **some)
        assert not [node for node in nodes if node["Node Type"] == "Seq Scan"]
        (walk,) = [node for node in nodes if node.get("Index Name") == "uq_change_owner_id_seq"]
        assert {"owner_id", "seq"} <= {*re.findall(r"[a-z_]+", walk["Index Cond"])}


def test_what_a_push_looks_up_is_found_by_an_index(plans: Plans) -> None:
    ids = [new_id() for _ in range(500)]
    known = {"collections": ["reflections", "sessions"], "ids": ids}
    for generic in (False, True):
        for statement, table, given in (
            (access.KNOWN_CHANGES, "change", known),
            (access.REMEMBERED_OPS, "remembered_op", {"op_ids": ids}),
            (statements(REFLECTIONS).stored_by_id, "reflection", {"ids": ids}),
        ):
            nodes = plans.nodes(statement, generic=generic, **OWN, **given)
            assert not [node for node in nodes if node["Node Type"] == "Seq Scan"], table
            assert any("Index Name" in node for node in nodes), table


def test_every_reference_to_a_removed_record_is_found_by_an_index(plans: Plans) -> None:
    ids = {access.removed_ids(kind): [new_id()] for kind in RESOURCES}
    for generic in (False, True):
        nodes = plans.nodes(access.referrers(), generic=generic, owner_id=SOMEBODY, **ids)
        filled = [node for node in nodes if node.get("Relation Name") in {"element", "reflection"}]
        assert len(filled) == len(ELEMENTS.targets) + len(REFLECTIONS.targets)
        assert {node["Node Type"] for node in filled} <= {"Index Scan", "Bitmap Heap Scan"}, filled


def test_what_a_push_changes_is_found_by_an_index(plans: Plans) -> None:
    for generic, most in itertools.product([False, True], [1, 500]):
        for bulk, table in ((access.UPDATE_CHANGE, "change"), (statements(REFLECTIONS).update, "reflection")):
            rows = encode_rows([{"owner_id": SOMEBODY, "id": new_id()} for _ in range(most)])
            nodes = plans.nodes(bulk.many_rows, generic=generic, rows=rows)
            assert not [node for node in nodes if node["Node Type"] == "Seq Scan"], (table, most)
            assert any(node.get("Relation Name") == table and "Index Name" in node for node in nodes)
