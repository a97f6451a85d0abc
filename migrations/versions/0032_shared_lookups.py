"""indexes by which a clinic finds a record by its id or its identifier."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"

MANAGED = sa.text("clinic_id IS NOT NULL")


def upgrade() -> None:
    """Change the schema."""
    op.create_index(op.f("ix_shared_item_clinic_id_collection_id"), "shared_item", ["clinic_id", "collection", "id"])
    op.create_index(
        op.f("ix_session_clinic_id_value"),
        "session",
        ["clinic_id", "value"],
        postgresql_where=MANAGED,
        sqlite_where=MANAGED,
    )


def downgrade() -> None:
    """Change the schema back."""
    op.drop_index(op.f("ix_session_clinic_id_value"), table_name="session")
    op.drop_index(op.f("ix_shared_item_clinic_id_collection_id"), table_name="shared_item")
