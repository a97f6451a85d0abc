"""Query plans on PostgreSQL with 100 000 records of 1 000 people: pages and records are found by an index, without a sort."""

import asyncio
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app.calendar import sources as calendar
from app.db import BulkStatement, Statement
from app.db.bulk import encode_rows
from app.db.postgres.connecting import SESSION
from app.ids import new_id
from app.records import access
from app.records.access import statements
from app.records.filters import active_filters
from app.resources import RESOURCES
from app.resources.elements import ELEMENTS
from app.resources.reflections import REFLECTIONS, ReflectionFilters
from app.views import chain, inbox, search, timeline
from app.views.progress import sources as progress
from app.views.today import sources as today
from tests.conftest import Databases
from tests.db.helpers import own_binds
from tests.house.test_explain_sqlite import WANTED

ROWS = 201
OWNER_ID = UUID(int=500)
OWN = own_binds(OWNER_ID)
PLANTED = """
INSERT INTO account SELECT id, id || '@example.com', id || '@example.com', 'none', NULL, 'UTC', 'en', 'person',
  now(), now(), NULL FROM (SELECT lpad(to_hex(n), 32, '0')::uuid AS id FROM generate_series(1, 1000) n) people;
INSERT INTO feed SELECT id, 1, 1, 0, 0, 0, 0, 0 FROM account;
INSERT INTO device (id, account_id, created_at, last_used_at) SELECT id, id, now(), now() FROM account;
INSERT INTO session (owner_id, id, seq, created_at, updated_at, field_seq, document, visibility, kind, status, timezone)
  SELECT id, id, 1, now(), now(), '{}', '', 'private', 'dosing', 'planned', 'UTC' FROM account;
INSERT INTO change (owner_id, collection, id, seq, deleted, written_at, actor_id, happened_at)
  SELECT account.id, CASE WHEN n % 2 = 0 THEN 'reflections' ELSE 'intentions' END, gen_random_uuid(), n, n % 9 = 0, now(),
  account.id, CASE WHEN n % 9 > 0 THEN now() - n * interval '1 hour' END FROM account, generate_series(1, 20) n
  UNION ALL SELECT lpad(to_hex(500), 32, '0')::uuid, 'reflections', gen_random_uuid(), n, n % 9 = 0, now(),
  gen_random_uuid(), CASE WHEN n % 9 > 0 THEN now() - n * interval '1 hour' END FROM generate_series(21, 20000) n;
INSERT INTO revision (owner_id, collection, id, seq, written_at, written_by, replaced_at, document)
  SELECT owner_id, collection, id, n, now(), actor_id, now(), '{}'::bytea FROM change, generate_series(1, 3) n
  WHERE n < seq;
INSERT INTO remembered_op SELECT account.id, gen_random_uuid(), '', 'applied', 200, now()
  FROM account, generate_series(1, 20);
INSERT INTO element (owner_id, id, seq, created_at, updated_at, field_seq, document, visibility, session_id, kind,
  has_meaning, status)
  SELECT account.id, gen_random_uuid(), n, now(), now(), '{}', '', 'private', account.id, 'memory', n % 2 = 0, 'captured'
  FROM account, generate_series(1, 10) n;
INSERT INTO intention (owner_id, id, seq, created_at, updated_at, field_seq, document, visibility, kind, status, weight)
  SELECT account.id, gen_random_uuid(), n, now(), now(), '{}', '', 'private', 'integration', 'active', 1
  FROM account, generate_series(1, 10) n;
INSERT INTO action_item (owner_id, id, seq, created_at, updated_at, field_seq, document, visibility, facet, change, status)
  SELECT account.id, gen_random_uuid(), n, now(), now(), '{}', '', 'private', 'health', 'external', 'accepted'
  FROM account, generate_series(1, 10) n;
INSERT INTO reflection (owner_id, id, seq, created_at, updated_at, field_seq, document, visibility, occurred_at, timezone,
  session_id, capture, domains)
  SELECT account.id, gen_random_uuid(), n, now() - n * interval '1 hour', now(), '{}', '', 'private', now(),
  'UTC', CASE WHEN n % 2 = 0 THEN account.id END, 'typed', '[]'
  FROM account, generate_series(1, 100) n ORDER BY random();
INSERT INTO practice (owner_id, id, seq, created_at, updated_at, field_seq, document, visibility, week_start, schedule, pauses)
  SELECT account.id, gen_random_uuid(), n, now(), now(), '{}', '', 'private', 'MO', '[]', '[]'
  FROM account, generate_series(1, 5) n;
INSERT INTO practice_entry (owner_id, id, seq, created_at, updated_at, field_seq, document, visibility, practice_id, day,
  outcome)
  SELECT owner_id, gen_random_uuid(), 5 + n, now(), now(), '{}', '', 'private', id, date '2026-11-28' - n, 'done'
  FROM practice, generate_series(1, 20) n WHERE practice.seq = 1;
INSERT INTO check_in (owner_id, id, seq, created_at, updated_at, field_seq, document, visibility, taken_at, timezone,
  side_effects)
  SELECT account.id, gen_random_uuid(), n, now(), now(), '{}', '', 'private', now() - n * interval '1 day', 'UTC', '[]'
  FROM account, generate_series(1, 20) n;
INSERT INTO assessment (owner_id, id, seq, created_at, updated_at, field_seq, document, visibility, instrument,
  instrument_version, status, taken_at, timezone)
  SELECT account.id, gen_random_uuid(), n, now(), now(), '{}', '', 'private', 'phq-9', '1', 'completed',
  now() - n * interval '1 day', 'UTC' FROM account, generate_series(1, 12) n;
INSERT INTO outcome (owner_id, id, seq, created_at, updated_at, field_seq, document, visibility, day, level)
  SELECT account.id, gen_random_uuid(), n, now(), now(), '{}', '', 'private', date '2026-11-28' - n, 1
  FROM account, generate_series(1, 12) n;
ANALYZE;
"""


