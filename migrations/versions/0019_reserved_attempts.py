"""attempts at passwords are reserved until they are decided."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Change the schema. The default is for servers of the former version that still run."""
    op.add_column("throttle", sa.Column("reserved", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("throttle", sa.Column("reserved_until", sa.DateTime(timezone=True)))


def downgrade() -> None:
    """Undo the change."""
    op.drop_column("throttle", "reserved_until")
    op.drop_column("throttle", "reserved")
