"""sessions that clinics manage."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"

MANAGED = sa.text("clinic_id IS NOT NULL")
COLUMNS = {"clinic_id": sa.Uuid(), "system": sa.String(), "value": sa.String(), "revision": sa.BigInteger()}


def upgrade() -> None:
    """Change the schema. After this revision, each stored document of a session gets its member `clinic_id`."""
    for name, kind in COLUMNS.items():
        op.add_column("session", sa.Column(name, kind))
    with op.batch_alter_table("session") as batch:
        batch.create_foreign_key(op.f("fk_session_clinic_id"), "clinic", ["clinic_id"], ["id"])
    op.create_index(
        op.f("ix_session_clinic_id_owner_id"),
        "session",
        ["clinic_id", "owner_id"],
        postgresql_where=MANAGED,
        sqlite_where=MANAGED,
    )


def downgrade() -> None:
    """Undo the change."""
    op.drop_index(op.f("ix_session_clinic_id_owner_id"), "session")
    with op.batch_alter_table("session") as batch:
        batch.drop_constraint(op.f("fk_session_clinic_id"), type_="foreignkey")
        for name in COLUMNS:
            batch.drop_column(name)