class Plans:
    """Explains statements on PostgreSQL."""

    def __init__(self, url: str, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._connection = runner.run(asyncpg.connect(url, server_settings=SESSION))
        runner.run(self._connection.execute(PLANTED))
        runner.run(self._connection.set_type_codec("uuid", schema="pg_catalog", encoder=str, decoder=UUID))

    def nodes(self, statement: Statement, *, generic: bool, **values: object) -> list[dict[str, Any]]:
        """Return the steps of a statement's plan for these values, or of the generic plan of a prepared statement."""
        mode = "force_generic_plan" if generic else "force_custom_plan"
        plan = statement.postgres
        self._runner.run(self._connection.execute(f"SET plan_cache_mode = {mode}"))
        explained = self._connection.fetchval(f"EXPLAIN (FORMAT JSON) {plan.sql}", *plan.arguments(values))
        return list(_steps(json.loads(self._runner.run(explained))[0]["Plan"]))

    def close(self) -> None:
        """Close the connection."""
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


plan_kinds = pytest.mark.parametrize("generic", [False, True], ids=["custom-plan", "generic-plan"])


@plan_kinds
@pytest.mark.parametrize("continued", [False, True], ids=["first-page", "next-page"])
@pytest.mark.parametrize("filtered", [False, True], ids=["all", "filtered"])
def test_a_page_is_read_from_an_index_in_its_order(
    plans: Plans, *, generic: bool, continued: bool, filtered: bool
) -> None:
    given = active_filters(ReflectionFilters(session_id=OWNER_ID) if filtered else ReflectionFilters())
    position = {"after_created_at": datetime.now(UTC), "after_id": new_id()} if continued else {}
    values = {name: value for each in given for name, value in each.arguments.items()} | position
    statement = statements(REFLECTIONS).page(given, continued=continued)
    by_index(plans.nodes(statement, generic=generic, rows=ROWS, most_bytes=20_000, **OWN, **values))
    statement = statements(REFLECTIONS).page(given, continued=continued, bounded=True)
    nodes = plans.nodes(statement, generic=generic, rows=ROWS, most_bytes=2**22, **OWN, **values)
    assert "Seq Scan" not in {node["Node Type"] for node in nodes}


@plan_kinds
def test_a_record_is_read_from_an_index(plans: Plans, *, generic: bool) -> None:
    by_index(plans.nodes(statements(REFLECTIONS).read, generic=generic, **OWN, id=new_id()))


@plan_kinds
def test_a_history_is_read_from_an_index(plans: Plans, *, generic: bool) -> None:
    key = {**OWN, "collection": "reflections", "id": new_id(), "before": 2**40}
    nodes = plans.nodes(access.HISTORY, generic=generic, rows=ROWS, most_bytes=2**22, **key)
    assert not [node for node in nodes if node["Node Type"] == "Seq Scan"]
    assert {node.get("Index Name") for node in nodes} >= {"pk_change", "pk_revision"}


@plan_kinds
@pytest.mark.parametrize("filtered", [False, True], ids=["all", "some-collections"])
def test_a_pull_walks_the_index_of_each_kind(plans: Plans, *, generic: bool, filtered: bool) -> None:
    statement = access.changes_since(filtered=filtered)
    some = {"collections": [kind.collection for kind in RESOURCES]} if filtered else {}
    wanted = {**OWN, "after": 19_000, "rows": ROWS, "most_bytes": 2**22}
    nodes = plans.nodes(statement, generic=generic, **wanted, **some)
    assert not [node for node in nodes if node["Node Type"] in {"Seq Scan", "Sort", "Incremental Sort"}]
    walks = {node["Index Name"]: node["Index Cond"] for node in nodes if node.get("Index Name", "").endswith("_seq")}
    assert {*walks} == {f"ix_{table}_owner_id_seq" for table in ("change", *(kind.table.name for kind in RESOURCES))}
    assert all({"owner_id", "seq"} <= {*re.findall(r"[a-z_]+", condition)} for condition in walks.values())


MOMENTS = {
    "since": datetime(2000, 1, 1, tzinfo=UTC),
    "before": datetime.now(UTC),
    "before_seq": 0,
    "most_bytes": 2**21,
}


@plan_kinds
@pytest.mark.parametrize("filtered", [False, True], ids=["all", "some-collections"])
@pytest.mark.parametrize("bounded", [False, True], ids=["small", "large"])
@pytest.mark.parametrize("continued", [False, True], ids=["first-page", "next-page"])
def test_a_timeline_walks_the_index_of_its_order(
    plans: Plans, *, generic: bool, filtered: bool, bounded: bool, continued: bool
) -> None:
    values = {**OWN, **MOMENTS, "rows": ROWS, "collections": ["reflections"]}
    statement = timeline.page_of(filtered=filtered, of_session=False, continued=continued, bounded=bounded)
    walks_in_order(plans.nodes(statement, generic=generic, **values))


@plan_kinds
@pytest.mark.parametrize("filtered", [False, True], ids=["all", "some-collections"])
def test_a_timeline_of_a_session_is_found_by_indexes(plans: Plans, *, generic: bool, filtered: bool) -> None:
    values = {**OWN, **MOMENTS, "rows": ROWS, "collections": ["reflections"], "session_id": OWNER_ID}
    statement = timeline.page_of(filtered=filtered, of_session=True, continued=True)
    nodes = plans.nodes(statement, generic=generic, **values)
    assert not [node for node in nodes if node["Node Type"] == "Seq Scan"]
    assert {"pk_change", "ix_change_owner_id_happened_at_seq"} & {node.get("Index Name") for node in nodes}


@plan_kinds
@pytest.mark.parametrize("filtered", [False, True], ids=["all", "some-collections"])
def test_a_search_walks_the_index_of_its_order(plans: Plans, *, generic: bool, filtered: bool) -> None:
    values = {**OWN, **MOMENTS, "rows": 1001, "collections": ["reflections"]}
    walks_in_order(plans.nodes(search.candidates(filtered=filtered), generic=generic, **values))


def walks_in_order(nodes: list[dict[str, Any]]) -> None:
    assert not [node for node in nodes if node["Node Type"] == "Seq Scan"]
    assert "ix_change_owner_id_happened_at_seq" in {node.get("Index Name") for node in nodes}
    read = {node["Relation Name"] for node in nodes if "Index Name" in node and "Relation Name" in node}
    assert read >= {kind.table.name for kind in RESOURCES}


@plan_kinds
def test_an_inbox_is_found_by_indexes(plans: Plans, *, generic: bool) -> None:
    nodes = plans.nodes(inbox.waiting(), generic=generic, **OWN)
    assert not [node for node in nodes if node["Node Type"] == "Seq Scan"]


@plan_kinds
@pytest.mark.parametrize("named", [False, True], ids=["any-collection", "one-collection"])
def test_a_chain_is_found_by_indexes(plans: Plans, *, generic: bool, named: bool) -> None:
    key = {"id": new_id(), "collection": "sessions", "known": 0}
    nodes = plans.nodes(chain.links(named=named), generic=generic, **OWN, **key)
    assert not [node for node in nodes if node["Node Type"] == "Seq Scan"]
    ids = {chain.ids_of(kind): IDS[:50] for kind in RESOURCES}
    nodes = plans.nodes(chain.nodes(), generic=generic, owner_id=OWNER_ID, most_bytes=2**14, **ids)
    assert not [node for node in nodes if node["Node Type"] == "Seq Scan"]


IDS = [new_id() for _ in range(500)]


@plan_kinds
@pytest.mark.parametrize(
    ("statement", "values"),
    [
        pytest.param(access.KNOWN_CHANGES, {"collections": ["reflections", "sessions"], "ids": IDS}, id="changes"),
        pytest.param(access.REMEMBERED_OPS, {"op_ids": IDS}, id="remembered-ops"),
        pytest.param(statements(REFLECTIONS).stored_by_id, {"ids": IDS}, id="records"),
    ],
)
def test_what_a_push_looks_up_is_found_by_an_index(
    plans: Plans, statement: Statement, values: dict[str, Any], *, generic: bool
) -> None:
    nodes = plans.nodes(statement, generic=generic, **OWN, **values)
    assert not [node for node in nodes if node["Node Type"] == "Seq Scan"]
    assert any("Index Name" in node for node in nodes)


@plan_kinds
def test_every_reference_to_a_removed_record_is_found_by_an_index(plans: Plans, *, generic: bool) -> None:
    ids = {access.removed_ids(kind): [new_id()] for kind in RESOURCES}
    nodes = plans.nodes(access.referrers(), generic=generic, owner_id=OWNER_ID, rows=5000, **ids)
    filled = [node for node in nodes if node.get("Relation Name") in {"element", "reflection"}]
    assert len(filled) == len(ELEMENTS.targets) + len(REFLECTIONS.targets)
    assert {node["Node Type"] for node in filled} <= {"Index Scan", "Bitmap Heap Scan"}, filled


@plan_kinds
@pytest.mark.parametrize("count", [1, 500])
@pytest.mark.parametrize(
    ("bulk", "table"),
    [
        pytest.param(access.UPDATE_CHANGE, "change", id="changes"),
        pytest.param(statements(REFLECTIONS).update, "reflection", id="records"),
        pytest.param(access.TRIM_REVISIONS, "revision", id="versions-too-many"),
        pytest.param(access.REMOVE_REVISIONS, "revision", id="versions-of-removed-records"),
    ],
)
def test_what_a_push_changes_is_found_by_an_index(
    plans: Plans, bulk: BulkStatement, table: str, count: int, *, generic: bool
) -> None:
    rows = encode_rows([{"owner_id": OWNER_ID, "id": new_id()} for _ in range(count)])
    nodes = plans.nodes(bulk.many_rows, generic=generic, rows=rows)
    assert not [node for node in nodes if node["Node Type"] == "Seq Scan"]
    assert any(node.get("Relation Name") == table and "Index Name" in node for node in nodes)


@plan_kinds
@pytest.mark.parametrize("statement", [today.STATEMENT, progress.STATEMENT], ids=["today", "progress"])
def test_a_view_finds_every_record_by_an_index(plans: Plans, statement: Statement, *, generic: bool) -> None:
    nodes = plans.nodes(statement, generic=generic, **OWN, **WANTED)
    assert not [node for node in nodes if node["Node Type"] == "Seq Scan"]
    indexes = {node.get("Index Name") for node in nodes}
    assert indexes >= {"ix_practice_entry_owner_id_day", "ix_check_in_owner_id_taken_at"}


@plan_kinds
@pytest.mark.parametrize("titles", [False, True], ids=["without-titles", "with-titles"])
def test_a_calendar_is_found_by_indexes(plans: Plans, *, titles: bool, generic: bool) -> None:
    nodes = plans.nodes(calendar.PARTS[titles].statement, generic=generic, **OWN, **WANTED)
    assert not [node for node in nodes if node["Node Type"] == "Seq Scan"]
