"""each record's sealed document in its own row, where a list finds it without a second look-up."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

COLLECTIONS = {
    "session": "sessions",
    "element": "elements",
    "intention": "intentions",
    "reflection": "reflections",
    "action_item": "action-items",
}
KEY = ("owner_id", "id", "document")
CHANGE = sa.table("change", sa.column("collection"), *map(sa.column, KEY))
TOMBSTONES = sa.text("deleted")


def move(source: sa.TableClause, target: sa.TableClause, collection: str) -> None:
    """Move the documents of a collection."""
    same = sa.and_(source.c.owner_id == target.c.owner_id, source.c.id == target.c.id)
    only = CHANGE.c.collection == collection
    found = sa.select(source.c.document).where(same, *([only] if source is CHANGE else [])).scalar_subquery()
    op.execute(target.update().values(document=found).where(only if target is CHANGE else sa.true()))


def upgrade() -> None:
    """Move the documents from the changes to the records, and give a pull an index of each kind's records."""
    for table, collection in COLLECTIONS.items():
        op.add_column(table, sa.Column("document", sa.LargeBinary()))
        move(CHANGE, sa.table(table, *map(sa.column, KEY)), collection)
        with op.batch_alter_table(table) as batch:
            batch.alter_column("document", existing_type=sa.LargeBinary(), nullable=False)
        op.create_index(op.f(f"ix_{table}_owner_id_seq"), table, ["owner_id", "seq"], unique=True)
    with op.batch_alter_table("change") as batch:
        batch.drop_constraint(op.f("uq_change_owner_id_seq"), type_="unique")
        batch.drop_constraint(op.f("ck_change_tombstones_are_empty"), type_="check")
        batch.drop_column("document")
    op.create_index(
        op.f("ix_change_owner_id_seq"),
        "change",
        ["owner_id", "seq"],
        postgresql_where=TOMBSTONES,
        sqlite_where=TOMBSTONES,
    )


def downgrade() -> None:
    """Move the documents back."""
    op.drop_index(op.f("ix_change_owner_id_seq"), "change")
    op.add_column("change", sa.Column("document", sa.LargeBinary()))
    for table, collection in COLLECTIONS.items():
        move(sa.table(table, *map(sa.column, KEY)), CHANGE, collection)
        op.drop_index(op.f(f"ix_{table}_owner_id_seq"), table)
        op.drop_column(table, "document")
    with op.batch_alter_table("change") as batch:
        batch.create_unique_constraint(op.f("uq_change_owner_id_seq"), ["owner_id", "seq"])
        batch.create_check_constraint(op.f("ck_change_tombstones_are_empty"), "(document IS NULL) = deleted")
