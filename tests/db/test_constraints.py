"""Constraints: the database itself refuses invalid rows."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.db import Database, Row, bulk_insert
from app.ids import new_id
from app.records import Resource
from app.resources import RESOURCES
from app.settings import Settings
from tests.conftest import DATABASES, Databases
from tests.db.helpers import add_account, with_database
from tests.db.test_values import row_of


def stored(resource: Resource, owner_id: UUID, id: UUID, **changes: object) -> Row:
    """Return a row of a kind of record, without references."""
    now = datetime.now(UTC)
    row = row_of(resource.table, 0, nulls=True)
    return row | {"owner_id": owner_id, "id": id, "created_at": now, "updated_at": now} | changes


class Refusals:
    """A database with two people, and checks of the rows that it refuses."""

    def __init__(self, url: str) -> None:
        self.settings = Settings(database_url=url)
        self.alice, self.bob = with_database(self.settings, self._people)

    async def _people(self, db: Database) -> tuple[UUID, UUID]:
        async with db.transaction() as tx:
            return await add_account(tx, "alice"), await add_account(tx, "bob")

    def write(self, *rows: tuple[sa.Table, Row]) -> None:
        """Write rows in one transaction."""

        async def work(db: Database) -> None:
            async with db.transaction() as tx:
                for table, row in rows:
                    await tx.run(bulk_insert(table).one_row, **row)

        with_database(self.settings, work)

    def refuses(self, reason: str, *rows: tuple[sa.Table, Row]) -> None:
        """Expect the database to refuse the rows; `reason` matches the kind of constraint."""
        with pytest.raises(Exception, match=rf"(?i){reason}"):
            self.write(*rows)


@pytest.fixture(scope="module", params=DATABASES)
def refusals(request: pytest.FixtureRequest, databases: Databases) -> Refusals:
    return Refusals(databases.fresh(request.param))


def whole(resource: Resource, owner_id: UUID, id: UUID, **changes: object) -> list[tuple[sa.Table, Row]]:
    """Return a record and, if it needs one, its parent."""
    rows = []
    if resource.on_delete_cascade and resource.on_delete_cascade not in changes:
        parent = next(each for each in RESOURCES if each.table is resource.references[resource.on_delete_cascade or ""])
        changes[resource.on_delete_cascade] = new_id()
        rows.append((parent.table, stored(parent, owner_id, UUID(str(changes[resource.on_delete_cascade])))))
    return [*rows, (resource.table, stored(resource, owner_id, id, **changes))]


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.collection)
def test_the_database_itself_refuses_invalid_records(refusals: Refusals, resource: Resource) -> None:
    id = new_id()
    refusals.write(*whole(resource, refusals.alice, id))
    refusals.refuses("unique|duplicate", *whole(resource, refusals.alice, id))
    refusals.write(*whole(resource, refusals.bob, id))
    refusals.refuses("foreign key", *whole(resource, new_id(), new_id()))
    for field, table in resource.references.items():
        target = next(each for each in RESOURCES if each.table is table)
        hers = new_id()
        refusals.write(*whole(target, refusals.alice, hers))
        refusals.write(*whole(resource, refusals.alice, new_id(), **{field: hers}))
        refusals.refuses("foreign key", *whole(resource, refusals.bob, new_id(), **{field: hers}))
        refusals.refuses("foreign key", *whole(resource, refusals.alice, new_id(), **{field: new_id()}))
    known = [check for check in resource.table.constraints if isinstance(check, sa.CheckConstraint)]
    assert known
    for check in known:
        field = str(check.sqltext).partition(" ")[0]
        refusals.refuses("check", *whole(resource, refusals.alice, new_id(), **{field: "wisteria"}))
    for column in resource.table.c:
        if not column.nullable:
            row = stored(resource, refusals.alice, new_id()) | {column.name: None}
            refusals.refuses("not.null", (resource.table, row))
