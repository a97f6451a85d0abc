"""an index of the devices that are signed in."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Change the schema."""
    condition = sa.text("ended_at IS NULL")
    op.create_index("ix_device_signed_in", "device", ["account_id"], postgresql_where=condition, sqlite_where=condition)


def downgrade() -> None:
    """Undo the change."""
    op.drop_index("ix_device_signed_in", "device")
