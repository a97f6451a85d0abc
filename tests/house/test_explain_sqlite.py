"""Plans of SQLite: what a batch names is looked up by its key, and never by reading everything that its owner has."""

from collections.abc import Iterator

import pytest

from app.db import Statement
from app.db.sqlite.connection import Connection
from app.ids import new_id
from app.records import access
from app.records.access import statements
from app.resources import RESOURCES
from app.settings import Settings
from tests.conftest import Databases

SOMEBODY = new_id()


@pytest.fixture(scope="module")
def connection(databases: Databases) -> Iterator[Connection]:
    found = Connection(Settings(database_url=databases.fresh("sqlite")))
    yield found
    found.close()


def steps(connection: Connection, statement: Statement, **values: object) -> list[str]:
    """Return the steps by which a statement reads tables."""
    plan = statement.sqlite
    arguments = plan.arguments({"owner_id": SOMEBODY, "device_id": SOMEBODY} | values)
    rows = connection.execute(f"EXPLAIN QUERY PLAN {plan.sql}", arguments).fetchall()
    return [step for *_, step in rows if step.startswith(("SEARCH", "SCAN")) and " json_each " not in step]


def test_what_a_batch_names_is_looked_up_by_its_key(connection: Connection) -> None:
    some = {"collections": ["sessions"], "ids": [new_id()]}
    (step,) = steps(connection, access.CHANGES_AMONG, **some)
    assert step.endswith("(owner_id=? AND collection=? AND id=?)")
    (step,) = steps(connection, access.REMEMBERED_AMONG, op_ids=[new_id()])
    assert step.endswith("(owner_id=? AND op_id=?)")
    for resource in RESOURCES:
        for statement in (statements(resource).stored_among, statements(resource).delete_among):
            step, *_ = steps(connection, statement, ids=[new_id()])
            assert step.endswith("(owner_id=? AND id=?)"), resource


def test_what_goes_with_a_record_and_what_it_derives_from_are_found_by_an_index(connection: Connection) -> None:
    for resource in RESOURCES:
        if resource.parent:
            (step,) = steps(connection, statements(resource).children, parents=[new_id()])
            assert step.endswith(f"(owner_id=? AND {resource.parent}=?)"), resource
        if resource.acyclic:
            found = steps(connection, statements(resource).lines, ids=[new_id()])
            assert all(step.startswith("SCAN line") or "id=?)" in step for step in found), found
        if resource.on_delete_set_null:
            found = steps(
                connection,
                statements(resource).referrers,
                **{field: [new_id()] for field in resource.on_delete_set_null},
            )
            for step, field in zip(found, resource.on_delete_set_null, strict=True):
                assert step.endswith(f"(owner_id=? AND {field}=?)"), resource
