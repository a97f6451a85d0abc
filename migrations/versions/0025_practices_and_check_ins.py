"""practices, their entries, and check-ins: their tables."""

import sqlalchemy as sa
from alembic import op

from migrations.record_tables import create_record_table

revision = "0025"
down_revision = "0024"

SIDES = ("internal", "external")
DOMAINS = ("mind", "body", "spirit", "lifestyle", "relationships", "nature")
COLLECTIONS = {"check_in": "check-ins", "practice_entry": "practice-entries", "practice": "practices"}
VALUES = ("mood", "anxiety", "energy", "sleep", "connectedness", "craving", "pain", "sleep_minutes")


def upgrade() -> None:
    """Change the schema."""
    create_record_table(
        "practice",
        sa.Column("change", sa.String()),
        sa.Column("domain", sa.String()),
        sa.Column("intention_id", sa.Uuid()),
        sa.Column("action_item_id", sa.Uuid()),
        sa.Column("minutes", sa.Integer()),
        sa.Column("at", sa.String()),
        sa.Column("week_start", sa.String(), nullable=False),
        sa.Column("ends_on", sa.Date()),
        sa.Column("schedule", sa.JSON(), nullable=False),
        sa.Column("pauses", sa.JSON(), nullable=False),
        references={"intention_id": "intention", "action_item_id": "action_item"},
        values={"change": SIDES, "domain": DOMAINS, "week_start": ("MO", "SA", "SU")},
    )
    create_record_table(
        "practice_entry",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("minutes", sa.Integer()),
        sa.Column("difficulty", sa.Integer()),
        references={"practice_id": "practice"},
        values={"outcome": ("done", "partly", "skipped")},
    )
    create_record_table(
        "check_in",
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("session_id", sa.Uuid()),
        *(sa.Column(name, sa.Integer()) for name in VALUES),
        sa.Column("side_effects", sa.JSON(), nullable=False),
        references={"session_id": "session"},
    )


def downgrade() -> None:
    """Undo the change. What is left of the records' changes is deleted, too, because no program before this knows them."""
    for table, collection in COLLECTIONS.items():
        for about in ("change", "revision", "shared_item"):
            op.execute(f"DELETE FROM {about} WHERE collection = '{collection}'")  # noqa: S608 - names, not input
        op.drop_table(table)
