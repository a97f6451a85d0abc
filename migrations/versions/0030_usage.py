"""what each owner has stored: records, bytes of documents, and remembered operations."""

import sqlalchemy as sa
from alembic import op

from migrations.stored_usage import count, count_documents

revision = "0030"
down_revision = "0029"

COLUMNS = {"records": sa.Integer(), "document_bytes": sa.BigInteger(), "remembered_ops": sa.Integer()}


def upgrade() -> None:
    """Change the schema, and count. The default is for servers of the former version that still run."""
    for name, kind in COLUMNS.items():
        op.add_column("feed", sa.Column(name, kind, nullable=False, server_default="0"))
    op.execute(count("remembered_ops = counted.number", "SELECT owner_id, 1 AS size FROM remembered_op"))
    count_documents()


def downgrade() -> None:
    """Undo the change."""
    for name in COLUMNS:
        op.drop_column("feed", name)
