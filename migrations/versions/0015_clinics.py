"""clinics, their clients, and used assertions."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Change the schema."""
    op.create_table(
        "clinic",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("contact", sa.String()),
        sa.Column("share_code", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clinic")),
        sa.UniqueConstraint("share_code", name=op.f("uq_clinic_share_code")),
    )
    op.create_table(
        "client",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("jwks", sa.JSON(none_as_null=True)),
        sa.Column("jwks_uri", sa.String()),
        sa.Column("scopes", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.CheckConstraint("(jwks IS NULL) <> (jwks_uri IS NULL)", name=op.f("ck_client_keys_from_one_source")),
        sa.CheckConstraint("purpose IN ('treatment', 'research')", name=op.f("ck_client_purpose_known")),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name=op.f("fk_client_clinic_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client")),
    )
    op.create_index(op.f("ix_client_clinic_id"), "client", ["clinic_id"])
    op.create_table(
        "assertion",
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("jti", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["client.id"], name=op.f("fk_assertion_client_id")),
        sa.PrimaryKeyConstraint("client_id", "jti", name=op.f("pk_assertion")),
    )
    op.create_index(op.f("ix_assertion_expires_at"), "assertion", ["expires_at"])


def downgrade() -> None:
    """Undo the change."""
    for table in ("assertion", "client", "clinic"):
        op.drop_table(table)
