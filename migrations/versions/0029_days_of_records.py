"""indexes by day and time of practice entries, check-ins and assessments, for today and progress."""

from alembic import op

revision = "0029"
down_revision = "0028"

INDEXES = {"practice_entry": "day", "check_in": "taken_at", "assessment": "taken_at"}


def upgrade() -> None:
    """Change the schema."""
    for table, column in INDEXES.items():
        op.create_index(f"ix_{table}_owner_id_{column}", table, ["owner_id", column])


def downgrade() -> None:
    """Undo the change."""
    for table, column in INDEXES.items():
        op.drop_index(f"ix_{table}_owner_id_{column}", table)
