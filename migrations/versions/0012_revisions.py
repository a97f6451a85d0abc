"""former versions of records."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the table of former versions, and note with each change when one was last kept."""
    op.create_table(
        "revision",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("collection", sa.String(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("written_at", MOMENT, nullable=False),
        sa.Column("written_by", sa.Uuid(), nullable=False),
        sa.Column("replaced_at", MOMENT, nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["feed.owner_id"], name=op.f("fk_revision_owner_id")),
        sa.PrimaryKeyConstraint("owner_id", "collection", "id", "seq", name=op.f("pk_revision")),
    )
    op.create_index(op.f("ix_revision_replaced_at"), "revision", ["replaced_at"])
    op.add_column("change", sa.Column("revised_at", MOMENT))


def downgrade() -> None:
    """Forget every former version."""
    op.drop_column("change", "revised_at")
    op.drop_table("revision")
