"""create rate limits, and codes for resetting a password."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Change the schema."""
    op.create_table(
        "reset_code",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email_key", sa.String(), nullable=False),
        sa.Column("code_mac", sa.LargeBinary(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reset_code")),
    )
    op.create_index(op.f("ix_reset_code_created_at"), "reset_code", ["created_at"])
    op.create_index(op.f("ix_reset_code_email_key_created_at"), "reset_code", ["email_key", "created_at"])
    op.create_table(
        "throttle",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("began_at", MOMENT, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_throttle")),
    )
    op.create_index(op.f("ix_throttle_began_at"), "throttle", ["began_at"])


def downgrade() -> None:
    """Undo the change."""
    op.drop_table("throttle")
    op.drop_table("reset_code")
