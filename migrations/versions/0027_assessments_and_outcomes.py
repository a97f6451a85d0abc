"""assessments and outcomes: their tables."""

import sqlalchemy as sa
from alembic import op

from migrations.record_tables import create_record_table

revision = "0027"
down_revision = "0026"

COLLECTIONS = {"outcome": "outcomes", "assessment": "assessments"}


def upgrade() -> None:
    """Change the schema."""
    create_record_table(
        "assessment",
        sa.Column("instrument", sa.String(), nullable=False),
        sa.Column("instrument_version", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("session_id", sa.Uuid()),
        sa.Column("timepoint", sa.String()),
        references={"session_id": "session"},
        values={
            "status": ("in-progress", "completed", "entered-in-error"),
            "timepoint": ("baseline", "before-session", "after-session", "follow-up"),
        },
    )
    create_record_table(
        "outcome",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("intention_id", sa.Uuid()),
        sa.Column("action_item_id", sa.Uuid()),
        sa.Column("practice_id", sa.Uuid()),
        sa.Column("level", sa.Integer()),
        sa.Column("achievement", sa.String()),
        references={"intention_id": "intention", "action_item_id": "action_item", "practice_id": "practice"},
        values={
            "achievement": ("in-progress", "improving", "no-change", "worsening", "achieved", "not-achieved"),
        },
    )


def downgrade() -> None:
    """Undo the change. What is left of the records' changes is deleted, too, because no program before this knows them."""
    for table, collection in COLLECTIONS.items():
        for about in ("change", "revision", "shared_item"):
            op.execute(f"DELETE FROM {about} WHERE collection = '{collection}'")  # noqa: S608 - names, not input
        op.drop_table(table)
