"""compressed documents, which earlier versions cannot read."""

from migrations.stored_usage import count_documents

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    """Change nothing: `migrations.document_compression` then compresses the documents."""


def downgrade() -> None:
    """Count the bytes again, because `migrations.document_compression` has stored documents without compression."""
    count_documents()
