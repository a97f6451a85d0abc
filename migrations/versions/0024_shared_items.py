"""what clinics pull: the latest change of each record that is shared with them."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"

UNNUMBERED = sa.text("number IS NULL")
REMOVED = sa.text("removed")
COUNTERS = {
    "clinic": {"head": sa.BigInteger(), "epoch": sa.Integer(), "floor": sa.BigInteger()},
    "consent": {"head": sa.BigInteger()},
}


def upgrade() -> None:
    """Change the schema."""
    op.create_table(
        "shared_item",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("collection", sa.String(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger()),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_shared_item_clinic_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["feed.owner_id"], name=op.f("fk_shared_item_owner_id")),
        sa.PrimaryKeyConstraint("owner_id", "clinic_id", "collection", "id", name=op.f("pk_shared_item")),
    )
    op.create_index(op.f("ix_shared_item_clinic_id_number"), "shared_item", ["clinic_id", "number"])
    op.create_index(
        op.f("ix_shared_item_clinic_id"),
        "shared_item",
        ["clinic_id"],
        postgresql_where=UNNUMBERED,
        sqlite_where=UNNUMBERED,
    )
    op.create_index(
        op.f("ix_shared_item_changed_at"),
        "shared_item",
        ["changed_at"],
        postgresql_where=REMOVED,
        sqlite_where=REMOVED,
    )
    for table, counters in COUNTERS.items():
        for name, kind in counters.items():
            op.add_column(table, sa.Column(name, kind))
            op.execute(f"UPDATE {table} SET {name} = {int(name == 'epoch')}")  # noqa: S608 - names, not input
        with op.batch_alter_table(table) as batch:
            for name, kind in counters.items():
                batch.alter_column(name, existing_type=kind, nullable=False)
    connect = """
        INSERT INTO shared_item (owner_id, clinic_id, collection, id, version, number, removed, changed_at)
        SELECT owner_id, clinic_id, 'connections', patient_id, 1, NULL, false, updated_at FROM consent
        WHERE status = 'active'
    """
    op.execute(connect)
    for table, collection in (
        ("session", "sessions"),
        ("element", "elements"),
        ("intention", "intentions"),
        ("reflection", "reflections"),
        ("action_item", "action-items"),
    ):
        op.execute(cover(table, collection))
    op.execute("UPDATE consent SET head = 1 WHERE status = 'active'")


def cover(table: str, collection: str) -> str:
    """Return the statement that adds the shared records of a collection for the active consents."""
    return f"""
        INSERT INTO shared_item (owner_id, clinic_id, collection, id, version, number, removed, changed_at)
        SELECT consent.owner_id, consent.clinic_id, '{collection}', {table}.id, 1, NULL, false, {table}.updated_at
        FROM consent JOIN {table} ON {table}.owner_id = consent.owner_id
        WHERE consent.status = 'active' AND {table}.visibility = 'shared'
        AND CAST(consent.shares AS VARCHAR) LIKE '%"{collection}"%'
    """  # noqa: S608 - names, not input


def downgrade() -> None:
    """Undo the change."""
    for table, counters in COUNTERS.items():
        for name in counters:
            op.drop_column(table, name)
    op.drop_table("shared_item")
