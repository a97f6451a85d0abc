"""the network that requested a registration code."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Change the schema. The defaults are for servers of the former version that still run."""
    op.add_column("registration", sa.Column("network", sa.LargeBinary(), nullable=False, server_default=sa.text("''")))
    op.add_column("registration", sa.Column("tries_elsewhere", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Undo the change."""
    op.drop_column("registration", "tries_elsewhere")
    op.drop_column("registration", "network")
