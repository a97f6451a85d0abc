"""Constraints: the database itself refuses invalid rows."""

from datetime import UTC, datetime
from itertools import count
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

SEQS = count(1)


def stored(resource: Resource, owner_id: UUID, id: UUID, **changes: object) -> Row:
    """Return a row of a kind of record, without references."""
    now = datetime.now(UTC)
    row = row_of(resource.table, 0, nulls=True) | {"seq": next(SEQS), "created_at": now, "updated_at": now}
    return row | {"owner_id": owner_id, "id": id} | changes


class ConstraintDatabase:
    """A database with two accounts, and checks of the rows that it refuses."""

    def __init__(self, url: str) -> None:
        self.settings = Settings(database_url=url)
        self.alice, self.bob = with_database(self.settings, self._create_accounts)

    async def _create_accounts(self, db: Database) -> tuple[UUID, UUID]:
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
def db(request: pytest.FixtureRequest, databases: Databases) -> ConstraintDatabase:
    return ConstraintDatabase(databases.fresh(request.param))


def with_parent(resource: Resource, owner_id: UUID, id: UUID, **changes: object) -> list[tuple[sa.Table, Row]]:
    """Return a record and, if it needs one, its parent."""
    rows = []
    if resource.on_delete_cascade and resource.on_delete_cascade not in changes:
        parent = next(each for each in RESOURCES if each.table is resource.references[resource.on_delete_cascade or ""])
        changes[resource.on_delete_cascade] = new_id()
        rows.append((parent.table, stored(parent, owner_id, UUID(str(changes[resource.on_delete_cascade])))))
    return [*rows, (resource.table, stored(resource, owner_id, id, **changes))]


every_kind = pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.collection)
REFERENCES = [(resource, field) for resource in RESOURCES for field in resource.references]
CHECKS = [
    (resource, field)
    for resource in RESOURCES
    for field in sorted(
        str(check.sqltext).partition(" ")[0]
        for check in resource.table.constraints
        if isinstance(check, sa.CheckConstraint)
    )
]


def ids_of(pairs: list[tuple[Resource, str]]) -> list[str]:
    """Return the test id of each pair of a kind of record and a column."""
    return [f"{resource.collection} {column}" for resource, column in pairs]


@every_kind
def test_an_id_is_unique_for_its_owner(db: ConstraintDatabase, resource: Resource) -> None:
    id = new_id()
    db.write(*with_parent(resource, db.alice, id))
    db.refuses("unique|duplicate", *with_parent(resource, db.alice, id))
    db.write(*with_parent(resource, db.bob, id))


@every_kind
def test_an_unknown_owner_is_refused(db: ConstraintDatabase, resource: Resource) -> None:
    db.refuses("foreign key", *with_parent(resource, new_id(), new_id()))


@pytest.mark.parametrize(("resource", "field"), REFERENCES, ids=ids_of(REFERENCES))
def test_a_reference_to_another_owners_or_an_unknown_record_is_refused(
    db: ConstraintDatabase, resource: Resource, field: str
) -> None:
    target = next(each for each in RESOURCES if each.table is resource.references[field])
    target_id = new_id()
    db.write(*with_parent(target, db.alice, target_id))
    db.write(*with_parent(resource, db.alice, new_id(), **{field: target_id}))
    db.refuses("foreign key", *with_parent(resource, db.bob, new_id(), **{field: target_id}))
    db.refuses("foreign key", *with_parent(resource, db.alice, new_id(), **{field: new_id()}))


def test_every_kind_has_checks() -> None:
    assert {resource.collection for resource, _ in CHECKS} == {resource.collection for resource in RESOURCES}


@pytest.mark.parametrize(("resource", "field"), CHECKS, ids=ids_of(CHECKS))
def test_an_unknown_word_is_refused(db: ConstraintDatabase, resource: Resource, field: str) -> None:
    db.refuses("check", *with_parent(resource, db.alice, new_id(), **{field: "wisteria"}))


@every_kind
def test_null_in_a_required_column_is_refused(db: ConstraintDatabase, resource: Resource) -> None:
    for column in (column.name for column in resource.table.c if not column.nullable):
        row = stored(resource, db.alice, new_id()) | {column: None}
        db.refuses(f"not.null.*{column}|{column}.*not.null", (resource.table, row))
