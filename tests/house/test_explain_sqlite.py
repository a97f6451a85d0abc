"""Query plans on SQLite: the records of a batch are found by their keys, without a scan of all records of the owner."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from app.calendar import links as calendar_links
from app.calendar import sources as calendar
from app.db import Statement, Table
from app.db.sqlite.connection import Connection
from app.ids import new_id
from app.records import Resource, access, kinds
from app.records.access import statements
from app.resources import RESOURCES
from app.settings import Settings
from app.views import chain, inbox, search, timeline
from app.views.progress import sources as progress
from app.views.today import sources as today
from tests.conftest import Databases
from tests.db.helpers import own_binds

OWNER_ID = new_id()


@pytest.fixture(scope="module")
def connection(databases: Databases) -> Iterator[Connection]:
    found = Connection(Settings(database_url=databases.fresh("sqlite")))
    yield found
    found.close()


def steps(connection: Connection, statement: Statement, **values: object) -> list[str]:
    """Return the steps by which a statement reads tables."""
    plan = statement.sqlite
    arguments = plan.arguments(own_binds(OWNER_ID) | values)
    rows = connection.execute(f"EXPLAIN QUERY PLAN {plan.sql}", arguments).fetchall()
    found = [step.removesuffix(" LEFT-JOIN") for *_, step in rows]
    return [step for step in found if step.startswith(("SEARCH", "SCAN")) and " json_each " not in step]


each_kind = pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.collection)


def test_changes_and_remembered_operations_are_found_by_their_keys(connection: Connection) -> None:
    some = {"collections": ["sessions"], "ids": [new_id()]}
    (step,) = steps(connection, access.KNOWN_CHANGES, **some)
    assert step.endswith("(owner_id=? AND collection=? AND id=?)")
    (step,) = steps(connection, access.REMEMBERED_OPS, op_ids=[new_id()])
    assert step.endswith("(owner_id=? AND op_id=?)")


def test_a_history_is_found_by_its_record(connection: Connection) -> None:
    key = {"collection": "sessions", "id": new_id()}
    found = steps(connection, access.HISTORY, **key, before=2**40, rows=201, most_bytes=2**22)
    assert [step for step in found if "revision" in step and "(owner_id=? AND collection=? AND id=? AND seq<?)" in step]
    for bulk, end in (
        (access.TRIM_REVISIONS, "seq<?)"),
        (access.REMOVE_REVISIONS, "id=?)"),
    ):
        for step in steps(connection, bulk.one_row, **key, seq=500):
            assert "(owner_id=? AND collection=? AND id=?" in step
            assert step.endswith(end)


@each_kind
def test_records_are_found_by_their_keys(connection: Connection, resource: Resource) -> None:
    row, change = steps(connection, statements(resource).stored_by_id, ids=[new_id()])
    assert row.endswith("(owner_id=? AND id=?)")
    assert "(owner_id=? AND collection=? AND id=?)" in change
    step, *_ = steps(connection, statements(resource).delete.one_row, id=new_id())
    assert step.endswith("(owner_id=? AND id=?)")


@pytest.mark.parametrize(
    "resource", [kind for kind in RESOURCES if kind.acyclic], ids=lambda resource: resource.collection
)
def test_the_ancestors_of_a_record_are_found_by_its_key(connection: Connection, resource: Resource) -> None:
    found = steps(connection, statements(resource).ancestors, ids=[new_id()])
    assert all(step.startswith("SCAN line") or "id=?)" in step for step in found), found


def test_every_reference_to_a_removed_record_is_found_by_its_index(connection: Connection) -> None:
    ids = {access.removed_ids(kind): [new_id()] for kind in RESOURCES}
    found = steps(connection, access.referrers(), rows=5000, **ids)
    fields = [field for kind in kinds() for field in kind.targets]
    assert len(found) == 2 * len(fields)
    for step, change, field in zip(found[::2], found[1::2], fields, strict=True):
        assert step.endswith(f"(owner_id=? AND {field}=?)"), step
        assert "(owner_id=? AND collection=? AND id=?)" in change, change


@pytest.mark.parametrize("filtered", [False, True], ids=["all", "some-collections"])
def test_a_pull_walks_the_index_of_each_kind(connection: Connection, *, filtered: bool) -> None:
    values = {"after": 0, "rows": 100, "most_bytes": 2**22} | ({"collections": ["sessions"]} if filtered else {})
    found = steps(connection, access.changes_since(filtered=filtered), **values)
    walks = [step for step in found if step.endswith("(owner_id=? AND seq>?)")]
    assert len(walks) == len(RESOURCES) + 1, found


MOMENTS = {
    "since": datetime(2000, 1, 1, tzinfo=UTC),
    "before": datetime.now(UTC),
    "before_seq": 0,
    "most_bytes": 2**21,
}


@pytest.mark.parametrize("filtered", [False, True], ids=["all", "some-collections"])
@pytest.mark.parametrize("of_session", [False, True], ids=["everything", "a-session"])
@pytest.mark.parametrize("bounded", [False, True], ids=["small", "large"])
@pytest.mark.parametrize("continued", [False, True], ids=["first-page", "next-page"])
def test_a_timeline_walks_the_index_of_its_order(
    connection: Connection, *, filtered: bool, of_session: bool, bounded: bool, continued: bool
) -> None:
    values = {**MOMENTS, "rows": 51, "collections": ["sessions"], "session_id": new_id()}
    statement = timeline.page_of(filtered=filtered, of_session=of_session, continued=continued, bounded=bounded)
    found = steps(connection, statement, **values)
    walks_in_order(found)


@pytest.mark.parametrize("filtered", [False, True], ids=["all", "some-collections"])
def test_a_search_walks_the_index_of_its_order(connection: Connection, *, filtered: bool) -> None:
    values = {**MOMENTS, "rows": 1001, "collections": ["sessions"]}
    walks_in_order(steps(connection, search.candidates(filtered=filtered), **values))


def walks_in_order(found: list[str]) -> None:
    assert any("ix_change_owner_id_happened_at_seq" in step for step in found), found
    assert scans(found) == []


def scans(found: list[str]) -> list[str]:
    """Return the steps that read a whole table, not the rows of a part of the statement, or the one row of the caller."""
    tables = {*Table.metadata.tables}
    return [step for step in found if step.startswith("SCAN") and step.split()[1] in tables]


def test_an_inbox_is_found_by_indexes(connection: Connection) -> None:
    found = steps(connection, inbox.waiting())
    assert scans(found) == []
    for field in ("element_id", "derived_from_id"):
        assert any(f"(owner_id=? AND {field}=?)" in step for step in found), found


@pytest.mark.parametrize("named", [False, True], ids=["any-collection", "one-collection"])
def test_a_chain_is_found_by_indexes(connection: Connection, *, named: bool) -> None:
    found = steps(connection, chain.links(named=named), id=new_id(), collection="sessions", known=0)
    assert any("(owner_id=? AND collection=? AND id=?)" in step for step in found), found
    for each in chain.reference_fields():
        assert any(step.endswith(f"(owner_id=? AND {each.field}>?)") for step in found), (each, found)
    assert scans(found) == []
    found = steps(connection, chain.nodes(), most_bytes=2**14, **{chain.ids_of(kind): [new_id()] for kind in RESOURCES})
    assert scans(found) == []


DAY, MOMENT = date(2026, 11, 28), datetime(2026, 11, 28, tzinfo=UTC)
WANTED = {
    "as_of": MOMENT,
    "until": MOMENT,
    "since": MOMENT,
    "starts_at": MOMENT,
    "ends_before": MOMENT,
    "prepared_to": MOMENT,
    "answered_since": MOMENT,
    "instruments": ["phq-9"],
    "day": DAY,
    "first": DAY,
    "last": DAY,
    "to_on": DAY,
    "entries_from": DAY,
    "entries_to": DAY,
}
"""What today and progress are asked for."""
each_view = pytest.mark.parametrize("statement", [today.STATEMENT, progress.STATEMENT], ids=["today", "progress"])


@each_view
def test_a_view_finds_every_record_by_an_index_of_its_owner(connection: Connection, statement: Statement) -> None:
    found = steps(connection, statement, **WANTED)
    tables = {kind.table.name for kind in RESOURCES}
    of_records = [step for step in found if {*step.split()} & tables]
    assert len(of_records) > len(tables) // 2
    assert all(step.startswith("SEARCH") and "(owner_id=?" in step for step in of_records), of_records


@each_view
def test_a_view_reads_entries_and_questionnaires_of_its_days_only(connection: Connection, statement: Statement) -> None:
    found = steps(connection, statement, **WANTED)
    for table, column in (("practice_entry", "day"), ("check_in", "taken_at"), ("assessment", "taken_at")):
        of_table = [step for step in found if table in step.split()]
        assert of_table
        assert all(f"(owner_id=? AND {column}" in step for step in of_table), of_table


@pytest.mark.parametrize("titles", [False, True], ids=["without-titles", "with-titles"])
def test_a_calendar_is_found_by_indexes(connection: Connection, *, titles: bool) -> None:
    found = steps(connection, calendar.PARTS[titles].statement, **WANTED)
    tables = {"practice", "session", "action_item"}
    of_records = [step for step in found if {*step.split()} & tables]
    assert len(of_records) == len(tables)
    assert all(step.startswith("SEARCH") and "(owner_id=?" in step for step in of_records), of_records
    assert scans(steps(connection, calendar_links.FIND, digest=b"wisteria")) == []
