"""`alembic revision --autogenerate` writes a numbered migration for a new kind of record, which runs on both databases."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.db import schema
from tests.conftest import Databases
from tests.house.test_migrations import constraint_names, inspected

TREE = schema.MIGRATIONS.parent
NEXT = f"{int(schema.HEAD) + 1:04}"
MODEL = """
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app import records


class WishSize(StrEnum):
    SMALL = "small"
    VERY_LARGE = "very-large"


class WishFields(records.Fields):
    title: str
    size: WishSize
    weight: Decimal | None = Field(None, sa_type=sa.Numeric(8, 3))
    granted_at: datetime | None = None
    session_id: UUID
    element_id: UUID | None = None


class WishRecord(WishFields, records.Record, table=True):
    __tablename__ = "wish"
    __table_args__ = (
        *records.references(session_id="session", element_id="element"),
        sa.UniqueConstraint("owner_id", "title"),
        sa.Index(None, "granted_at"),
    )
"""
MIGRATION = f'''"""wishes."""

import sqlalchemy as sa
from alembic import op

from migrations.record_tables import create_record_table

revision = "{NEXT}"
down_revision = "{schema.HEAD}"


def upgrade() -> None:
    """Change the schema."""
    create_record_table(
        "wish",
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("size", sa.String(), nullable=False),
        sa.Column("weight", sa.Numeric(precision=8, scale=3), nullable=True),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("element_id", sa.Uuid(), nullable=True),
        sa.UniqueConstraint("owner_id", "title", name=op.f("uq_wish_owner_id_title")),
        references={{"element_id": "element", "session_id": "session"}},
        values={{"size": ["small", "very-large"]}},
    )
    with op.batch_alter_table("wish", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_wish_granted_at"), ["granted_at"], unique=False)


def downgrade() -> None:
    """Undo the change."""
    op.drop_table("wish")
'''
NAMES = {
    "ck_wish_size_known",
    "ck_wish_visibility_known",
    "fk_wish_owner_id",
    "fk_wish_owner_id_element_id",
    "fk_wish_owner_id_session_id",
    "ix_wish_granted_at",
    "ix_wish_owner_id_created_at_id",
    "ix_wish_owner_id_element_id_created_at_id",
    "ix_wish_owner_id_session_id_created_at_id",
    "ix_wish_owner_id_seq",
    "pk_wish",
    "uq_wish_owner_id_title",
}
MIGRATE = """
import sys
from app.db import schema

for revision in ("head", "-1", "head"):
    schema.migrate(sys.argv[1], revision)
"""


class Tree:
    """A copy of the application, the migrations and the project's settings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("app", "migrations"):
            shutil.copytree(TREE / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(TREE / "pyproject.toml", folder)

    def python(self, *arguments: str, url: str = "") -> str:
        """Run Python in the copy; return what it prints."""
        environment = os.environ | {"PYTHONPATH": str(self.folder), "AFTERGLOW_DATABASE_URL": url}
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    @property
    def migrations(self) -> list[Path]:
        """The migrations, in their order."""
        return sorted((self.folder / "migrations" / "versions").glob("[0-9]*.py"))


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


@pytest.fixture
def tree_with_wishes(tree: Tree) -> Tree:
    """A copy with the model of a new kind of record."""
    (tree.folder / "app" / "resources" / "wishes.py").write_text(MODEL)
    registry = tree.folder / "app" / "resources" / "__init__.py"
    registry.write_text(registry.read_text() + "from app.resources import wishes\n")
    return tree


def test_a_new_kind_of_record_gets_a_short_numbered_migration(
    tree_with_wishes: Tree, databases: Databases, database: str
) -> None:
    tree = tree_with_wishes
    tree.python("-m", "alembic", "revision", "--autogenerate", "-m", "wishes", url=databases.fresh(database))
    assert tree.migrations[-1].name == f"{NEXT}_wishes.py"
    assert tree.migrations[-1].read_text() == MIGRATION
    tree.python("-m", "ruff", "check", "migrations")


def test_the_migration_runs_up_and_down_and_matches_the_model(
    tree_with_wishes: Tree, databases: Databases, database: str
) -> None:
    tree, url = tree_with_wishes, databases.fresh(database)
    (tree.migrations[-1].parent / f"{NEXT}_wishes.py").write_text(MIGRATION)
    tree.python("-c", MIGRATE, url)
    assert {name for _, name in inspected(url, lambda connection: constraint_names(connection, ["wish"]))} == NAMES
    assert "No new upgrade operations detected" in tree.python("-m", "alembic", "check", url=url)


def test_a_migration_that_is_written_by_hand_gets_the_next_number(tree: Tree, databases: Databases) -> None:
    tree.python("-m", "alembic", "revision", "-m", "by hand", url=databases.fresh("sqlite"))
    assert tree.migrations[-1].name == f"{NEXT}_by_hand.py"
    tree.python("-m", "ruff", "check", "migrations")
