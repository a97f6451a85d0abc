"""bulk exports of clinics."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Change the schema."""
    op.create_table(
        "export",
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("types", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("patients", sa.JSON(none_as_null=True)),
        sa.Column("since", MOMENT),
        sa.Column("request", sa.String(), nullable=False),
        sa.Column("transaction_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["client.id"], name=op.f("fk_export_client_id")),
        sa.PrimaryKeyConstraint("client_id", "id", name=op.f("pk_export")),
    )
    op.create_index(op.f("ix_export_expires_at"), "export", ["expires_at"])


def downgrade() -> None:
    """Change the schema back."""
    op.drop_table("export")
