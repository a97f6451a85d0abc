"""on PostgreSQL, index only rows that have the reference: most optional references are empty."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

REFERENCES = {
    "element": ["session_id"],
    "intention": ["session_id", "element_id", "derived_from_id"],
    "reflection": ["session_id", "element_id", "intention_id"],
    "action_item": ["session_id", "element_id", "intention_id", "reflection_id"],
}


def index(*, partial: bool) -> None:
    """Replace PostgreSQL's indexes."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, fields in REFERENCES.items():
        for field in fields:
            name = op.f(f"ix_{table}_owner_id_{field}_created_at_id")
            there = sa.text(f"{field} IS NOT NULL") if partial else None
            op.drop_index(name, table)
            op.create_index(name, table, ["owner_id", field, "created_at", "id"], postgresql_where=there)


def upgrade() -> None:
    """Change the schema."""
    index(partial=True)


def downgrade() -> None:
    """Undo the change."""
    index(partial=False)
