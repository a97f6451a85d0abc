"""Query plans on SQLite: the records of a batch are found by their keys, without a scan of all records of the owner."""

from collections.abc import Iterator

import pytest

from app.db import Statement
from app.db.sqlite.connection import Connection
from app.ids import new_id
from app.records import Resource, access, kinds
from app.records.access import statements
from app.resources import RESOURCES
from app.settings import Settings
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
    found = steps(connection, access.HISTORY, **key, before=2**40, rows=201)
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
    found = steps(connection, access.referrers(), **ids)
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
