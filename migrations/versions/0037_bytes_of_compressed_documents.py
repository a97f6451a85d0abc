"""the bytes of documents after their compression."""

from migrations.stored_usage import count_documents

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    """Count the bytes again, because `migrations.document_compression` has compressed documents."""
    count_documents()


def downgrade() -> None:
    """Change nothing: `migrations.document_compression` then stores the documents without compression."""
