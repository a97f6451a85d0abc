"""sealed documents and data keys, still beside the plain documents."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

NOT_OPENED = "SELECT 1 FROM change WHERE document IS NULL AND NOT deleted LIMIT 1"
REQUIRED = [
    ("element", "title", sa.String()),
    ("intention", "statement", sa.String()),
    ("reflection", "body", sa.String()),
    ("reflection", "emotions", sa.JSON()),
    ("action_item", "title", sa.String()),
]


def upgrade() -> None:
    """Add the table of data keys, the column of sealed documents, and the fact that a filter needs.

    `migrations.sealing` seals what exists, before the next revision drops the plain columns.
    """
    op.create_table(
        "data_key",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("kek_id", sa.String(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["feed.owner_id"], name=op.f("fk_data_key_owner_id")),
        sa.PrimaryKeyConstraint("owner_id", "generation", name=op.f("pk_data_key")),
    )
    with op.batch_alter_table("change") as batch:
        batch.drop_constraint(op.f("ck_change_tombstones_are_empty"), type_="check")
    op.add_column("change", sa.Column("sealed", sa.LargeBinary()))
    op.add_column("element", sa.Column("has_meaning", sa.Boolean()))
    op.execute("UPDATE element SET has_meaning = (coalesce(meaning, '') <> '')")


def downgrade() -> None:
    """Drop them, once `migrations.sealing` has opened every document into the plain columns."""
    if op.get_bind().execute(sa.text(NOT_OPENED)).first() is not None:
        message = "documents are not opened yet: run the downgrade by `app.db.schema.migrate`"
        raise RuntimeError(message)
    for table, column, kind in REQUIRED:
        with op.batch_alter_table(table) as batch:
            batch.alter_column(column, existing_type=kind, nullable=False)
    with op.batch_alter_table("change") as batch:
        batch.create_check_constraint(op.f("ck_change_tombstones_are_empty"), "(document IS NULL) = deleted")
    op.drop_column("element", "has_meaning")
    op.drop_column("change", "sealed")
    op.drop_table("data_key")
