"""whether the newest refresh token of a device is in use."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Change the schema. The default is for servers of the former version that still run."""
    op.add_column("device", sa.Column("unused", sa.LargeBinary()))
    op.add_column("device", sa.Column("repeated", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Undo the change."""
    op.drop_column("device", "repeated")
    op.drop_column("device", "unused")
