"""closed accounts: when they are erased, and the codes that reopen them."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Change the schema."""
    op.create_table(
        "reopen_code",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email_key", sa.String(), nullable=False),
        sa.Column("code_mac", sa.LargeBinary(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reopen_code")),
    )
    op.create_index(op.f("ix_reopen_code_created_at"), "reopen_code", ["created_at"])
    op.create_index(op.f("ix_reopen_code_email_key_created_at"), "reopen_code", ["email_key", "created_at"])
    op.add_column("account", sa.Column("erase_at", sa.DateTime(timezone=True)))
    op.create_index(op.f("ix_account_erase_at"), "account", ["erase_at"])


def downgrade() -> None:
    """Undo the change."""
    op.drop_index(op.f("ix_account_erase_at"), "account")
    op.drop_column("account", "erase_at")
    op.drop_table("reopen_code")
